import * as ort from "onnxruntime-node";
import { afterAll, expect, test } from "vitest";
import { tinyClassifier } from "../../../test/tiny-classifier.ts";
import { fgsm } from "../../attacks/fgsm.ts";
import { createClassifier } from "../../classifier/classifier.ts";
import { attackIdentity, attackItems } from "../../experiments/attack/protocol.ts";
import { type AttackFinding, findingOf } from "../../experiments/attack/record.ts";
import { memoryStore } from "../../experiments/records/memory-store.ts";
import type { ImageTensor } from "../../image/picture.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { attackExamples } from "./attack-examples.ts";

const classifier = createClassifier(tinyClassifier(), { runtime: ort, threads: 1 });
afterAll(() => classifier.dispose());

test("the original, then for each attack the attacked picture and the difference; what is missing leaves its places empty", async () => {
  const shape = [3, 24, 24];
  const clean = floatTensor(new Float32Array(1728).fill(0.5), shape);
  const changed = floatTensor(
    clean.data.map((x, i) => (i === 0 ? x + 0.25 : i === 1 ? x - 0.125 : x)),
    shape,
  );
  const pictures = ["a", "b", "c"].map((image) => ({ image, origin: "test", input: async () => clean }));
  const runs = ["one", "two"].map((name) => ({ name, attack: fgsm, settings: {} }));
  const items = attackItems(pictures, runs, { classifier, settings: { seed: 0 } });
  const store = memoryStore<AttackFinding>(attackIdentity(classifier, "ab"));
  const found = findingOf(await fgsm.attack(classifier, clean));
  const result = { ...found, label: found.withinBudget.label === 0 ? 1 : 0 };
  for (const { key } of items) {
    // "c" has no record at all, and "b" none of the second attack.
    if (key.image === "c" || (key.image === "b" && key.method === "two")) continue;
    await store.writeArray(key, "adversarial", changed);
    await store.append({ kind: "finished", key, result, seconds: 1, at: "2026-01-01" });
  }
  const shown: ImageTensor[] = [];
  const given = {
    pictures: pictures.map(({ image, input }, position) => ({ title: `picture ${image}`, position, input })),
    ...{ runs, attackItems: items, findings: store, size: { width: 24, height: 24 } },
    encode: async (image: ImageTensor) => `data:,${shown.push(image)}`,
  };
  const svg = await attackExamples({ ...given, labelName: (label) => `class ${label}` });
  expect(svg?.match(/<image /g)).toHaveLength(5 + 3);
  expect(svg).toContain("picture b");
  expect(svg).not.toContain("picture c");
  // The difference about gray, its largest value at the end of the range.
  const difference = shown[2]?.data ?? [];
  expect([difference[0], difference[1], difference[2]]).toEqual([1, 0.25, 0.5]);
  expect(svg).toContain(`>class ${result.withinBudget.label}<`);
  expect(svg?.indexOf("picture a after one")).toBeLessThan(svg?.indexOf("picture a after two") ?? 0);
  expect(svg?.match(new RegExp(`>class ${result.label}<`, "g"))).toHaveLength(2);
  const plain = await attackExamples(given);
  expect(plain).toMatch(/>(not )?flipped, ℓ∞ 8\.0\/255</);
  expect(await attackExamples({ ...given, pictures: given.pictures.slice(2) })).toBeUndefined();
});
