/**
 * @file Attacks that are held to a region: pixels outside of it stay as they are.
 *
 * A search over the pixels inside is the search over all of them, from the clean image, with derivatives that are 0 outside: every step, norm
 * and curvature is then that of the pixels inside. What does not come from a derivative, such as a random start, asks the task's mask.
 */
import type { Classifier } from "../classifier/classifier.ts";
import type { NetworkPasses } from "../classifier/passes/network-passes.ts";
import type { Pass } from "../classifier/passes/pass.ts";
import type { BackwardOptions } from "../classifier/passes/passes.ts";
import { kindOf, MisuseError } from "../errors.ts";
import type { FloatTensor } from "../tensor/tensor.ts";

/** Whether `value` has the form of a mask: a float32 tensor of two axes. */
function isMask(value: unknown): value is FloatTensor {
  const { data, shape } = (value ?? {}) as { readonly data?: unknown; readonly shape?: unknown };
  return data instanceof Float32Array && Array.isArray(shape) && shape.length === 2;
}

/** A mask as the value of an option; {@link checkMask} checks it against the network. */
export const maskForm = {
  is: isMask,
  expected: "a float32 tensor [H, W] of zeros and ones",
  fallbackText: "everywhere",
};

/** Throws a MisuseError unless `mask` is [H, W] as the network's input, of zeros and ones, and not all zeros. */
export function checkMask(
  where: string,
  { input: { height, width } }: Pick<Classifier, "input">,
  mask: FloatTensor,
): void {
  const { shape, data } = mask;
  const isBinary = isMask(mask) && mask.data.every((value) => value === 0 || value === 1);
  const fits = isMask(mask) && shape[0] === height && shape[1] === width && data.length === height * width;
  if (fits && isBinary && data.includes(1)) return;
  throw new MisuseError({
    where: `${where}: mask`,
    what: fits ? (isBinary ? "no pixel may change" : "the mask has other numbers than 0 and 1") : "wrong mask",
    expected: `[${height}, ${width}], 1 where pixels may change, otherwise 0`,
    got: fits ? undefined : isMask(mask) ? `[${shape.join(", ")}]` : kindOf(mask),
    advice: "regionMask() makes one of a box or a picture.",
  });
}

/** What records say of a mask. */
export function describeMask({ data, shape }: FloatTensor): { readonly inside: number; readonly of: number } {
  return {
    inside: data.reduce((sum, value) => sum + value, 0),
    of: shape.reduce((product, extent) => product * extent, 1),
  };
}

/** Sets the elements of `values` [C, H, W] outside of the mask to those of `fallback`, or to 0. */
export function keepOutside(values: Float32Array, { data }: FloatTensor, fallback?: Float32Array): void {
  for (let i = 0; i < values.length; i++) if (data[i % data.length] === 0) values[i] = fallback?.[i] ?? 0;
}

/**
 * `classifier` as a search sees it that is held to `mask`: gradients at the pixels are 0 outside. Everything else is the same, and nothing is
 * copied; sessions stay those of `classifier`.
 */
export function heldTo(classifier: Classifier, mask: FloatTensor): Classifier {
  const held = <In, Out extends { readonly gradient: Float32Array }>(pass: Pass<In, Out>): Pass<In, Out> => ({
    ...pass,
    async run(inputs, options) {
      const results = await pass.run(inputs, options);
      for (const { gradient } of results) keepOutside(gradient, mask);
      return results;
    },
  });
  const backward = async (options: BackwardOptions & { readonly input?: true }) =>
    held(await classifier.backward(options));
  return {
    ...classifier,
    backward: ((options: BackwardOptions & { readonly input?: true }) =>
      (options.input as boolean | undefined) === false
        ? classifier.backward({ ...options, input: false })
        : backward(options)) as NetworkPasses["backward"],
    marginGradients: async (options) => held(await classifier.marginGradients(options)),
    objective: async (options) => held(await classifier.objective(options)),
    lpips: async (options) => held(await classifier.lpips(options)),
    // A pass without gradients gives empty ones.
    extended: async (options) => held(await classifier.extended(options)),
    async marginGradient(image, label, options) {
      const found = await classifier.marginGradient(image, label, options);
      keepOutside(found.gradient, mask);
      return found;
    },
  };
}
