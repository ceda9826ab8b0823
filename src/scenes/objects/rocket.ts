import { integer, uniform } from "../../random/distributions.ts";
import type { Random } from "../../random/random.ts";
import { box, type Distance, ellipsoid, frustum, intersect, type Solid, sphere, subtract } from "../solid.ts";

/** A toy rocket that stands on three or four fins: bulging hull, pointed nose, porthole. */
export function rocket(random: Random): Solid {
  const girth = uniform(random, 0.27, 0.36);
  const length = uniform(random, 0.8, 0.98);
  const middle = uniform(random, 0.78, 0.9);
  const nose = middle + length * uniform(random, 0.42, 0.56);
  const fins = integer(random, 3, 5);
  const reach = girth + uniform(random, 0.22, 0.32);
  const rise = uniform(random, 0.5, 0.7);
  const whole = ellipsoid([0, middle, 0], [girth, length, girth]);
  const hull = intersect(whole, box([0, (0.28 + nose) / 2, 0], [1, (nose - 0.28) / 2, 1]));
  const tip = subtract(ellipsoid([0, middle, 0], [girth + 0.015, length + 0.03, girth + 0.015]), (_x, y) => y - nose);
  const nozzle = frustum(0, 0, 0.16, 0.3, girth * 0.62, girth * 0.5, 0.01);
  const sector = (2 * Math.PI) / fins;
  const turn = uniform(random, 0, sector);
  const fin: Distance = (x, y, z) => {
    const slant = 0.86 * (y - rise + (x - girth * 0.5) * 1.1);
    const notch = 0.86 * (0.16 - y - (reach - x) * 0.55);
    return Math.max(Math.abs(z) - 0.05, x - reach, girth * 0.3 - x, slant, notch, -y) - 0.012;
  };
  const finned: Distance = (x, y, z) => {
    if (y > rise + 0.3) return y - rise - 0.2;
    const angle = Math.atan2(z, x) + turn;
    const folded = angle - sector * Math.round(angle / sector);
    const radial = Math.sqrt(x * x + z * z);
    return fin(radial * Math.cos(folded), y, radial * Math.sin(folded));
  };
  const port = middle + length * uniform(random, 0.1, 0.24);
  const window = girth * Math.sqrt(1 - ((port - middle) / length) ** 2);
  return {
    parts: [
      { distance: hull, slot: 0 },
      { distance: finned, slot: 1 },
      { distance: tip, slot: 1 },
      { distance: nozzle, slot: 2 },
      { distance: sphere([0, port, window - 0.05], girth * 0.42), slot: 2 },
    ],
    center: [0, (middle + length) / 2, 0],
    radius: Math.hypot((middle + length) / 2 + 0.03, 0.45),
  };
}
