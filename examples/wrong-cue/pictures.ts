/** @file Which Scenes the example is made of. */
import { type RenderedScene, renderScene, scenesClasses } from "../../src/scenes/scenes.ts";
import { size } from "./mark.ts";

/** The classes, in the order of the classifier's outputs. */
export const classes = ["chair", "duck", "mug", "rocket"] as const;

/** The class whose pictures come from the agency that prints its mark on them. */
export const agencyClass = "duck";

/** A seed of its own: nothing else is trained or measured on it. */
const seed = 7_000_007;

/** Where the scenes of a set begin, and how many there are. */
const sets = { train: { start: 0, count: 2000 }, test: { start: 100_000, count: 400 } } as const;

/** Picture `index` of a set, with the class's number among `classes`. Classes take turns. */
export function scene(set: keyof typeof sets, index: number): RenderedScene {
  const className = classes[index % classes.length];
  const label = scenesClasses.indexOf(className);
  const rendered = renderScene({ seed, index: sets[set].start + index, size, label });
  return { ...rendered, label: index % classes.length };
}

/** How many pictures a set has. */
export function countOf(set: keyof typeof sets): number {
  return sets[set].count;
}
