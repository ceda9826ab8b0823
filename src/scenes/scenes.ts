/**
 * @file The Scenes set: photograph-like pictures of ten kinds of objects with a known answer, rendered by code from a seed.
 *
 * Each scene shows one object on a patterned floor, in a room or in open country, among plain solids that belong to no class, lit by
 * one main light with soft shadows. Room, light, clutter, colors, textures, place and size in the picture are drawn independently of
 * the class, so that only the shape of the object tells what it is.
 */
import { checkForm, checkKeys, numberIn } from "../errors.ts";
import { shuffle } from "../random/distributions.ts";
import { createRandom } from "../random/random.ts";
import { type FloatTensor, floatTensor } from "../tensor/tensor.ts";
import { compose, scatter } from "./composition.ts";
import { objectClasses } from "./objects/classes.ts";
import { render } from "./render.ts";
import { room } from "./room.ts";

/** The names of the ten classes, in the order of their labels. */
export const scenesClasses: readonly string[] = Object.keys(objectClasses);

/**
 * Seeds that are in use: the bundled classifier was trained on scenes of the first and judged on scenes of the second; the
 * bundled pictures are of the third. Take any other to measure with.
 */
export const scenesSeeds = { training: 1_000_001, test: 2_000_002, bundled: 3_000_003 } as const;

/** Which scene to render. */
export interface SceneOptions {
  /** The set: an integer from 0 to 2⁵³ − 1. */
  readonly seed: number;
  /** The scene in the set, from 0. */
  readonly index: number;
  /** Height and width in pixels, from 16 to 1024; 96 by default, which is what the bundled classifier takes. */
  readonly size?: number;
  /** The class, from 0 to 9; by default drawn such that each ten scenes from index 10·n on have one of each. */
  readonly label?: number;
}

/** A rendered scene and its answer. */
export interface RenderedScene {
  /** [3, size, size], red, green and blue as sRGB values in [0, 1]. */
  readonly image: FloatTensor;
  readonly label: number;
  readonly className: string;
  /** [size · size], row-major: 1 where the ray through the middle of the pixel meets the object first. */
  readonly mask: Uint8Array;
  /** The smallest box around the mask: [x0, y0, x1, y1) in pixels. */
  readonly box: readonly [x0: number, y0: number, x1: number, y1: number];
}

/**
 * The scene `index` of the set `seed`. The object covers from about 8 to 45 % of the picture and at most 15 % of it are hidden behind clutter.
 * The same options give the same scene; on another platform, whose `Math` functions may round otherwise, pixels can differ in
 * their last bits. Scenes that differ in `label` alone share the room and the light.
 *
 * @throws MisuseError for an unknown option or a value out of range
 */
export function renderScene(options: SceneOptions): RenderedScene {
  checkKeys("renderScene", options, ["seed", "index", "size", "label"]);
  checkForm("renderScene: options", options, ["seed", "index"]);
  const { seed, index } = options;
  const size = numberIn("renderScene: size", options.size ?? 96, { min: 16, max: 1024, integer: true });
  numberIn("renderScene: index", index, { min: 0, max: Number.MAX_SAFE_INTEGER, integer: true });
  const label = numberIn("renderScene: label", options.label ?? sceneLabel(seed, index), {
    min: 0,
    max: scenesClasses.length - 1,
    integer: true,
  });
  const stream = (purpose: number) => createRandom(seed, index, purpose);
  const className = scenesClasses[label];
  const surroundings = room(stream(1));
  const composition = compose(stream(2), objectClasses[className]);
  const solids = [composition.object, ...scatter(stream(3), composition, surroundings)];
  const { pixels, ids } = render({ solids, room: surroundings, camera: composition.camera }, size, stream(4));
  const mask = Uint8Array.from(ids, (id) => (id === 0 ? 1 : 0));
  return { image: floatTensor(pixels, [3, size, size]), label, className, mask, box: boxOf(mask, size) };
}

/** The label of a scene whose label is not given, found without rendering it: a random order of the classes for each ten scenes. */
export function sceneLabel(seed: number, index: number): number {
  const count = scenesClasses.length;
  const order = shuffle(createRandom(seed, Math.floor(index / count), 0, 0), [...scenesClasses.keys()]);
  return order[index % count];
}

function boxOf(mask: Uint8Array, size: number): [number, number, number, number] {
  let [x0, y0, x1, y1] = [size, size, 0, 0];
  for (const [i, inside] of mask.entries()) {
    if (inside === 0) continue;
    const [x, y] = [i % size, Math.floor(i / size)];
    [x0, y0, x1, y1] = [Math.min(x0, x), Math.min(y0, y), Math.max(x1, x + 1), Math.max(y1, y + 1)];
  }
  return [x0, y0, x1, y1];
}

/** Which scenes to render. */
export interface ScenesOptions {
  /** The set: an integer from 0 to 2⁵³ − 1. */
  readonly seed: number;
  /** How many scenes; a multiple of ten has as many of each class. */
  readonly count: number;
  /** Height and width in pixels; 96 by default. */
  readonly size?: number;
  /** The index of the first scene, 0 by default. */
  readonly start?: number;
}

/** A scene as a record of a data set for classification and localization. */
export interface SceneRecord {
  /** A name of its own: seed and index. */
  readonly id: string;
  /** [3, size, size], red, green and blue in [0, 1]. */
  readonly image: FloatTensor;
  readonly label: number;
  /** The boxes of the label's class, [x0, y0, x1, y1) in pixels: always one. */
  readonly boxes: readonly RenderedScene["box"][];
  /** [size · size], 1 on the object. */
  readonly mask: Uint8Array;
}

/**
 * The scenes `start` to `start + count − 1` of the set `seed`, each rendered when it is asked for.
 *
 * @throws MisuseError for an unknown option or a value out of range, before the first scene
 */
export function scenes(options: ScenesOptions): Iterable<SceneRecord> {
  checkKeys("scenes", options, ["seed", "count", "size", "start"]);
  checkForm("scenes: options", options, ["seed", "count"]);
  const { seed, size } = options;
  const start = numberIn("scenes: start", options.start ?? 0, { min: 0, max: Number.MAX_SAFE_INTEGER, integer: true });
  const count = numberIn("scenes: count", options.count, {
    min: 0,
    max: Number.MAX_SAFE_INTEGER - start,
    integer: true,
  });
  return {
    *[Symbol.iterator]() {
      for (let index = start; index < start + count; index++) {
        const { image, label, box, mask } = renderScene({ seed, index, size });
        yield { id: `scene-${seed}-${index}`, image, label, boxes: [box], mask };
      }
    },
  };
}

/** The pictures that `explain` shows when it is given none: the first `count` scenes of a seed of their own, at 96 × 96 pixels. */
export function bundledScenes(count = 6): RenderedScene[] {
  const total = numberIn("bundledScenes: count", count, { min: 0, max: 1000, integer: true });
  return Array.from({ length: total }, (_, index) => renderScene({ seed: scenesSeeds.bundled, index }));
}
