/** @file The ten classes: how each object is built and how it may be posed. */
import type { Random } from "../../random/random.ts";
import type { Solid } from "../solid.ts";
import { airplane } from "./airplane.ts";
import { cactus } from "./cactus.ts";
import { chair } from "./chair.ts";
import { donut } from "./donut.ts";
import { duck } from "./duck.ts";
import { hammer } from "./hammer.ts";
import { mug } from "./mug.ts";
import { mushroom } from "./mushroom.ts";
import { rocket } from "./rocket.ts";
import { teapot } from "./teapot.ts";

/** Angles in radians. A pose turns the object around y by `yaw` (0 leaves +x pointing to the right of the picture), then tilts it. */
export interface ObjectClass {
  readonly build: (random: Random) => Solid;
  /** Range of the yaw: such that the parts that make the object recognizable are in view. */
  readonly yaw: readonly [number, number];
  /** Range of the tilt around the direction of view (positive: its top to the left) and of the tilt towards the viewer. */
  readonly tilt: readonly [number, number];
  readonly nod: readonly [number, number];
}

const turn = Math.PI;

/** The classes by name, in the order of their labels. */
export const objectClasses: Readonly<Record<string, ObjectClass>> = {
  airplane: { build: airplane, yaw: [-turn, turn], tilt: [-0.35, 0.35], nod: [-0.1, 0.5] },
  cactus: { build: cactus, yaw: [-0.9, 0.9], tilt: [-0.12, 0.12], nod: [-0.1, 0.1] },
  chair: { build: chair, yaw: [-turn, turn], tilt: [-0.12, 0.12], nod: [-0.1, 0.1] },
  donut: { build: donut, yaw: [-turn, turn], tilt: [-0.6, 0.6], nod: [-0.1, 1.1] },
  duck: { build: duck, yaw: [-turn, turn], tilt: [-0.15, 0.15], nod: [-0.1, 0.15] },
  hammer: { build: hammer, yaw: [-0.9, 0.9], tilt: [-turn, turn], nod: [-0.9, 0.2] },
  mug: { build: mug, yaw: [-turn - 0.6, 0.6], tilt: [-0.15, 0.15], nod: [-0.1, 0.3] },
  mushroom: { build: mushroom, yaw: [-turn, turn], tilt: [-0.2, 0.2], nod: [-0.2, 0.02] },
  rocket: { build: rocket, yaw: [-0.9, 0.9], tilt: [-0.4, 0.4], nod: [-0.2, 0.2] },
  teapot: { build: teapot, yaw: [-turn - 0.6, 0.6], tilt: [-0.12, 0.12], nod: [-0.1, 0.2] },
};
