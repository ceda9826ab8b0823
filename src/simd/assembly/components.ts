/** @file Connected components: `localization/level-boxes.ts`. */

// @ts-ignore
@inline
function at32(list: usize, i: i32): i32 {
  return load<i32>(list + (<usize>i << 2));
}

// @ts-ignore
@inline
function set32(list: usize, i: i32, value: i32): void {
  store<i32>(list + (<usize>i << 2), value);
}

/** The root of a pixel, whose way there is halved. */
function rootOf(parent: usize, pixel: i32): i32 {
  let at = pixel;
  while (at32(parent, at) != at) {
    const next = at32(parent, at32(parent, at));
    set32(parent, at, next);
    at = next;
  }
  return at;
}

/**
 * Adds the pixels order[from … to) to the components of a map with a border of one pixel, and returns the root of the largest; −1 stands for none.
 * `boxes` are four lists one after the other, `count` elements each: x0, y0, x1 and y1 of the component of a root.
 */
export function growComponents(
  order: usize,
  from: i32,
  to: i32,
  width: i32,
  neighbors: usize,
  neighborCount: i32,
  parent: usize,
  size: usize,
  first: usize,
  boxes: usize,
  count: i32,
  before: i32,
): i32 {
  const stride = width + 2;
  const x0 = boxes;
  const y0 = x0 + (<usize>count << 2);
  const x1 = y0 + (<usize>count << 2);
  const y1 = x1 + (<usize>count << 2);
  let largest = before;
  for (let n = from; n < to; n++) {
    const pixel = at32(order, n);
    const y = pixel / width;
    const x = pixel - y * width;
    const at = (y + 1) * stride + x + 1;
    let root = -1;
    for (let k = 0; k < neighborCount; k++) {
      const neighbor = at + at32(neighbors, k);
      if (at32(parent, neighbor) < 0) continue;
      let other = rootOf(parent, neighbor);
      if (root < 0) {
        root = other;
      } else if (other != root) {
        if (at32(size, root) < at32(size, other)) {
          const swapped = root;
          root = other;
          other = swapped;
        }
        set32(parent, other, root);
        set32(size, root, at32(size, root) + at32(size, other));
        set32(first, root, min(at32(first, root), at32(first, other)));
        set32(x0, root, min(at32(x0, root), at32(x0, other)));
        set32(y0, root, min(at32(y0, root), at32(y0, other)));
        set32(x1, root, max(at32(x1, root), at32(x1, other)));
        set32(y1, root, max(at32(y1, root), at32(y1, other)));
      }
    }
    if (root < 0) {
      root = at;
      set32(size, at, 1);
      set32(first, at, at);
      set32(x0, at, x);
      set32(y0, at, y);
      set32(x1, at, x + 1);
      set32(y1, at, y + 1);
    } else {
      set32(size, root, at32(size, root) + 1);
      set32(first, root, min(at32(first, root), at));
      set32(x0, root, min(at32(x0, root), x));
      set32(y0, root, min(at32(y0, root), y));
      set32(x1, root, max(at32(x1, root), x + 1));
      set32(y1, root, max(at32(y1, root), y + 1));
    }
    set32(parent, at, root);
    if (largest < 0) {
      largest = root;
    } else {
      const gap = at32(size, root) - at32(size, largest);
      if (gap > 0 || (gap == 0 && at32(first, root) < at32(first, largest))) largest = root;
    }
  }
  return largest;
}
