import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { differentiate } from "../src/autodiff/differentiate.ts";
import { listLayers } from "../src/classifier/network/layers.ts";
import { prepareModel } from "../src/classifier/network/prepare-model.ts";
import { PerceptualBallError } from "../src/errors.ts";
import { readModel } from "../src/onnx/file/read-model.ts";
import { writeModel } from "../src/onnx/file/write-model.ts";
import { createRandom, type Random } from "../src/random/random.ts";
import { modelOf } from "../src/runtime/session.ts";

/** Mutated models in all: a sample in each run of the tests, 20,000 in `npm run fuzz`. */
const mutations = Number(process.env.PERCEPTUAL_BALL_FUZZ ?? 1500);
const fixtures = join(import.meta.dirname, "../conformance/fixtures");
const models = readdirSync(fixtures).flatMap((name) =>
  readdirSync(join(fixtures, name))
    .filter((file) => file.endsWith(".onnx"))
    .map((file) => {
      const bytes = new Uint8Array(readFileSync(join(fixtures, name, file)));
      // The sizes that are left open are those of the picture that the network was exported with.
      const [, shape = ""] =
        /'shape': \(([^)]*)\)/.exec(readFileSync(join(fixtures, name, "input.npy"), "latin1")) ?? [];
      const isOpen = readModel(bytes).graph.inputs[0].shape?.some(
        (extent, axis) => axis > 1 && extent !== 3 && typeof extent !== "number",
      );
      return { name: `${name}/${file}`, bytes, size: isOpen ? Number(shape.split(",")[2]) : undefined };
    }),
);

function integer(random: Random, below: number): number {
  return Math.floor(random() * below);
}

/** `bytes` with a few of them changed, removed, repeated or exchanged, or cut off. */
function mutate(bytes: Uint8Array, random: Random): Uint8Array {
  let result = bytes.slice();
  for (let count = 1 + integer(random, 4); count > 0; count--) {
    const at = integer(random, result.length);
    const length = 1 + integer(random, 16);
    switch (integer(random, 6)) {
      case 0:
        result[at] ^= 1 << integer(random, 8);
        break;
      case 1:
        result[at] = integer(random, 256);
        break;
      case 2:
        result = Uint8Array.from([...result.subarray(0, at), ...result.subarray(at + length)]);
        break;
      case 3:
        result = Uint8Array.from([...result.subarray(0, at + length), ...result.subarray(at)]);
        break;
      case 4:
        result.copyWithin(at, integer(random, result.length), integer(random, result.length));
        break;
      default:
        if (integer(random, 4) === 0) result = result.slice(0, at);
        else result.fill(integer(random, 2) * 255, at, at + length);
    }
    if (result.length === 0) return result;
  }
  return result;
}

/** What is done with a user's model before anything runs. */
function openWhole(bytes: Uint8Array, size: number | undefined): void {
  const prepared = prepareModel(readModel(bytes), {
    where: "mutant",
    inputSize: size === undefined ? undefined : [size, size],
  });
  const typed = prepared.typed(1);
  listLayers(typed);
  const inputShapes = { [prepared.input]: typed.types.get(prepared.input)?.shape ?? [] };
  writeModel(modelOf(differentiate(prepared.graph, { of: prepared.logits, inputShapes }), { opsets: prepared.opsets }));
}

test("unharmed, they all open", () => {
  for (const { bytes, size } of models) expect(() => openWhole(bytes, size)).not.toThrow();
});

test(`${mutations} mutated models are opened and differentiated, or refused with a message`, () => {
  const random = createRandom(20_260_101);
  const outcomes = { opened: 0, refused: 0 };
  for (let round = 0; round < mutations; round++) {
    const { name, bytes, size } = models[round % models.length];
    const mutant = mutate(bytes, random);
    try {
      openWhole(mutant, size);
      outcomes.opened++;
    } catch (error) {
      if (!(error instanceof PerceptualBallError)) {
        throw new Error(`round ${round}, ${name}: ${(error as Error).stack}`, { cause: error });
      }
      expect(error.message).not.toBe("");
      outcomes.refused++;
    }
  }
  // Mutations that hit weights do no harm; those that hit structure must be noticed. Both have to occur for this to be a test.
  expect(outcomes.opened).toBeGreaterThan(mutations / 20);
  expect(outcomes.refused).toBeGreaterThan(mutations / 20);
}, 900_000);
