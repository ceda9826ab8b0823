/** @file A classifier that is watched: what is asked of it, and what it says, is shown to somebody else as well. */
import type { Classifier } from "./classifier.ts";
import type { Pass } from "./passes/pass.ts";
import type { BackwardInput, BackwardOptions, BackwardPass, LayerCotangents, LayerPass } from "./passes/passes.ts";
import { denormalizePixels } from "./preprocessing/preprocessing.ts";

/** One image as a pass saw it. */
export interface Look {
  /** Which pass it was: those with a gradient move a search, `forward` judges what came out. */
  readonly pass: "forward" | "backward" | "margin" | "objective" | "lpips" | "extended";
  /** Flat [C, H, W], pixels; not clipped. It may be overwritten later on: copy what is kept. */
  readonly image: Float32Array;
  /** Not checked: they may be infinite or NaN. */
  readonly logits: Float32Array;
}

/**
 * `classifier`, with every image that its passes run on handed to `watch`, in order, together with the logits. The caller of the pass
 * goes on when the promise of `watch`, if it returns one, is resolved: a search can be held there for as long as one likes, and ends with the error
 * that it rejects with. Numbers are those of `classifier` itself.
 */
export function watchClassifier(
  classifier: Classifier,
  watch: (looks: readonly Look[]) => void | Promise<void>,
): Classifier {
  const watched = <In, Out>(pass: Pass<In, Out>, lookOf: (input: In, output: Out) => Look): Pass<In, Out> => ({
    batch: pass.batch,
    async run(inputs, options) {
      const outputs = await pass.run(inputs, options);
      await watch(inputs.map((input, n) => lookOf(input, outputs[n])));
      return outputs;
    },
  });
  async function backward(options: BackwardOptions & { readonly input?: true }): Promise<BackwardPass>;
  async function backward(options: BackwardOptions & { readonly input: false }): Promise<LayerPass>;
  async function backward({ input = true, ...options }: BackwardOptions & { readonly input?: boolean }) {
    const lookOf = ({ image }: BackwardInput, { logits }: LayerCotangents): Look => ({
      pass: "backward",
      image,
      logits,
    });
    return input
      ? watched(await classifier.backward({ ...options, input }), lookOf)
      : watched(await classifier.backward({ ...options, input }), lookOf);
  }
  return {
    ...classifier,
    async forward(options) {
      const pass = await classifier.forward(options);
      return watched(pass, (image, logits) => ({ pass: "forward", image, logits }));
    },
    backward,
    async marginGradients(options) {
      const pass = await classifier.marginGradients(options);
      return watched(pass, ({ image }, { logits }) => ({ pass: "margin", image, logits }));
    },
    async lpips(options) {
      const pass = await classifier.lpips(options);
      return watched(pass, ({ image }, { logits }) => ({ pass: "lpips", image, logits }));
    },
    async extended(options) {
      const pass = await classifier.extended(options);
      return watched(pass, ({ image }, { logits }) => ({ pass: "extended", image, logits }));
    },
    async objective(options) {
      const pass = await classifier.objective(options);
      const pixels = (values: Float32Array): Float32Array =>
        options.space === "network" ? denormalizePixels(values, classifier.input) : values;
      return watched(pass, ({ image }, { logits }) => ({ pass: "objective", image: pixels(image), logits }));
    },
  };
}
