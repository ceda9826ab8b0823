/**
 * @file Attention rollout and Chefer's attribution of transformers: how what each token looks at adds up over the layers.
 *
 * Source: Abnar and Zuidema, "Quantifying Attention Flow in Transformers", 2020, section 3, and Chefer, Gur and Wolf, "Generic
 * Attention-model Explainability for Interpreting Bi-Modal and Encoder-Decoder Transformers", 2021, equations (5) and (6).
 */
import type { Classifier } from "../../classifier/classifier.ts";
import { wordOption } from "../../options/option.ts";
import type { ValuesOf } from "../../options/schema.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { upsample, upsamplings } from "../cams/upsample.ts";
import { defineMethod, type MethodResult, type MethodTask } from "../define-method.ts";
import { type AttentionLayers, attentionLayers } from "./attention-layers.ts";

const settings = {
  token: wordOption(
    "Whose attention is followed: the class token's, the first of all, or that of all tokens on average. By default the first if there are tokens before those of the image.",
    ["auto", "class", "mean"],
    { fallback: "auto" },
  ),
  upsampling: wordOption("How the grid of tokens is enlarged to the image.", upsamplings, { fallback: "bilinear" }),
};

type Settings = ValuesOf<typeof settings> & { readonly attention: AttentionLayers };

const completeFor =
  (where: string) =>
  (given: ValuesOf<typeof settings>, classifier: Classifier): Settings => ({
    ...given,
    attention: attentionLayers(where, classifier),
  });

/** For each query the mean over heads of what `of` makes of a probability: [tokens, tokens], in float64. */
function meanOverHeads(size: number, length: number, of: (index: number) => number): Float64Array {
  const heads = length / size;
  const mean = new Float64Array(size);
  for (let i = 0; i < length; i++) mean[i % size] += of(i) / heads;
  return mean;
}

/** row · (own · 1 + share · matrix) */
function followed(
  row: Float64Array,
  matrix: Float64Array,
  { own, share }: { readonly own: number; readonly share: number },
) {
  const tokens = row.length;
  const result = row.map((value) => own * value);
  for (let i = 0; i < tokens; i++) {
    if (row[i] === 0) continue;
    for (let j = 0; j < tokens; j++) result[j] += share * row[i] * matrix[i * tokens + j];
  }
  return result;
}

/** What a map of attention says of itself. */
export type AttentionDetails = {
  readonly token: "class" | "mean";
  /** Rows and columns of the tokens of the picture, and what each of them gets, row by row. */
  readonly grid: readonly [height: number, width: number];
  readonly cells: readonly number[];
  readonly layers: number;
};

/**
 * The map of what the tokens that are asked for get from those of the image, through `matrices`, the last layer's first; `isSurplus`: without what they have
 * of themselves.
 */
function mapOf(
  { image, settings }: MethodTask<Settings>,
  matrices: readonly Float64Array[],
  shares: { readonly own: number; readonly share: number; readonly isSurplus?: boolean },
): Required<Omit<MethodResult<AttentionDetails>, "evaluations">> {
  const { attention, ...given } = settings;
  const { tokens, grid, first, layers } = attention;
  const isClass = given.token === "class" || (given.token === "auto" && first > 0);
  const start = new Float64Array(tokens);
  if (isClass) start[0] = 1;
  else start.fill(1 / tokens);
  const row = matrices.reduce((current, matrix) => followed(current, matrix, shares), start);
  const { height, width } = grid;
  const found = shares.isSurplus ? row.map((value, i) => value - start[i]) : row;
  const cells = Float32Array.from(found.subarray(first, first + height * width));
  return {
    map: upsample(floatTensor(cells, [height, width]), image.shape[1], image.shape[2], given.upsampling),
    settings: given,
    details: { token: isClass ? "class" : "mean", grid: [height, width], layers: layers.length, cells: [...cells] },
  };
}

/**
 * How much of the class token is made of each token of the image, [H, W], if attention were all that mixes tokens: the row of Π (½ A + ½ 1) over the layers,
 * A being the mean over heads. It says nothing of the class, and is the same for each. Throws an UnsupportedError as
 * `attentionLayers` does.
 */
export const attentionRollout = defineMethod({
  name: "attention-rollout",
  title: "Attention rollout",
  source: "Abnar and Zuidema, Quantifying Attention Flow in Transformers, 2020",
  summary: "How much of what a transformer decides by comes from each part of the image, by its attention alone.",
  version: 1,
  settings,
  complete: completeFor("attention-rollout"),
  cost: () => ({ forward: 1, gradient: 0 }),
  async explain(task) {
    const { classifier, image, settings, signal } = task;
    const { layers, tokens } = settings.attention;
    const pass = await classifier.features({ layers: [], further: layers });
    const [{ activations }] = await pass.run([image.data], { signal });
    const matrices = activations.map((a) => meanOverHeads(tokens ** 2, a.length, (i) => a[i]));
    return {
      ...mapOf(task, matrices.reverse(), { own: 0.5, share: 0.5 }),
      evaluations: { forward: 1, gradient: 0 },
    };
  },
});

/**
 * How much each token of the image adds to the score of the class through attention, [H, W]: the class token's row of Π (1 + Ā) − 1 over the layers, Ā being
 * the mean over heads of (∂s/∂A ∘ A)⁺. With a target s is the difference of the two scores. Throws an UnsupportedError as `attentionLayers` does.
 *
 * Of the two methods of these authors this is the later one, which takes A itself where "Transformer Interpretability Beyond Attention
 * Visualization", 2021, takes the relevance of A.
 */
export const transformerAttribution = defineMethod({
  name: "transformer-attribution",
  title: "Transformer attribution",
  source:
    "Chefer, Gur and Wolf, Generic Attention-model Explainability for Interpreting Bi-Modal and Encoder-Decoder Transformers, 2021",
  summary: "How much each part of the image adds to the class score through the attention of a transformer.",
  version: 1,
  settings,
  complete: completeFor("transformer-attribution"),
  cost: () => ({ forward: 0, gradient: 1 }),
  async explain(task) {
    const { classifier, image, seed, settings, signal } = task;
    const { layers, tokens } = settings.attention;
    const pass = await classifier.backward({ of: "logits", layers, input: false });
    const [{ activations, cotangents }] = await pass.run([{ image: image.data, seed }], { signal });
    const matrices = activations.map((a, l) => {
      const slopes = cotangents[l];
      return meanOverHeads(tokens ** 2, a.length, (i) => Math.max(0, a[i] * slopes[i]));
    });
    return {
      ...mapOf(task, matrices.reverse(), { own: 1, share: 1, isSurplus: true }),
      evaluations: { forward: 0, gradient: 1 },
    };
  },
});
