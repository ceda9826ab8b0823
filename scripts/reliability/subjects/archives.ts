/** @file Hostile archives and arrays: tar, the binary files of CIFAR, and NumPy's arrays. */
import { memoryFileSource } from "../../../src/datasets/memory-source.ts";
import { openDataset } from "../../../src/datasets/open-dataset.ts";
import { BadInputError } from "../../../src/errors.ts";
import { tarFiles } from "../../../src/node/data/tar-files.ts";
import { decodeNpy, encodeNpy } from "../../../src/tensor/npy.ts";
import { floatTensor } from "../../../src/tensor/tensor.ts";
import { tarEntry } from "../../../test/tar-entry.ts";
import { evilTexts, extremes, integer, join, mutateBytes, mutateText, pick } from "../mutate.ts";
import { type Input, oneFile, onlyFile, outcomeOf, type Subject } from "../subject.ts";

const record = 3073;
const cifar = Uint8Array.from({ length: 3 * record }, (_, i) => (i % record === 0 ? i % 10 : (i * 31) % 251));
const npy = encodeNpy(
  floatTensor(
    Float32Array.from({ length: 12 }, (_, i) => i),
    [1, 3, 2, 2],
  ),
);

export function archiveSubjects(): readonly Subject[] {
  return [
    {
      name: "tar archives",
      make(random) {
        const entries = Array.from({ length: 1 + integer(random, 3) }, (_, n) => {
          const name = random() < 0.7 ? `folder/file-${n}.bin` : pick(random, evilTexts).slice(0, 99);
          const entry = tarEntry(name, cifar.subarray(0, integer(random, 1200)), {
            kind: pick(random, ["0", "5", "2", "x", "L"]),
          });
          if (random() < 0.6) return entry;
          // A size that lies, with a right checksum.
          const size = pick(random, extremes);
          entry.write(`${Math.abs(size).toString(8).padStart(11, "0").slice(-11)} `, 124);
          entry.write("        ", 148);
          const sum = entry.subarray(0, 512).reduce((total, byte) => total + byte, 0);
          entry.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
          return entry;
        });
        const bytes = join([...entries, new Uint8Array(1024)]);
        return oneFile(random() < 0.6 ? mutateBytes(bytes, random) : bytes);
      },
      use: (input) =>
        outcomeOf(async () => {
          const bytes = onlyFile(input);
          async function* chunks() {
            for (let at = 0; at < bytes.length; at += 700) yield bytes.subarray(at, at + 700);
          }
          let total = 0;
          for await (const { data } of tarFiles(chunks())) total += data.length;
          if (total > bytes.length) throw new Error(`${total} bytes from an archive of ${bytes.length}`);
        }),
    },
    {
      name: "CIFAR's files",
      make: (random): Input =>
        new Map(
          ["data_batch_1.bin", "test_batch.bin", "batches.meta.txt"].map((name, index) => {
            if (index === 2)
              return [name, new TextEncoder().encode(mutateText("airplane\nautomobile\nbird\n", random))];
            return [name, random() < 0.5 ? mutateBytes(cifar, random) : cifar.subarray(0, integer(random, 4) * record)];
          }),
        ),
      use: (input) =>
        outcomeOf(async () => {
          const files = new Map([...input].map(([name, bytes]) => [`data/${name}`, bytes] as const));
          const source = memoryFileSource(files, async (_, path) => {
            throw new BadInputError({ where: path, what: "is no picture" });
          });
          const { images } = await openDataset("cifar10:data", { source });
          for (const image of images.slice(0, 4)) await image.picture();
        }),
    },
    {
      name: "NumPy arrays",
      make(random) {
        if (random() < 0.5) return oneFile(mutateBytes(npy, random));
        const length = npy[8] + 256 * npy[9];
        const header = mutateText(new TextDecoder("latin1").decode(npy.subarray(10, 10 + length)), random);
        const text = Buffer.from(header, "latin1");
        const size = random() < 0.9 ? text.length : pick(random, extremes);
        return oneFile(
          join([npy.subarray(0, 8), Uint8Array.of(size & 255, (size >> 8) & 255), text, npy.subarray(10 + length)]),
        );
      },
      use: (input) => outcomeOf(() => decodeNpy(onlyFile(input), "array")),
    },
  ];
}
