import * as ort from "onnxruntime-node";
import { afterAll, describe, expect, test } from "vitest";
import { tinyClassifier } from "../../../test/tiny-classifier.ts";
import { createClassifier } from "../../classifier/classifier.ts";
import { saliencyMethods } from "../../saliency/methods.ts";
import type { ExplainFlags } from "../flags/explain-flags.ts";
import { checkedMethodRuns, maskedMethods, methodRunsOf } from "./explain-methods.ts";

const classifier = createClassifier(tinyClassifier(), { runtime: ort, threads: 1 });
afterAll(() => classifier.dispose());

function runsOf(...method: string[]): { readonly names: string[]; readonly notes: string[] } {
  const notes: string[] = [];
  const flags = { method } as Partial<ExplainFlags> as ExplainFlags;
  const runs = checkedMethodRuns(classifier, methodRunsOf(flags), {}, (text) => notes.push(text));
  return { names: runs.map((run) => run.method.name), notes };
}

describe("of all methods those run that are for the classifier", () => {
  test("the others are left out, with the reason", () => {
    const { names, notes } = runsOf("all");
    const left = ["attention-rollout", "transformer-attribution"];
    expect(names).toEqual(saliencyMethods.map(({ name }) => name).filter((name) => !left.includes(name)));
    expect(notes).toEqual([`${left.join(", ")} are left out: the network has no attention.`]);
  });

  test("one that is asked for by its name is an error, also beside all", () => {
    expect(() => runsOf("attention-rollout")).toThrow("attention-rollout: the network has no attention");
    expect(() => runsOf("all", "attention-rollout")).toThrow("attention-rollout: the network has no attention");
  });
});

test("of all methods those are held to a region that change the picture; one that is named and does not is an error", () => {
  const masked = (...method: string[]): string[] => {
    const flags = { method, mask: "0,0,4,4" } as Partial<ExplainFlags> as ExplainFlags;
    return maskedMethods(methodRunsOf(flags), flags).map((run) => run.method.name);
  };
  expect(masked("all")).toEqual(saliencyMethods.filter(({ perturbing }) => perturbing).map(({ name }) => name));
  expect(() => masked("all", "rise")).toThrow(
    "--mask: rise does not change the picture, expected --method with some of",
  );
});
