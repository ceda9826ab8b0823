/**
 * @file A classifier as an attack sees it that expects its image to be transformed: gradients and logits are means over draws.
 *
 * Source: Athalye, Engstrom, Ilyas and Kwok, "Synthesizing robust adversarial examples", ICML 2018. What an objective says of the image itself (its distances) is
 * computed once, of the image as it is; what it says of the label, at each draw.
 */
import type { Classifier } from "../../classifier/classifier.ts";
import type { LpipsPass } from "../../classifier/passes/lpips.ts";
import type { NetworkPasses } from "../../classifier/passes/network-passes.ts";
import type { ObjectivePass } from "../../classifier/passes/objective.ts";
import type { ObjectiveSpace } from "../../classifier/passes/objective-graph.ts";
import type { BackwardOptions, BackwardPass, ForwardPass, MarginPass } from "../../classifier/passes/passes.ts";
import {
  denormalizePixels,
  normalizePixels,
  type Preprocessing,
} from "../../classifier/preprocessing/preprocessing.ts";
import { MisuseError } from "../../errors.ts";
import { drawsFor, type Transformation, type TransformationDraw } from "./transformation.ts";

/** The classifier, and how many runs of the network stand behind what a search counts as one. */
export interface OverTransformations {
  readonly classifier: Classifier;
  readonly runsFor: () => { readonly gradient: number; readonly forward: number };
}

/** What a pass says that is averaged over draws. */
interface Said {
  readonly logits: Float32Array;
  readonly gradient?: Float32Array;
  readonly margin?: number;
  readonly value?: number;
}

interface Mean {
  readonly logits: Float32Array;
  readonly gradient: Float32Array;
  readonly margin: number;
  readonly value: number;
}

type RunOptions = { readonly signal?: AbortSignal } | undefined;

/** `classifier` with its passes averaged over `draws` draws of the transformations. Nothing is copied; sessions stay those of `classifier`. */
export function overTransformations(
  classifier: Classifier,
  transformations: readonly Transformation[],
  draws: number,
): OverTransformations {
  const { channelCount, height, width } = classifier.input;
  let [hasObjective, hasForward] = [false, false];

  /** For each input the mean over draws of its image of what is said of `at` the image drawn, its gradient led back through the draw. */
  async function meansOf<In, Inner>(
    {
      batch,
      run,
    }: { readonly batch: number; run(inputs: readonly Inner[], options: RunOptions): Promise<readonly Said[]> },
    inputs: readonly In[],
    {
      imageOf,
      at,
      space = inPixels,
    }: {
      imageOf(input: In): Float32Array;
      at(input: In, image: Float32Array): Inner;
      readonly space?: Space;
    },
    options: RunOptions,
  ): Promise<Mean[]> {
    const jobs = inputs.flatMap((input, n) => {
      const image = space.toPixels(imageOf(input));
      const own = drawsFor(transformations, image, [channelCount, height, width], draws, "search");
      return own.map((draw) => ({ input, n, draw, image }));
    });
    const sums = inputs.map((): Sum => ({ logits: undefined, gradient: undefined, margin: 0, value: 0 }));
    for (let from = 0; from < jobs.length; from += batch) {
      const some = jobs.slice(from, from + batch);
      const said = await run(
        some.map(({ input, draw, image }) => at(input, space.fromPixels(draw.apply(image)))),
        options,
      );
      for (const [k, { n, draw }] of some.entries()) add(sums[n], said[k], draw, space);
    }
    return sums.map(({ logits = new Float64Array(0), gradient = new Float64Array(0), margin, value }) => ({
      logits: Float32Array.from(logits, (sum) => sum / draws),
      gradient: Float32Array.from(gradient, (sum) => sum / draws),
      margin: margin / draws,
      value: value / draws,
    }));
  }

  const forward = async (options?: { readonly batch?: number }): Promise<ForwardPass> => {
    hasForward = true;
    const pass = await classifier.forward(options);
    const asked = {
      batch: pass.batch,
      run: async (images: readonly Float32Array[], given: RunOptions) =>
        (await pass.run(images, given)).map((logits) => ({ logits })),
    };
    return {
      batch: pass.batch,
      async run(images, given) {
        const means = await meansOf(asked, images, { imageOf: (image) => image, at: (_, image) => image }, given);
        return means.map(({ logits }) => logits);
      },
    };
  };
  const backward = async (options: BackwardOptions & { readonly input?: true }): Promise<BackwardPass> => {
    if ((options.layers ?? []).length > 0 || options.baseline === true) throw unseen("values of layers");
    const pass = await classifier.backward(options);
    return {
      batch: pass.batch,
      async run(inputs, given) {
        const plan = { imageOf: withImage.imageOf, at: withImage.at<(typeof inputs)[number]> };
        const means = await meansOf(pass, inputs, plan, given);
        return means.map(({ logits, gradient }) => ({ logits, gradient, activations: [], cotangents: [] }));
      },
    };
  };
  const marginGradients = async (options: Parameters<NetworkPasses["marginGradients"]>[0]): Promise<MarginPass> => {
    const pass = await classifier.marginGradients(options);
    return {
      batch: pass.batch,
      run: (inputs, given) =>
        meansOf(pass, inputs, { imageOf: withImage.imageOf, at: withImage.at<(typeof inputs)[number]> }, given),
    };
  };
  const objective = async (options: Parameters<NetworkPasses["objective"]>[0]): Promise<ObjectivePass> => {
    hasObjective = true;
    const pass = await classifier.objective(options);
    const space = spaceOf(options.space, classifier.input);
    return {
      batch: pass.batch,
      async run(inputs, given) {
        const ofLabel = inputs.map(({ image, problem }) => {
          return { image, problem: { ...problem, layerWeights: problem.layerWeights.map(() => 0), distanceWeight: 0 } };
        });
        const means = await meansOf(
          pass,
          ofLabel,
          { imageOf: withImage.imageOf, at: withImage.at<(typeof inputs)[number]>, space },
          given,
        );
        const ofImage = inputs.map(({ image, problem }) => ({ image, problem: { ...problem, marginWeight: 0 } }));
        const own = await pass.run(ofImage, given);
        return own.map(({ value, gradient, layerDistances, distance }, n) => ({
          ...means[n],
          value: value + means[n].value,
          gradient: sumOf(gradient, means[n].gradient),
          ...{ layerDistances, distance },
        }));
      },
    };
  };
  const lpips = async (options: Parameters<NetworkPasses["lpips"]>[0]): Promise<LpipsPass> => {
    hasObjective = true;
    const pass = await classifier.lpips(options);
    return {
      batch: pass.batch,
      async run(inputs, given) {
        const ofLabel = inputs.map((input) => ({ ...input, terms: { ...input.terms, distanceWeight: 0 } }));
        const plan = { imageOf: withImage.imageOf, at: withImage.at<(typeof inputs)[number]> };
        const means = await meansOf(pass, ofLabel, plan, given);
        const ofImage = inputs.map((input) => ({ ...input, terms: { ...input.terms, marginWeight: 0 } }));
        const own = await pass.run(ofImage, given);
        return own.map(({ gradient, distance, features }, n) => ({
          ...{ logits: means[n].logits, margin: means[n].margin, distance, features },
          gradient: sumOf(gradient, means[n].gradient),
        }));
      },
    };
  };
  return {
    runsFor: () => ({ gradient: draws + Number(hasObjective), forward: hasForward ? draws : 1 }),
    classifier: {
      ...classifier,
      forward,
      backward: ((options: BackwardOptions & { readonly input?: true }) =>
        (options.input as boolean | undefined) === false
          ? Promise.reject(unseen("values of layers"))
          : backward(options)) as NetworkPasses["backward"],
      marginGradients,
      objective,
      lpips,
      tail: () => Promise.reject(unseen("values of layers")),
      extended: () => Promise.reject(unseen("a detector's score or at values of layers")),
      async marginGradient(image, label, { rules, targeted, signal } = {}) {
        const pass = await marginGradients({ rules });
        const [found] = await pass.run([{ image: image.data, classIndex: label, targeted }], { signal });
        return found;
      },
    },
  };
}

/** Of inputs that have an image among other things. */
const withImage = {
  imageOf: ({ image }: { readonly image: Float32Array }): Float32Array => image,
  at: <In extends { readonly image: Float32Array }>(input: In, image: Float32Array): In => ({ ...input, image }),
};

interface Sum {
  logits: Float64Array | undefined;
  gradient: Float64Array | undefined;
  margin: number;
  value: number;
}

function add(sum: Sum, said: Said, draw: TransformationDraw, space: Space): void {
  sum.logits = added(sum.logits, said.logits);
  if (said.gradient !== undefined) {
    const back = draw.back(space.cotangentToPixels(said.gradient));
    sum.gradient = added(sum.gradient, space.cotangentFromPixels(back));
  }
  sum.margin += said.margin ?? 0;
  sum.value += said.value ?? 0;
}

function added(sum: Float64Array | undefined, values: Float32Array): Float64Array {
  if (sum === undefined) return Float64Array.from(values);
  for (let i = 0; i < sum.length; i++) sum[i] += values[i];
  return sum;
}

function sumOf(a: Float32Array, b: Float32Array): Float32Array {
  return a.map((x, i) => x + b[i]);
}

/** Where images live: pixels, or an affine image of them, element by element but for the order of channels. */
interface Space {
  toPixels(values: Float32Array): Float32Array;
  fromPixels(pixels: Float32Array): Float32Array;
  cotangentToPixels(cotangent: Float32Array): Float32Array;
  cotangentFromPixels(cotangent: Float32Array): Float32Array;
}

const same = (values: Float32Array): Float32Array => values;
const inPixels: Space = {
  toPixels: same,
  fromPixels: same,
  cotangentToPixels: same,
  cotangentFromPixels: same,
};

function spaceOf(space: ObjectiveSpace | undefined, input: Preprocessing & Classifier["input"]): Space {
  if (space !== "network") return inPixels;
  const size = input.channelCount * input.height * input.width;
  const toPixels = (values: Float32Array): Float32Array => denormalizePixels(values, input);
  const fromPixels = (pixels: Float32Array): Float32Array => normalizePixels(pixels, input);
  // The same without offsets.
  const linear = { ...input, mean: input.mean.map(() => (input.scale === "symmetric" ? -1 : 0)) };
  /** The adjoint of the inverse of a map that scales and reorders: what it makes of a cotangent, divided twice by its factors. */
  const adjointOf = (map: (values: Float32Array) => Float32Array): ((cotangent: Float32Array) => Float32Array) => {
    const factors = map(new Float32Array(size).fill(1));
    return (cotangent) => map(cotangent).map((x, i) => x / factors[i] ** 2);
  };
  return {
    toPixels,
    fromPixels,
    cotangentToPixels: adjointOf((values) => denormalizePixels(values, linear)),
    cotangentFromPixels: adjointOf((pixels) => normalizePixels(pixels, linear)),
  };
}

function unseen(what: string): MisuseError {
  return new MisuseError({
    where: "eot",
    what: `this attack looks at ${what}, which are not averaged over transformations`,
    expected: "an attack that looks at logits and their gradients",
  });
}
