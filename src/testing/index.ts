/** @file `perceptual-ball/testing`: checks for people who add operators. */
export { adjointError } from "./adjoint-error.ts";
export { type CheckVjpOptions, checkVjp, spreadTensor, testTensor, type VjpCheck } from "./check-vjp.ts";
export { type OneNodeOptions, oneNodeGraph, runtimeError } from "./compare-runtime.ts";
export { positiveFeeds } from "./positive-feeds.ts";
