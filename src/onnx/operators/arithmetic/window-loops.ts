/** @file Loops over a sliding window, shared by the kernels of convolutions and pools: up to three spatial axes, lifted to three. */
import { UnsupportedError } from "../../../errors.ts";
import type { Window } from "./window.ts";

/** A window over exactly three spatial axes: leading axes of extent 1 are added. */
export interface Window3d {
  readonly wide: readonly [number, number, number];
  readonly narrow: readonly [number, number, number];
  readonly kernel: readonly [number, number, number];
  readonly strides: readonly [number, number, number];
  readonly dilations: readonly [number, number, number];
  readonly padsBegin: readonly [number, number, number];
  readonly padsEnd: readonly [number, number, number];
}

type Triple = readonly [number, number, number];

/** `window` with leading axes of extent 1, so that 1-D, 2-D and 3-D share their loops; more axes are an UnsupportedError. */
export function liftWindow(where: string, window: Window): Window3d {
  const rank = window.kernel.length;
  if (rank > 3) {
    throw new UnsupportedError({
      where,
      what: "too many spatial axes",
      expected: "at most 3",
      got: String(rank),
      advice: "Pictures have two: fold the others into the channels or the batch.",
    });
  }
  const lift = (values: readonly number[], fill: number): Triple => [
    values.at(-3) ?? fill,
    values.at(-2) ?? fill,
    values.at(-1) ?? fill,
  ];
  return {
    wide: lift(window.wide, 1),
    narrow: lift(window.narrow, 1),
    kernel: lift(window.kernel, 1),
    strides: lift(window.strides, 1),
    dilations: lift(window.dilations, 1),
    padsBegin: lift(window.padsBegin, 0),
    padsEnd: lift(window.padsEnd, 0),
  };
}

/** Visits rows: `count` narrow positions from `narrow` on (contiguous), and the wide positions from `wide` on (`stride` apart) that a tap touches there. */
export type RowVisitor = (tap: number, narrow: number, wide: number, count: number) => void;

/**
 * Calls `visit` for every tap (numbered in row-major order) and every row of narrow positions whose touched wide positions
 * are not padding. Positions are flat indices into one channel's plane; along a row the wide index grows by `strides[2]`.
 */
export function forEachRow({ wide, narrow, kernel, strides, dilations, padsBegin }: Window3d, visit: RowVisitor): void {
  let tap = 0;
  for (let kd = 0; kd < kernel[0]; kd++) {
    for (let kh = 0; kh < kernel[1]; kh++) {
      for (let kw = 0; kw < kernel[2]; kw++, tap++) {
        const [d0, h0, w0] = [
          kd * dilations[0] - padsBegin[0],
          kh * dilations[1] - padsBegin[1],
          kw * dilations[2] - padsBegin[2],
        ];
        const first = Math.max(0, Math.ceil(-w0 / strides[2]));
        const count = Math.min(narrow[2] - 1, Math.floor((wide[2] - 1 - w0) / strides[2])) - first + 1;
        if (count <= 0) continue;
        for (let od = 0; od < narrow[0]; od++) {
          const d = od * strides[0] + d0;
          if (d < 0 || d >= wide[0]) continue;
          for (let oh = 0; oh < narrow[1]; oh++) {
            const h = oh * strides[1] + h0;
            if (h < 0 || h >= wide[1]) continue;
            visit(
              tap,
              (od * narrow[1] + oh) * narrow[2] + first,
              (d * wide[1] + h) * wide[2] + first * strides[2] + w0,
              count,
            );
          }
        }
      }
    }
  }
}

/** The rows that {@link forEachRow} visits, as flat records of four numbers, so that a loop over channels need not find them anew. */
export function rowsOf(window: Window3d): Int32Array {
  const rows: number[] = [];
  forEachRow(window, (tap, narrow, wide, count) => {
    rows.push(tap, narrow, wide, count);
  });
  return Int32Array.from(rows);
}
