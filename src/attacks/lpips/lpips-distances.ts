/** @file The LPIPS distance of attacked images, measured the same way for every attack. */
import type { Classifier } from "../../classifier/classifier.ts";
import { totalCost } from "../../options/cost.ts";
import { sizeOf } from "../../tensor/tensor.ts";
import { isEqual } from "../../tensor/vector.ts";
import type { Adversarial, AttackResult } from "../attack.ts";
import { lpipsLayers } from "./lpips-layers.ts";

/**
 * The results of `images` with the LPIPS distance of each of their images, in the layers of {@link lpipsLayers} whatever the search compared, so that the
 * numbers of attacks compare. At most four runs forward for each, which its cost counts; images that are equal are seen once.
 */
export async function withLpips<F>(
  classifier: Classifier,
  images: readonly Float32Array[],
  results: readonly AttackResult<F>[],
  { batch, signal }: { readonly batch: number; readonly signal: AbortSignal | undefined },
): Promise<AttackResult<F>[]> {
  const layers = lpipsLayers(classifier);
  const pass = await classifier.lpipsDistances({ layers, batch });
  const nothing = layers.map(({ shape }) => new Float32Array(sizeOf(shape.slice(1))));
  const clean = await pass.run(
    images.map((image) => ({ image, features: nothing })),
    { signal },
  );
  const features = clean.map((one) => one.features.map((values) => values.slice()));
  const looks = images.map(() => 1);
  /** The distances of an image of each result; those that are known are not measured again. */
  const measure = async (
    of: (result: AttackResult<F>) => Adversarial,
    known: readonly { readonly of: (result: AttackResult<F>) => Adversarial; readonly distances: readonly number[] }[],
  ): Promise<number[]> => {
    const distances = results.map((result, n) => {
      const { data } = of(result).image;
      if (isEqual(data, images[n])) return 0;
      return known.find((one) => isEqual(one.of(result).image.data, data))?.distances[n];
    });
    const open = [...results.keys()].filter((n) => distances[n] === undefined);
    if (open.length > 0) {
      const seen = await pass.run(
        open.map((n) => ({ image: of(results[n]).image.data, features: features[n] })),
        { signal },
      );
      for (const [k, n] of open.entries()) {
        distances[n] = seen[k].distance;
        looks[n]++;
      }
    }
    return distances.map((distance) => distance ?? 0);
  };
  const raw = await measure((result) => result.raw, []);
  const known = [{ of: (result: AttackResult<F>) => result.raw, distances: raw }];
  const within = await measure((result) => result.withinBudget, known);
  known.push({ of: (result) => result.withinBudget, distances: within });
  const rounded = await measure((result) => result.rounded, known);
  const said = (found: Adversarial, lpips: number): Adversarial => ({
    ...found,
    distances: { ...found.distances, lpips },
  });
  return results.map((result, n) => ({
    ...result,
    raw: said(result.raw, raw[n]),
    withinBudget: said(result.withinBudget, within[n]),
    rounded: said(result.rounded, rounded[n]),
    cost: totalCost(result.cost, { forward: looks[n], gradient: 0 }),
  }));
}
