/** @file The generated Scenes as a data set, with exact masks and boxes. */
import { numberIn, oneOf } from "../errors.ts";
import { type Picture, tensorToPicture } from "../image/picture.ts";
import { renderScene, type SceneOptions, sceneLabel, scenesClasses } from "../scenes/scenes.ts";
import { matchStatedList } from "./class-labels.ts";
import type { Box, Dataset, DatasetImage, DatasetProblem, DatasetSplit } from "./dataset.ts";
import { leftOut, type ReaderContext } from "./reader.ts";

/** The seeds of the scenes that are measured with: the bundled classifier has seen none of them. */
export const scenesDatasetSeeds = { train: 5_000_005, test: 4_000_004 } as const;

export interface ScenesDatasetOptions {
  /** How many scenes; default 200. */
  readonly count?: number;
  /** Height and width in pixels; default 96. */
  readonly size?: number;
}

/**
 * `count` scenes of the wanted split (`test` unless `train` is asked for), rendered when their pictures, masks or boxes are asked
 * for. Pixels are rounded to bytes, as if the pictures came from PNG files; `scenes` gives them unrounded.
 *
 * Throws a MisuseError for a count, size or split out of range.
 */
export function scenesDataset(
  { count = 200, size = 96 }: ScenesDatasetOptions,
  { selection, classes, labels, split = "test" }: Pick<ReaderContext, "selection" | "classes" | "labels" | "split">,
): Dataset {
  numberIn("scenes: count", count, { min: 1, max: 1e6, integer: true });
  numberIn("scenes: size", size, { min: 16, max: 1024, integer: true });
  const part: DatasetSplit = oneOf("scenes: split", split, ["train", "test"]);
  const seed = scenesDatasetSeeds[part];
  const { lookups, notes } = matchStatedList(scenesClasses, classes);
  const candidates = Array.from({ length: count }, (_, index) => ({
    id: `scene-${seed}-${index}`,
    index,
    split: part,
  }));
  const rendered = rendererOf(seed, size);
  const images: DatasetImage[] = [];
  const problems: DatasetProblem[] = [];
  for (const { id, index } of selection.pictures(candidates)) {
    const kind = sceneLabel(seed, index);
    const lookup = labels === "predicted" ? undefined : lookups[kind];
    if (lookup !== undefined && "reason" in lookup) {
      problems.push(...leftOut(id, "unknown-class", lookup.reason).problems);
      continue;
    }
    let boxes: readonly Box[] | undefined;
    images.push({
      id,
      label: lookup?.label,
      className: scenesClasses[kind],
      split: part,
      get boxes() {
        boxes ??= [rendered(index).box];
        return boxes;
      },
      mask: async () => ({ dtype: "bool", shape: [size, size], data: rendered(index).mask }),
      picture: async () => rendered(index).picture,
    });
  }
  return {
    name: "scenes",
    classNames: classes?.names ?? scenesClasses,
    images,
    problems: [...selection.problems, ...problems],
    notes,
  };
}

/** Of one scene, what is kept for a while. */
interface Rendered {
  readonly picture: Picture;
  readonly mask: Uint8Array;
  readonly box: Box;
}

/** At least so many scenes are kept, as may be worked on at a time, and of small ones as many as take so many bytes. */
const [leastScenes, keptBytes] = [32, 64 * 2 ** 20];

type SceneRenderer = (index: number) => Rendered;

/** The renderer that was made last, as long as a data set has it: a command opens its data once to see how the network takes pictures, and once to judge it. */
let newest: { readonly seed: number; readonly size: number; readonly renderer: WeakRef<SceneRenderer> } | undefined;

function rendererOf(seed: number, size: number): SceneRenderer {
  const known = newest?.seed === seed && newest.size === size ? newest.renderer.deref() : undefined;
  if (known !== undefined) return known;
  const renderer = sceneRenderer(seed, size);
  newest = { seed, size, renderer: new WeakRef(renderer) };
  return renderer;
}

/**
 * Renders scenes of one set, and keeps those that were asked for last: a box is asked for when the run is planned, the picture when its turn comes, and both again
 * for the report. Rendering takes much longer than a small network.
 */
function sceneRenderer(seed: number, size: number): SceneRenderer {
  const recent = new Map<number, Rendered>();
  // Three channels and a mask.
  const keptScenes = Math.max(leastScenes, Math.floor(keptBytes / (4 * size ** 2)));
  return (index) => {
    const known = recent.get(index);
    recent.delete(index);
    const rendered = known ?? renderedScene({ seed, index, size });
    recent.set(index, rendered);
    const [oldest] = recent.keys();
    if (oldest !== undefined && recent.size > keptScenes) recent.delete(oldest);
    return rendered;
  };
}

function renderedScene(which: SceneOptions): Rendered {
  const { image, mask, box } = renderScene(which);
  return { picture: tensorToPicture(image), mask, box };
}
