import { uniform } from "../../random/distributions.ts";
import type { Random } from "../../random/random.ts";
import { blend, ellipsoid, frustum, type Solid, sphere, subtract, torus, tube, turned } from "../solid.ts";

/** A teapot with its spout towards +x, its handle towards −x, and a lid with a knob. */
export function teapot(random: Random): Solid {
  const girth = uniform(random, 0.54, 0.64);
  const height = uniform(random, 0.4, 0.54);
  const middle = height * 0.94;
  const top = middle + height;
  const body = ellipsoid([0, middle, 0], [girth, height, girth]);
  const foot = frustum(0, 0, 0.02, 0.09, girth * 0.55, girth * 0.5, 0.02);
  const lid = ellipsoid([0, top - height * 0.14, 0], [girth * 0.56, height * 0.26, girth * 0.56]);
  const knob = sphere([0, top + height * 0.2, 0], uniform(random, 0.09, 0.12));
  const lip = uniform(random, 0.9, 1.02);
  const mouth = middle + height * uniform(random, 0.6, 0.85);
  const spout = tube(
    [
      [girth * 0.75, middle - height * 0.3, 0],
      [girth + 0.14, middle + height * 0.02, 0],
      [girth + 0.22, middle + height * 0.35, 0],
      [lip, mouth, 0],
    ],
    uniform(random, 0.14, 0.18),
    0.075,
  );
  const grip = uniform(random, 0.25, 0.31);
  const ear = turned(
    "x",
    Math.PI / 2,
    [-girth * 0.95, middle + 0.05, 0],
    torus([-girth * 0.95, middle + 0.05, 0], grip, 0.065),
  );
  const belly = ellipsoid([0, middle, 0], [girth * 0.95, height * 0.95, girth * 0.95]);
  return {
    parts: [
      { distance: blend(0.05, body, foot), slot: 0 },
      { distance: spout, slot: 0 },
      { distance: subtract(ear, belly), slot: 1 },
      { distance: lid, slot: 1 },
      { distance: knob, slot: 2 },
    ],
    center: [0.08, 0.58, 0],
    radius: 1.22,
  };
}
