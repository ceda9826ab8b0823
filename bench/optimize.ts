/**
 * @file Prints what one iteration of each solver costs beside its evaluations, in milliseconds, at the size of a 224 × 224 image.
 *
 * Run: npx tsx bench/optimize.ts
 *
 * The driver's own evaluation (a separable quadratic) is outside of the clock: only the time between an answer and the next
 * query counts. The first iterations, in which the history fills and the code is compiled, are left out. The variants take turns, run by run,
 * so that what else the machine does falls on all of them alike.
 */
import { descend } from "../src/optimize/descend.ts";
import { lbfgs } from "../src/optimize/lbfgs.ts";
import { projectBox, projectLinfBall } from "../src/optimize/projections.ts";
import type { Solver } from "../src/optimize/solver.ts";
import { adam, signStep } from "../src/optimize/update-rules.ts";
import { quantile } from "./measuring.ts";

const size = 3 * 224 * 224;
const [runs, warmUp, iterations] = [12, 25, 60];

const start = Float32Array.from({ length: size }, (_, i) => 0.5 + 0.4 * Math.sin(i));
const target = start.map((x, i) => x + 0.05 * Math.cos(7 * i));
const weights = Float32Array.from({ length: size }, (_, i) => 1e-3 * (1 + 30 * ((i * 0.618) % 1)));

/** ½·Σ w(x − target)², to the fourth power in part, so that no solver is done early; its gradient in a fresh array, as a session gives. */
function evaluate(point: Float32Array): { value: number; gradient: Float32Array } {
  const gradient = new Float32Array(size);
  let value = 0;
  for (let i = 0; i < size; i++) {
    const gap = point[i] - target[i];
    value += weights[i] * gap * gap * (0.5 + 100 * gap * gap);
    gradient[i] = weights[i] * gap * (1 + 400 * gap * gap);
  }
  return { value, gradient };
}

const settings = { maxIterations: iterations, toleranceGradient: 0, toleranceChange: 0, history: 10 } as const;
const variants: Record<string, () => Solver> = {
  "lbfgs, history 10": () => lbfgs(start, settings),
  "lbfgs, history 10, clipped to [0, 1]": () => lbfgs(start, { ...settings, project: projectBox(0, 1) }),
  "lbfgs, history 10, ℓ∞ ball 8/255": () =>
    lbfgs(start, { ...settings, project: projectLinfBall(start, 8 / 255, 0, 1) }),
  "lbfgs, history 10, armijo": () => lbfgs(start, { ...settings, lineSearch: "armijo" }),
  "lbfgs, history 100": () => lbfgs(start, { ...settings, history: 100 }),
  adam: () => descend(start, adam({ stepSize: 1e-3 }), { maxIterations: iterations }),
  "descent, sign, ℓ∞ ball 8/255": () =>
    descend(start, signStep(1 / 255), {
      maxIterations: iterations,
      project: projectLinfBall(start, 8 / 255, 0, 1),
    }),
};

const times = new Map<string, number[]>(Object.keys(variants).map((name) => [name, []]));
for (let run = 0; run < runs; run++) {
  for (const [name, make] of Object.entries(variants)) {
    const solver = make();
    let state = solver.next();
    while (!state.done) {
      const { iteration, point } = state.value;
      const answer = evaluate(point);
      const before = performance.now();
      state = solver.next(answer);
      const spent = performance.now() - before;
      if (iteration >= warmUp && run >= 2) times.get(name)?.push(spent);
    }
  }
}

const lines = [...times].map(([name, all]) => {
  const at = (share: number) => (all.length === 0 ? "–" : quantile(all, share).toFixed(2));
  return `${name.padEnd(38)} ${at(0.05)} / ${at(0.5)} / ${at(0.95)}   (${all.length} iterations)`;
});
process.stdout.write(`ms per iteration at n = ${size}: 5 % / median / 95 %\n${lines.join("\n")}\n`);
