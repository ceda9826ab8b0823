import * as ort from "onnxruntime-node";
import * as node from "../src/node/index.ts";
import { detectors } from "../src/detection/detectors.ts";
import { fitDetectors } from "../src/experiments/detectors/fit-detectors.ts";
import { planRuns } from "../src/experiments/detectors/detector-run.ts";
import { findAttack } from "../src/attacks/attacks.ts";
import { openMeasuring } from "../src/detection/measurement.ts";
const D = "/work/shared/data";
const c = await node.loadClassifier(`${D}/models/cifar10_resnet20_bn.onnx`, { runtime: ort, labels: "cifar10", threads: 2 } as never);
const images = (await node.loadDataset(`cifar10:${D}/cifar10`, { split: "train" } as never)).images.slice(0, 2000);
const fitted = await Promise.all(images.map(async (i) => ({ ...i, pixels: c.fit(await i.picture()) })));
const ready = fitted.map((i) => ({ ...i, picture: async () => i.pixels as never }));
const pass = await c.forward({ batch: 64 });
const forward = async () => { const t = performance.now(); for (let i = 0; i < 2000; i += 64) await pass.run(fitted.slice(i, i + 64).map((x) => x.pixels.data)); return (performance.now() - t) / 1000; };
await forward();
const med = (a: number[]) => [...a].sort((x, y) => x - y)[Math.floor(a.length / 2)]!;
const names = ["confidence", "margin", "squeezing", "mahalanobis", "kernel-density", "lid", "subset-scanning"];
const ratios = new Map<string, number[]>();
for (let round = 0; round < 3; round++) for (const name of names) {
  const d = detectors.find((x) => x.name === name)!;
  const runs = planRuns([{ name, detector: d, settings: {} }], c).filter((r) => r.name === name);
  const f = await forward();
  const t = performance.now();
  const [one] = await fitDetectors(c, runs, ready as never, { seed: 0, fitAttack: { name: "pgd", attack: findAttack("pgd"), settings: {} }, batch: 64 });
  const s = (performance.now() - t) / 1000;
  ratios.set(name, [...(ratios.get(name) ?? []), s / f]);
  if (round === 2 && one !== undefined && "statistics" in one) {
    const m = await openMeasuring(c, runs[0]!.plan.parts, { batch: 64 });
    const rows = await m.measure(fitted.slice(0, 256).map((x) => ({ id: x.id, pixels: x.pixels.data })));
    const score = runs[0]!.plan.scorer(one.statistics);
    for (const r of rows) score(r);
    const u = performance.now(); for (let k = 0; k < 4; k++) for (const r of rows) score(r);
    console.log(name, "forward", f.toFixed(2), "s; fit/forward", med(ratios.get(name)!).toFixed(2), "scoring us/image", (((performance.now() - u) / 1024) * 1000).toFixed(1));
  }
}
await c.dispose();
