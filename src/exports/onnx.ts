/** @file `perceptual-ball/onnx`: models as graphs – read, written, printed, rewritten, differentiated – and sessions that run them. */
export { deconvnetRules } from "../autodiff/deconvnet-rules.ts";
export { type DifferentiateOptions, differentiate } from "../autodiff/differentiate.ts";
export { type DifferentiateModelOptions, differentiateModel } from "../autodiff/differentiate-model.ts";
export { contrastiveExcitationRules, excitationRules } from "../autodiff/excitation-rules.ts";
export { type GradientSteps, type GradientStepsOptions, gradientSteps } from "../autodiff/gradient-steps.ts";
export { guidedRules } from "../autodiff/guided-rules.ts";
export type { Excitation, Guidance, Limit, NoGradient, Rule, VjpCall, VjpRule } from "../autodiff/rule.ts";
export {
  type Differentiable,
  type NonDifferentiable,
  nonDifferentiable,
  type OperatorRules,
  operatorRules,
  type RuleTable,
  vjpRules,
} from "../autodiff/rules/index.ts";
export { appendVjp, type Seed } from "../autodiff/sweep.ts";
export { GraphBuilder, type Value } from "../onnx/builder.ts";
export { type ReadModelOptions, readModel } from "../onnx/file/read-model.ts";
export { writeModel } from "../onnx/file/write-model.ts";
export { type InferShapesOptions, inferShapes, type TypedGraph } from "../onnx/infer-shapes.ts";
export type {
  Attribute,
  Attributes,
  Dimension,
  FunctionDefinition,
  Graph,
  Initializer,
  Model,
  Node,
  Storage,
  ValueInfo,
  ValueType,
} from "../onnx/model.ts";
export { initializerOf, tensorOfInitializer } from "../onnx/model.ts";
export { type CleanUpOptions, cleanUp } from "../onnx/rewrites/clean-up.ts";
export { type ExtractSubgraphOptions, extractSubgraph } from "../onnx/rewrites/extract-subgraph.ts";
export {
  type FoldBatchNormalizationOptions,
  type FoldedGraph,
  foldBatchNormalization,
} from "../onnx/rewrites/fold-batch-normalization.ts";
export { inlineFunctions } from "../onnx/rewrites/inline-functions.ts";
export { type UpgradeOpsetOptions, upgradeOpset } from "../onnx/rewrites/upgrade-opset.ts";
export { type ParseOptions, parseGraph, parseModel } from "../onnx/text/parse.ts";
export { type PrintOptions, printGraph, printModel } from "../onnx/text/print.ts";
export { type ValidateModelOptions, validateModel } from "../onnx/validate.ts";
export { referenceRuntime } from "../runtime/reference-runtime.ts";
export { createSession, modelOf, type Session, type SessionOptions } from "../runtime/session.ts";
