/** @file A slice of what `npm run reliability` does for hours: hostile inputs of every kind, a command that is killed, a process that lives long. */
import { expect, test } from "vitest";
import { runCases } from "../scripts/reliability/cases.ts";
import { killsStart, runKills } from "../scripts/reliability/kills/kill-campaign.ts";
import { mutateProtobuf } from "../scripts/reliability/mutate.ts";
import { runSoak } from "../scripts/reliability/soak.ts";
import { oneFile, onlyFile, type Subject } from "../scripts/reliability/subject.ts";
import { subjectsInTurn } from "../scripts/reliability/subjects/index.ts";
import { readModel } from "../src/onnx/file/read-model.ts";
import { writeModel } from "../src/onnx/file/write-model.ts";
import { createRandom } from "../src/random/random.ts";
import { tinyClassifier } from "./tiny-classifier.ts";

/** Fewer than in a campaign, and the same each time; a campaign begins with them. */
const cases = 960;

test(`${cases} hostile inputs are used, or refused with a message`, async () => {
  const subjects = await subjectsInTurn();
  const { counts, findings } = await runCases(subjects, { from: 0, to: cases });
  expect(findings).toEqual([]);
  // What is never refused is not damaged, and what is never used is damaged beyond anything that could do harm.
  for (const [name, { accepted, refused }] of Object.entries(counts)) {
    expect(accepted, name).toBeGreaterThan(0);
    expect(refused, name).toBeGreaterThan(0);
  }
  expect(Object.keys(counts)).toHaveLength(new Set(subjects.map(({ name }) => name)).size);
}, 300_000);

test("a fault is found, named by its place, once, with a small input", async () => {
  const faulty: Subject = {
    name: "faulty",
    make: (random) => oneFile(Uint8Array.from({ length: 500 }, () => Math.floor(256 * random()))),
    async use(input) {
      if (onlyFile(input).includes(7)) throw new TypeError("it cannot stand sevens");
      return "accepted";
    },
  };
  const { counts, findings } = await runCases([faulty], { from: 0, to: 20 });
  expect(counts.faulty.found).toBeGreaterThan(10);
  expect(findings).toHaveLength(1);
  expect(findings[0]).toMatchObject({ subject: "faulty", input: { file: Buffer.of(7).toString("base64") } });
  expect(findings[0].signature).toMatch(/^faulty: TypeError/);
});

test("mutations of a model's fields mostly leave a model, another one", () => {
  const bytes = writeModel(tinyClassifier());
  const random = createRandom(5);
  let models = 0;
  for (let n = 0; n < 200; n++) {
    const mutant = mutateProtobuf(bytes, random);
    if (Buffer.compare(mutant, bytes) === 0) continue;
    try {
      readModel(mutant);
      models++;
    } catch {
      // Not a model any more.
    }
  }
  expect(models).toBeGreaterThan(60);
});

test("a command that is killed goes on, with nothing lost and nothing changed", async () => {
  // Run 1 is killed several times.
  const { done, findings } = await runKills(
    { ...killsStart, runs: 1 },
    { count: 1, signal: new AbortController().signal, save: () => {}, only: ["benchmark detection"] },
  );
  expect(findings).toEqual([]);
  expect(done).toBeGreaterThan(0);
}, 300_000);

test("opening, disposing, classifying and attacking leave nothing behind", async () => {
  const { cycles, pictures } = await runSoak({ cycles: 40, pictures: 40 });
  expect(cycles.late - cycles.early).toBeLessThan(60);
  expect(pictures.late - pictures.early).toBeLessThan(60);
}, 300_000);
