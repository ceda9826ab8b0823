/** @file A long life in one process: a classifier opened and disposed of a thousand times, and ten thousand pictures attacked; memory must stay. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { loadClassifier } from "../../src/node/models/load-classifier.ts";
import { writeModelFile } from "../../src/node/models/write-model-file.ts";
import { writePng } from "../../src/node/pictures/write-image.ts";
import { runCli } from "../../test/run-cli.ts";
import { tinyClassifier, tinyImage } from "../../test/tiny-classifier.ts";

export interface SoakResult {
  /** Memory of the process in megabytes after a tenth of the work, and at the end. */
  readonly cycles: { readonly count: number; readonly early: number; readonly late: number };
  readonly pictures: { readonly count: number; readonly early: number; readonly late: number };
}

/** Needs `--expose-gc` to measure what is held rather than what is not collected yet. */
function megabytes(): number {
  (globalThis as { readonly gc?: () => void }).gc?.();
  return Math.round(process.memoryUsage().rss / 2 ** 20);
}

export async function runSoak({ cycles = 1000, pictures = 10_000 } = {}): Promise<SoakResult> {
  const folder = mkdtempSync(join(tmpdir(), "reliability-soak-"));
  try {
    const model = join(folder, "tiny.onnx");
    writeModelFile(model, tinyClassifier());
    let early = 0;
    for (let n = 1; n <= cycles; n++) {
      const classifier = await loadClassifier(model, { runtime: ort });
      await classifier.classify(tinyImage(n));
      await classifier.dispose();
      if (n === Math.ceil(cycles / 10)) early = megabytes();
    }
    const opened = { count: cycles, early, late: megabytes() };
    // The same few files under many names would be one: each picture is its own.
    const perFolder = Math.ceil(pictures / 10);
    for (let part = 0; part < 10; part++) {
      const place = join(folder, `part-${part}`);
      mkdirSync(place);
      for (let n = 0; n < perFolder; n++) await writePng(join(place, `p${n}.png`), tinyImage(part * perFolder + n));
    }
    const attack = async (part: number): Promise<void> => {
      const data = join(folder, `part-${part}`);
      const out = join(folder, `out-${part}`);
      const { code, stderr } = await runCli(["classify", data, "--model", model, "--csv", "--quiet"]);
      if (code !== 0) throw new Error(stderr);
      const attacked = await runCli(["attack", data, "--model", model, "--attack", "fgsm", "--quiet", "--out", out]);
      if (attacked.code !== 0) throw new Error(attacked.stderr);
      rmSync(out, { recursive: true, force: true });
    };
    await attack(0);
    early = megabytes();
    for (let part = 1; part < 10; part++) await attack(part);
    return { cycles: opened, pictures: { count: 10 * perFolder, early, late: megabytes() } };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
