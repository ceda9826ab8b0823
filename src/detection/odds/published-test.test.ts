import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { given } from "../../../test/given.ts";
import { normalQuantile } from "../../random/normal-quantile.ts";
import { correctedLabel } from "./correction.ts";
import { createOddsFit } from "./fit-odds.ts";
import { parseNoiseKind } from "./noise.ts";
import { oddsScore } from "./score.ts";

type Form = "regression" | "pairs";
type Table = readonly (readonly number[])[];

interface Golden {
  readonly detection: readonly string[];
  readonly correction: readonly string[];
  readonly probability: number;
  readonly cases: Readonly<
    Record<
      Form,
      {
        readonly train: {
          readonly labels: readonly number[];
          readonly clean: Table;
          readonly cleanNoisy: readonly Table[];
          readonly attacked: Table;
          readonly attackedNoisy: readonly Table[];
        };
        readonly test: {
          readonly logits: Table;
          readonly detectionNoisy: readonly Table[];
          readonly correctionNoisy: readonly Table[];
        };
        readonly scores: readonly number[];
        readonly flagged: readonly boolean[];
        readonly corrected: readonly number[];
      }
    >
  >;
}

/** What the released code says of recorded logits; fixtures/published_test.py has the recipe. */
const golden = JSON.parse(readFileSync(new URL("./fixtures/published_test.json", import.meta.url), "utf8")) as Golden;

/** Mean alignments [kinds, K] from an image's logits and, per kind, the mean logits of its noisy copies. */
function alignmentsOf(logits: readonly number[], noisy: Table) {
  const label = logits.indexOf(Math.max(...logits));
  const mean = noisy.flatMap((means) => means.map((n, a) => logits[label] - logits[a] - (means[label] - n)));
  const facts = { samples: 5, antithetic: false, squares: new Float64Array(mean.length) };
  return { label, mean: Float64Array.from(mean), ...facts };
}

describe.each(["regression", "pairs"] as const)("the released code's test, correction by %s", (form) => {
  const { train, test: images, scores, flagged, corrected } = golden.cases[form];
  const [kinds, larger] = [golden.detection, golden.correction].map((names) =>
    names.map((name) => parseNoiseKind("golden", name)),
  );
  const fit = createOddsFit(images.logits[0].length, kinds, larger);
  for (const [n, label] of train.labels.entries()) {
    fit.addClean(alignmentsOf(train.clean[n], train.cleanNoisy[n]));
    fit.addAttacked(alignmentsOf(train.attacked[n], train.attackedNoisy[n]), label);
  }
  const { labels } = train;
  const statistics = fit.finish({ samples: 5, antithetic: false, seed: 0, given: labels.length });
  const cutoff = normalQuantile(golden.probability);

  test("scores and verdicts are the same", () => {
    expect(new Set(flagged).size).toBe(2);
    for (const [n, logits] of images.logits.entries()) {
      const { score } = given(oddsScore(alignmentsOf(logits, images.detectionNoisy[n]), statistics));
      expect(Math.abs(score - scores[n])).toBeLessThan(1e-4 * Math.max(1, Math.abs(scores[n])));
      expect(score > cutoff).toBe(flagged[n]);
    }
  });

  test("so are the corrected labels of what is flagged", () => {
    const found = images.logits.map((logits, n) => {
      const entry = alignmentsOf(logits, images.correctionNoisy[n]);
      return flagged[n] ? correctedLabel(entry, given(statistics.correction), form) : entry.label;
    });
    expect(found).toEqual(corrected);
    const changed = found.filter((label, n) => label !== alignmentsOf(images.logits[n], []).label);
    expect(new Set(changed).size).toBeGreaterThan(1);
  });
});
