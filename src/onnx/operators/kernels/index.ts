/** @file The table of reference kernels: one for every operator that has a shape rule. */
import type { Operator } from "../shapes/index.ts";
import * as convolution from "./convolution.ts";
import * as elementwise from "./elementwise.ts";
import type { Kernel } from "./kernel.ts";
import * as linalg from "./linalg.ts";
import * as movement from "./movement.ts";
import * as normalization from "./normalization.ts";
import * as pooling from "./pooling.ts";
import * as quantization from "./quantization.ts";
import * as reduction from "./reduction.ts";

export const kernels: Readonly<Record<Operator, Kernel>> = {
  ...convolution,
  ...elementwise,
  ...linalg,
  ...movement,
  ...normalization,
  ...pooling,
  ...quantization,
  ...reduction,
};
