/**
 * @file The gradient of max pooling without indices.
 *
 * onnxruntime's MaxPool is two orders of magnitude slower when it is asked for indices, so the maxima are found again by
 * comparing. Max pooling is separable: over the last axis first, over the first axis last. Along one axis let M_t be the
 * maximum of a window's taps 0 … t, itself a max pool, and y that of all taps. The first maximum lies beyond tap t exactly if
 * M_t < y, so r_t = [M_t < y] · ȳ is what passes tap t by, and tap t gets r_(t−1) − r_t, which is ȳ or 0 without rounding.
 */
import type { GraphBuilder, Value } from "../../onnx/builder.ts";
import type { Window } from "../../onnx/operators/arithmetic/window.ts";
import { interleave, padAxes, zeros } from "./linear-maps.ts";

/** The lowest finite float32: what padding holds, so that it never is the maximum. */
const lowest = -3.4028234663852886e38;

/**
 * The cotangent of x in y = max pooling of x [N, C, …window.wide]: each element of `dy` [N, C, …window.narrow] goes to the
 * first maximum of its window in row-major order, as in PyTorch and onnxruntime.
 */
export function routeToFirstMaximum(g: GraphBuilder, x: Value, y: Value, dy: Value, window: Window): Value {
  // As many windows as fit in whole strides: those added pass nothing on, and every phase of spreadAxis gets one length.
  const narrow = window.narrow.map((count, axis) =>
    Math.max(count, Math.ceil(window.wide[axis] / window.strides[axis])),
  );
  const whole: Window = { ...window, narrow };
  const added = [0, 0, ...narrow.map((count, axis) => count - window.narrow[axis])];
  // pooled[a]: x pooled over the spatial axes from a on. The first axis decides first, so it is pooled last.
  const pooled = [x];
  for (let axis = window.kernel.length - 1; axis > 0; axis--) {
    pooled.unshift(isTrivial(whole, axis) ? pooled[0] : poolAxis(g, pooled[0], whole, axis, window.kernel[axis]));
  }
  const last = added.every((count) => count === 0) ? y : poolAxis(g, pooled[0], whole, 0, window.kernel[0]);
  pooled.unshift(last);
  let cotangent = padAxes(
    g,
    dy,
    added.map(() => 0),
    added,
  );
  for (let axis = 0; axis < window.kernel.length; axis++) {
    if (isTrivial(whole, axis)) continue;
    const parts = splitByTap(g, pooled[axis + 1], pooled[axis], cotangent, whole, axis);
    cotangent = spreadAxis(g, parts, whole, axis);
  }
  return cotangent;
}

function isTrivial({ kernel, strides, wide, narrow }: Window, axis: number): boolean {
  return kernel[axis] === 1 && strides[axis] === 1 && wide[axis] === narrow[axis];
}

/** The maximum of each window's first `taps` taps along one spatial axis. */
function poolAxis(g: GraphBuilder, value: Value, window: Window, axis: number, taps: number): Value {
  const { wide, narrow, strides, dilations, padsBegin } = window;
  const rank = window.kernel.length;
  const span = (taps - 1) * dilations[axis] + 1;
  const count = narrow[axis];
  const begin = padsBegin[axis];
  const end = Math.max(0, (count - 1) * strides[axis] + span - wide[axis] - begin);
  const one = (number: number, others: number): number[] => new Array<number>(rank).fill(others).with(axis, number);
  // onnxruntime wants less padding than taps.
  const own = begin < taps && end < taps;
  const padded = own
    ? value
    : g.op("Pad", [value, g.ints([0, 0, ...one(begin, 0), 0, 0, ...one(end, 0)]), g.scalar(lowest, value.dtype)]);
  const result = g.op("MaxPool", [padded], {
    kernel_shape: one(taps, 1),
    strides: one(strides[axis], 1),
    dilations: one(dilations[axis], 1),
    pads: own ? [...one(begin, 0), ...one(end, 0)] : undefined,
  });
  // Windows of fewer taps may be more in number.
  const excess = [0, 0, ...one(count - result.shape[axis + 2], 0)];
  return padAxes(
    g,
    result,
    excess.map(() => 0),
    excess,
  );
}

/** ȳ split into what each tap along one axis gets. */
function splitByTap(g: GraphBuilder, x: Value, y: Value, dy: Value, window: Window, axis: number): Value[] {
  const parts: Value[] = [];
  let rest = dy;
  for (let taps = 1; taps < window.kernel[axis]; taps++) {
    const beyond = g.op("Less", [poolAxis(g, x, window, axis, taps), y]);
    const passed = g.op("Mul", [g.op("Cast", [beyond], { to: 1 }), dy]);
    parts.push(g.op("Sub", [rest, passed]));
    rest = passed;
  }
  return [...parts, rest];
}

/** The sum over taps t of `parts[t]`, each put at the positions o · stride + t · dilation − pad along one axis. */
function spreadAxis(g: GraphBuilder, parts: readonly Value[], window: Window, axis: number): Value {
  const [stride, extent, count] = [window.strides[axis], window.wide[axis], window.narrow[axis]];
  const at = axis + 2;
  const length = Math.ceil(extent / stride);
  const none = parts[0].shape.map(() => 0);
  // Positions that leave the same rest modulo the stride form a phase; the phases are interleaved at the end. Rests that no position
  // leaves have none: a stride beyond the extent takes no more than the extent.
  const different = Math.min(stride, extent);
  const phases = Array.from({ length: different }, (_, phase): Value | undefined => {
    let sum: Value | undefined;
    parts.forEach((part, tap) => {
      const position = tap * window.dilations[axis] - window.padsBegin[axis];
      const offset = Math.floor(position / stride);
      if (position - offset * stride !== phase) return;
      const placed = padAxes(g, part, none.with(at, offset), none.with(at, length - count - offset));
      sum = sum === undefined ? placed : g.op("Add", [sum, placed]);
    });
    return sum;
  });
  if (phases.every((phase) => phase === undefined)) return zeros(g, parts[0], parts[0].shape.with(at, extent));
  const joined = interleave(g, phases, at);
  return padAxes(g, joined, none, none.with(at, extent - length * different));
}
