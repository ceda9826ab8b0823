import { expect, test } from "vitest";
import { attackEndings, describeEnding } from "./ending.ts";

const notFlipped = "not-flipped" as const;

test.each([
  ["PGD", { epsilon: 0.03, steps: 10 }, "Allow a larger epsilon, allow more steps, or try another attack."],
  ["FGSM", { epsilon: 0.03 }, "Allow a larger epsilon or try another attack."],
  ["DeepFool", { steps: 50, overshoot: 0.02 }, "Allow more steps or try another attack."],
  [
    "the perceptual attack with a weight",
    { epsilon: null, iterations: 100, evaluations: 128, perceptualWeight: 3 },
    "Allow more iterations, lower the perceptual weight, or try another attack.",
  ],
  [
    "the perceptual attack that looks for its weight",
    { epsilon: null, iterations: 100, evaluations: 150, perceptualWeight: null },
    "Allow more evaluations or try another attack.",
  ],
  [
    "the same without a perceptual term",
    { iterations: 100, perceptualWeight: 0 },
    "Allow more iterations or try another attack.",
  ],
  ["an attack without settings", {}, "Try another attack."],
])("%s: advice is on what it has", (_, settings, advice) => {
  expect(describeEnding({ outcome: notFlipped, settings, details: {} })).toBe(`The label is not flipped. ${advice}`);
});

test("what stood in the way comes instead of advice", () => {
  const details = { hindrance: "The constraint holds it back." };
  const ending = { outcome: notFlipped, settings: { epsilon: 0.03 }, details };
  expect(describeEnding(ending)).toBe("The label is not flipped. The constraint holds it back.");
});

test("a budget is spoken of where there is one", () => {
  for (const outcome of ["flipped", "over-budget"] as const) {
    expect(describeEnding({ outcome, settings: { epsilon: 0.03 }, details: {} })).toMatch(/budget/);
    expect(describeEnding({ outcome, settings: { epsilon: null }, details: {} })).not.toMatch(/budget|epsilon/);
  }
  expect(describeEnding({ outcome: "already-flipped", settings: {}, details: {} })).toBe(
    attackEndings["already-flipped"],
  );
});
