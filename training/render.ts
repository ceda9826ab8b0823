/**
 * @file Renders scenes into raw files for train.py: `npx tsx training/render.ts NAME SEED COUNT [PROCESSES]`.
 *
 * Writes training/data/NAME.images.u8 (COUNT × 3 × 96 × 96 bytes), NAME.labels.u8 (COUNT bytes) and NAME.json (seed, count and classes).
 * Each process renders every PROCESSES-th scene and writes it in its place.
 */
import { fork } from "node:child_process";
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { renderScene, scenesClasses } from "../src/scenes/scenes.ts";

const size = 96;
const [name, seed, count, processes = String(availableParallelism()), worker] = process.argv.slice(2);
if (count === undefined) throw new Error("usage: npx tsx training/render.ts NAME SEED COUNT [PROCESSES]");
const folder = join(import.meta.dirname, "data");
const paths = ["images", "labels"].map((kind) => join(folder, `${name}.${kind}.u8`));

if (worker === undefined) {
  mkdirSync(folder, { recursive: true });
  for (const path of paths) closeSync(openSync(path, "w"));
  const workers = Array.from({ length: Number(processes) }, (_, i) => {
    const child = fork(fileURLToPath(import.meta.url), [name, seed, count, processes, String(i)]);
    return new Promise<void>((resolve, reject) => {
      child.on("exit", (code) => (code === 0 ? resolve() : reject(new Error(`worker ${i} ended with ${code}`))));
    });
  });
  await Promise.all(workers);
  const record = { seed: Number(seed), count: Number(count), classes: scenesClasses };
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(record)}\n`);
} else {
  const [images, labels] = paths.map((path) => openSync(path, "r+"));
  for (let index = Number(worker); index < Number(count); index += Number(processes)) {
    const { image, label } = renderScene({ seed: Number(seed), index, size });
    const bytes = Uint8Array.from(image.data, (value) => Math.round(value * 255));
    writeSync(images, bytes, 0, bytes.length, index * bytes.length);
    writeSync(labels, Uint8Array.of(label), 0, 1, index);
    if (worker === "0" && index % 500 === 0) process.stderr.write(`${name}: ${index} of ${count}\n`);
  }
}
