/** @file What a layer sees of a picture, and how far a perturbation moves each layer. */
import type { Classifier } from "../../classifier/classifier.ts";
import { anatomyOf, type FeatureGrid } from "../../classifier/network/feature-grids.ts";
import { MisuseError } from "../../errors.ts";
import type { LayerDistance, LayerMaps } from "../protocol.ts";

/** At most so many feature maps are shown of a layer. */
const mostChannels = 24;
/** Layers that are compared in one run: a run holds the values of all of them. */
const layersPerRun = 8;

/**
 * The feature maps of layer `index`, those first that the perturbed image changes most, or, without one, that react most. Each is scaled
 * such that the largest value of both versions is 1 and the least (or 0, if that is less) 0.
 */
export async function layerMaps(
  classifier: Classifier,
  index: number,
  clean: Float32Array,
  perturbed: Float32Array | undefined,
): Promise<LayerMaps> {
  const grid = anatomyOf(classifier).grids.find(({ layer }) => layer.index === index);
  if (grid === undefined) {
    throw new MisuseError({
      where: `layer ${index}`,
      what: "its values do not lie on a grid over the picture",
      expected: "a layer with feature maps",
    });
  }
  const pass = await classifier.features({ layers: [], further: [grid.layer] });
  const valuesOf = async (image: Float32Array): Promise<Float32Array> => {
    const [{ activations }] = await pass.run([image]);
    const [values] = activations;
    return values.slice();
  };
  const before = await valuesOf(clean);
  const after = perturbed && (await valuesOf(perturbed));
  const channels = Array.from({ length: grid.channels }, (_, channel) => {
    const one = mapOf(grid, channel, before);
    const other = after && mapOf(grid, channel, after);
    return { channel, one, other, weight: weightOf(one, other) };
  });
  channels.sort((a, b) => b.weight - a.weight || a.channel - b.channel);
  return {
    ...{ height: grid.height, width: grid.width, total: grid.channels },
    channels: channels.slice(0, mostChannels).map(({ channel, one, other }) => {
      const all = other === undefined ? [one] : [one, other];
      const low = Math.min(0, ...all.map((map) => map.reduce((least, x) => Math.min(least, x), Infinity)));
      const high = Math.max(...all.map((map) => map.reduce((most, x) => Math.max(most, x), -Infinity)));
      const scaled = (map: Float32Array): Float32Array<ArrayBuffer> =>
        Float32Array.from(map, (x) => (high > low ? (x - low) / (high - low) : 0));
      return { channel, clean: scaled(one), ...(other === undefined ? {} : { perturbed: scaled(other) }) };
    }),
  };
}

function mapOf(
  { height, width, offset, channelStride, cellStride }: FeatureGrid,
  channel: number,
  values: Float32Array,
): Float32Array {
  return Float32Array.from(
    { length: height * width },
    (_, i) => values[offset + channel * channelStride + i * cellStride],
  );
}

/** The square of the change, or of the values where there is no change to see. */
function weightOf(one: Float32Array, other: Float32Array | undefined): number {
  let sum = 0;
  for (const [i, x] of one.entries()) sum += (other === undefined ? x : other[i] - x) ** 2;
  return sum;
}

/** How far each layer with feature maps has been moved: ‖C(x′) − C(x)‖² / ‖C(x)‖². */
export async function layerDistances(
  classifier: Classifier,
  clean: Float32Array,
  perturbed: Float32Array,
): Promise<LayerDistance[]> {
  const layers = anatomyOf(classifier).grids.map(({ layer }) => layer);
  const found: LayerDistance[] = [];
  for (let first = 0; first < layers.length; first += layersPerRun) {
    const some = layers.slice(first, first + layersPerRun);
    const features = await classifier.features({ layers: some });
    const distances = await classifier.distances({ layers: some });
    const [reference] = await features.run([clean]);
    const kept = {
      ...reference,
      activations: reference.activations.map((values) => values.slice()),
      squaredNorms: reference.squaredNorms.slice(),
    };
    const [{ squaredDistances }] = await distances.run([{ image: perturbed, clean: kept }]);
    for (const [l, { index, operator, ordinal }] of some.entries()) {
      const distance = squaredDistances[l] / Math.max(kept.squaredNorms[l], 1e-12);
      found.push({ index, pattern: `${operator}[${ordinal}]`, distance });
    }
  }
  return found;
}
