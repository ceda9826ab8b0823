/** @file The table of reference kernels: one for every operator that has a shape rule. */
import type { Operator } from "../shapes/index.ts";
import * as elementwise from "./elementwise.ts";
import type { Kernel } from "./kernel.ts";
import * as linalg from "./linalg.ts";
import * as movement from "./movement.ts";

export const kernels: Readonly<Record<Operator, Kernel>> = {
  ...elementwise,
  ...linalg,
  ...movement,
};
