/**
 * @file Whether a gradient arrives at the pixels: not read off the operators, but tried.
 *
 * Every operator on the way may have a rule, and yet nothing comes through: a step that is flat everywhere, weights of 0, a branch that is
 * never taken. So the network is run back once from random cotangents of all its logits, on pictures that look like none in particular.
 */
import { checkForm, checkKeys, throwIfAborted } from "../../errors.ts";
import { normal } from "../../random/distributions.ts";
import { createRandom } from "../../random/random.ts";
import { sizeOf } from "../../tensor/tensor.ts";
import type { Classifier } from "../classifier.ts";
import { blockedAt } from "./step-notes.ts";

/** Why no gradient arrives, a phrase; undefined if one does. */
export interface GradientProbe {
  readonly blocker: string | undefined;
  /** The share of pixels and channels, in [0, 1], whose derivative is not 0 on one of the pictures. */
  readonly reached: number;
  /** Why nothing was run, a phrase: the network's values would take more memory than a look at it is worth. */
  readonly notTried?: string;
}

/** Networks whose values take more bytes than this are not run. */
const mostBytes = 1.5e9;

/** How many pictures are tried, at most: one on which all units happen to be at rest says nothing. */
const pictures = 3;

/** Runs `classifier` back on up to three pictures. Throws as its passes do. */
export async function probeGradient(
  classifier: Pick<Classifier, "prepared" | "backward" | "classCount">,
  options: { readonly signal?: AbortSignal } = {},
): Promise<GradientProbe> {
  checkKeys("probeGradient", options, ["signal"]);
  checkForm("probeGradient: classifier", classifier, ["prepared", "backward", "classCount"]);
  checkForm("probeGradient: options", options, []);
  const { signal } = options;
  const { prepared, classCount } = classifier;
  const { channels, height, width } = prepared;
  const bytes = [...prepared.typed(prepared.fixedBatch ?? 1).types.values()].reduce(
    (sum, { shape }) => sum + 4 * sizeOf(shape),
    0,
  );
  if (bytes > mostBytes) {
    return { blocker: undefined, reached: 0, notTried: `its values take ${(bytes / 1e9).toFixed(1)} GB` };
  }
  const pass = await classifier.backward({ of: "logits" });
  let reached = 0;
  for (let index = 0; index < pictures; index++) {
    throwIfAborted(signal, "probeGradient");
    const random = createRandom(17, index);
    const image = blotches(channels, height, width, random);
    const seed = Float32Array.from({ length: classCount }, () => normal(random));
    const [{ logits, gradient }] = await pass.run([{ image, seed }], { signal });
    if (!logits.every(Number.isFinite)) return { blocker: "the logits are no finite numbers", reached: 0 };
    if (!gradient.every(Number.isFinite))
      return { blocker: "the gradient at the pixels is no finite number", reached: 0 };
    const count = gradient.reduce((sum, value) => sum + (value === 0 ? 0 : 1), 0);
    reached = Math.max(reached, count / gradient.length);
    if (reached > 0.01) break;
  }
  return { blocker: reached === 0 ? `no gradient arrives at the pixels${culprits(prepared)}` : undefined, reached };
}

/** Smooth colors and noise, of the mean and spread of photographs. */
function blotches(
  channels: number,
  height: number,
  width: number,
  random: ReturnType<typeof createRandom>,
): Float32Array {
  const image = new Float32Array(channels * height * width);
  for (let c = 0; c < channels; c++) {
    const waves = Array.from({ length: 6 }, () => ({
      x: normal(random, 0, 9) / width,
      y: normal(random, 0, 9) / height,
      phase: normal(random, 0, 3),
    }));
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const wave = waves.reduce((sum, one) => sum + Math.sin(one.x * x + one.y * y + one.phase), 0) / waves.length;
        const value = 0.45 + 0.35 * wave + normal(random, 0, 0.05);
        image[(c * height + y) * width + x] = Math.min(1, Math.max(0, value));
      }
    }
  }
  return image;
}

/** The steps on the way that pass no gradient, if any. */
function culprits({ graph, input, logits, typed, fixedBatch }: Classifier["prepared"]): string {
  const shape = typed(fixedBatch ?? 1).types.get(input)?.shape ?? [];
  const ends = blockedAt(graph, { input, logits, inputShapes: { [input]: shape } });
  return ends === undefined
    ? ": it is 0 on every way, as of weights that are 0 or units that are always at rest"
    : `: it ends at ${ends}`;
}
