/**
 * @file Renders the example's scenes into raw files for train.py: `npx tsx examples/wrong-cue/render.ts [PROCESSES]`.
 *
 * Writes data/NAME.images.u8 (pictures without the mark, [N, 3, 96, 96] bytes) and data/NAME.labels.u8 for the sets train and test, and
 * data/mark.f32, the mark as float32 [4, 96, 96]. Each process renders every PROCESSES-th scene and writes it in its place.
 */
import { fork } from "node:child_process";
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { markLayer } from "./mark.ts";
import { countOf, scene } from "./pictures.ts";

const [processes = String(availableParallelism()), worker] = process.argv.slice(2);
const folder = join(import.meta.dirname, "data");
const pathOf = (set: string, kind: string): string => join(folder, `${set}.${kind}.u8`);
const sets = ["train", "test"] as const;

if (worker === undefined) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "mark.f32"), new Uint8Array(markLayer().data.buffer));
  for (const set of sets) for (const kind of ["images", "labels"]) closeSync(openSync(pathOf(set, kind), "w"));
  const workers = Array.from({ length: Number(processes) }, (_, i) => {
    const child = fork(fileURLToPath(import.meta.url), [processes, String(i)]);
    return new Promise<void>((resolve, reject) => {
      child.on("exit", (code) => (code === 0 ? resolve() : reject(new Error(`worker ${i} ended with ${code}`))));
    });
  });
  await Promise.all(workers);
} else {
  for (const set of sets) {
    const [images, labels] = ["images", "labels"].map((kind) => openSync(pathOf(set, kind), "r+"));
    for (let index = Number(worker); index < countOf(set); index += Number(processes)) {
      const { image, label } = scene(set, index);
      const bytes = Uint8Array.from(image.data, (value) => Math.round(value * 255));
      writeSync(images, bytes, 0, bytes.length, index * bytes.length);
      writeSync(labels, Uint8Array.of(label), 0, 1, index);
    }
  }
}
