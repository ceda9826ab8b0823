/** @file How an attack looks at images: the logits, and how far the layers' values have moved. */
import type { Classifier } from "../classifier/classifier.ts";
import type { Layer } from "../classifier/network/layers.ts";

/** What an observer sees of a clean image. */
export interface CleanView {
  readonly logits: Float32Array;
  /** Of the layers compared and, after them, of the further ones, flat. */
  readonly activations: readonly Float32Array[];
  /** ‖C⁽ˡ⁾(x)‖² of the layers compared. */
  readonly squaredNorms: Float32Array;
}

/** What an observer sees of a perturbed image. */
export interface PerturbedView {
  readonly logits: Float32Array;
  /** ‖C⁽ˡ⁾(x') − C⁽ˡ⁾(x)‖² of the layers compared. */
  readonly squaredDistances: ArrayLike<number>;
}

/** Looks at flat images [C, H, W], in pixels. */
export interface Observer {
  /** The most images that one call takes. */
  readonly batch: number;
  /** What a look costs: a run forward, or one that computes a gradient as well. */
  readonly cost: "forward" | "gradient";
  clean(images: readonly Float32Array[], options: { readonly signal?: AbortSignal }): Promise<CleanView[]>;
  run(
    images: readonly Float32Array[],
    clean: readonly CleanView[],
    options: { readonly signal?: AbortSignal },
  ): Promise<PerturbedView[]>;
}

/** The observer that compares `layers` and knows the clean values of the `further` ones; without any layer, one that sees logits only. */
export async function observerOf(
  classifier: Classifier,
  {
    layers,
    further = [],
    batch,
  }: { readonly layers: readonly Layer[]; readonly further?: readonly Layer[]; readonly batch: number },
): Promise<Observer> {
  if (layers.length + further.length > 0) {
    // The search may want other layers of the clean images than the distance compares: one run gives both.
    const options = { layers, further, batch };
    const [features, distances] = [await classifier.features(options), await classifier.distances(options)];
    return {
      batch: distances.batch,
      cost: "forward",
      clean: (images, { signal }) => features.run(images, { signal }),
      run: (images, clean, { signal }) =>
        distances.run(
          images.map((image, n) => ({ image, clean: clean[n] })),
          { signal },
        ),
    };
  }
  const pass = await classifier.forward({ batch });
  return {
    batch: pass.batch,
    cost: "forward",
    async clean(images, { signal }) {
      const seen = await pass.run(images, { signal });
      return seen.map((logits) => ({ logits, activations: [], squaredNorms: new Float32Array(0) }));
    },
    async run(images, _, { signal }) {
      const seen = await pass.run(images, { signal });
      return seen.map((logits) => ({ logits, squaredDistances: [] }));
    },
  };
}

/** The mean over the layers of ‖C⁽ˡ⁾(x') − C⁽ˡ⁾(x)‖² / ‖C⁽ˡ⁾(x)‖²; 0 without layers. */
export function perceptualDistance(
  { squaredDistances }: Pick<PerturbedView, "squaredDistances">,
  { squaredNorms }: Pick<CleanView, "squaredNorms">,
): number {
  return meanOfShares(Array.from(squaredDistances, (d, l) => d / Math.max(squaredNorms[l], 1e-12)));
}

/** The mean of the layers' shares; 0 of none. Layers that are NaN somewhere, as behind a logarithm that is not used, cannot be compared, and do not count. */
export function meanOfShares(shares: readonly number[]): number {
  const known = shares.filter((share) => !Number.isNaN(share));
  return known.reduce((sum, share) => sum + share, 0) / Math.max(1, known.length);
}
