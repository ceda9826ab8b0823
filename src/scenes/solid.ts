/**
 * @file Solids as signed distance functions: primitives, combinators and the record that the renderer traces.
 *
 * The distances follow from elementary geometry; those of ellipsoids, tapered capsules and smooth unions are close estimates, which
 * the tracer allows for by shortening its steps. Everything is in the solid's own frame: y points up, and lengths have no unit.
 */

/** The signed distance from a point to a surface: negative inside. */
export type Distance = (x: number, y: number, z: number) => number;

/** x, y and z; or red, green and blue in linear light. */
export type Vec3 = readonly [number, number, number];

/** A piece of a solid with its own material: `slot` 0 is the main one, 1 and 2 are for details. */
export interface Part {
  readonly distance: Distance;
  readonly slot: 0 | 1 | 2;
}

/** A shape to trace: the union of its parts, all of them inside the bounding sphere. */
export interface Solid {
  readonly parts: readonly Part[];
  readonly center: Vec3;
  readonly radius: number;
}

/** The distance to the union of the parts. */
export function distanceTo(parts: readonly Part[], x: number, y: number, z: number): number {
  let least = Infinity;
  for (let i = 0; i < parts.length; i++) {
    const distance = parts[i].distance(x, y, z);
    if (distance < least) least = distance;
  }
  return least;
}

/** The part whose surface is nearest to a point; the first of several. */
export function nearestPart(parts: readonly Part[], [x, y, z]: Vec3): Part {
  let nearest = parts[0];
  let least = Infinity;
  for (let i = 0; i < parts.length; i++) {
    const distance = parts[i].distance(x, y, z);
    if (distance < least) {
      least = distance;
      nearest = parts[i];
    }
  }
  return nearest;
}

export function sphere([cx, cy, cz]: Vec3, radius: number): Distance {
  return (x, y, z) => Math.sqrt((x - cx) ** 2 + (y - cy) ** 2 + (z - cz) ** 2) - radius;
}

/** An ellipsoid with the given half axes; outside the distance is exact to first order, inside it is a bound. */
export function ellipsoid([cx, cy, cz]: Vec3, [rx, ry, rz]: Vec3): Distance {
  const least = Math.min(rx, ry, rz);
  return (x, y, z) => {
    const px = (x - cx) / rx;
    const py = (y - cy) / ry;
    const pz = (z - cz) / rz;
    const qx = px / rx;
    const qy = py / ry;
    const qz = pz / rz;
    const scaled = Math.sqrt(px * px + py * py + pz * pz);
    const slope = Math.sqrt(qx * qx + qy * qy + qz * qz);
    return scaled < 1 ? (scaled - 1) * least : (scaled * (scaled - 1)) / slope;
  };
}

/** A segment from `a` to `b` thickened by a radius that goes from `ra` to `rb`. */
export function capsule(a: Vec3, b: Vec3, ra: number, rb = ra): Distance {
  const [ax, ay, az] = a;
  const [bx, by, bz] = [b[0] - ax, b[1] - ay, b[2] - az];
  const square = bx * bx + by * by + bz * bz;
  return (x, y, z) => {
    const px = x - ax;
    const py = y - ay;
    const pz = z - az;
    const along = Math.max(0, Math.min(1, (px * bx + py * by + pz * bz) / square));
    const dx = px - along * bx;
    const dy = py - along * by;
    const dz = pz - along * bz;
    return Math.sqrt(dx * dx + dy * dy + dz * dz) - ra - along * (rb - ra);
  };
}

/** A box with half extents `half`, its edges rounded by `rounding` within them. */
export function box([cx, cy, cz]: Vec3, [hx, hy, hz]: Vec3, rounding = 0): Distance {
  return (x, y, z) => {
    const dx = Math.abs(x - cx) - hx + rounding;
    const dy = Math.abs(y - cy) - hy + rounding;
    const dz = Math.abs(z - cz) - hz + rounding;
    const ox = Math.max(dx, 0);
    const oy = Math.max(dy, 0);
    const oz = Math.max(dz, 0);
    return Math.sqrt(ox * ox + oy * oy + oz * oz) + Math.min(Math.max(dx, dy, dz), 0) - rounding;
  };
}

/** An upright truncated cone around the line (`cx`, ·, `cz`): radius `r0` at height `y0`, `r1` at `y1`, rounded by `rounding` outside. */
export function frustum(
  cx: number,
  cz: number,
  y0: number,
  y1: number,
  r0: number,
  r1: number,
  rounding = 0,
): Distance {
  const [half, middle] = [(y1 - y0) / 2, (y1 + y0) / 2];
  const slope = r1 - r0;
  const square = slope * slope + 4 * half * half;
  return (x, y, z) => {
    const radial = Math.sqrt((x - cx) ** 2 + (z - cz) ** 2);
    const height = y - middle;
    const capX = radial - Math.min(radial, height < 0 ? r0 : r1);
    const capY = Math.abs(height) - half;
    const along = Math.max(0, Math.min(1, ((r1 - radial) * slope + (half - height) * 2 * half) / square));
    const sideX = radial - r1 + slope * along;
    const sideY = height - half + 2 * half * along;
    const inside = sideX < 0 && capY < 0 ? -1 : 1;
    return inside * Math.sqrt(Math.min(capX * capX + capY * capY, sideX * sideX + sideY * sideY)) - rounding;
  };
}

/** A torus around the y axis through `center`: `major` to the middle of the tube, which is `minor` thick. */
export function torus([cx, cy, cz]: Vec3, major: number, minor: number): Distance {
  return (x, y, z) => {
    const ring = Math.sqrt((x - cx) ** 2 + (z - cz) ** 2) - major;
    return Math.sqrt(ring * ring + (y - cy) ** 2) - minor;
  };
}

/** The half space below the height `y0`. */
export function below(y0: number): Distance {
  return (_x, y) => y - y0;
}

/** The union, its seams filled with fillets of about the size `fillet`. */
export function blend(fillet: number, ...distances: readonly Distance[]): Distance {
  return distances.reduce((first, second) => (x, y, z) => {
    const a = first(x, y, z);
    const b = second(x, y, z);
    const h = Math.max(fillet - Math.abs(a - b), 0) / fillet;
    return Math.min(a, b) - (h * h * fillet) / 4;
  });
}

export function intersect(first: Distance, second: Distance): Distance {
  return (x, y, z) => Math.max(first(x, y, z), second(x, y, z));
}

/** `first` without `second`. */
export function subtract(first: Distance, second: Distance): Distance {
  return (x, y, z) => Math.max(first(x, y, z), -second(x, y, z));
}

/** `distance` turned by `angle` radians around an axis through `pivot` parallel to x, y or z (counter-clockwise seen from its tip). */
export function turned(axis: "x" | "y" | "z", angle: number, pivot: Vec3, distance: Distance): Distance {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const [cx, cy, cz] = pivot;
  if (axis === "x") {
    return (x, y, z) => distance(x, cy + cos * (y - cy) + sin * (z - cz), cz - sin * (y - cy) + cos * (z - cz));
  }
  if (axis === "y") {
    return (x, y, z) => distance(cx + cos * (x - cx) - sin * (z - cz), y, cz + sin * (x - cx) + cos * (z - cz));
  }
  return (x, y, z) => distance(cx + cos * (x - cx) + sin * (y - cy), cy - sin * (x - cx) + cos * (y - cy), z);
}

/** A tube along the polyline through `points`, its radius going evenly from `ra` to `rb`, with smooth elbows. */
export function tube(points: readonly Vec3[], ra: number, rb = ra): Distance {
  const count = points.length - 1;
  const radius = (i: number) => ra + ((rb - ra) * i) / count;
  const pieces = Array.from({ length: count }, (_, i) => capsule(points[i], points[i + 1], radius(i), radius(i + 1)));
  return blend(Math.min(ra, rb), ...pieces);
}
