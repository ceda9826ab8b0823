/** @file `perceptual-ball/optimize`: what searches are made of – solvers, update rules and projections, which know nothing of images; goals, balls and the parts of attacks; options. */

export type { TargetedDetector } from "../attacks/adaptive/orthogonal-pgd.ts";
export type {
  AnyAttack,
  AnyAttackOptions,
  Attack,
  AttackDefinition,
  AttackEnding,
  AttackOptionsOf,
  AttackSearch,
  AttackTask,
  Epsilons,
  Images,
  PerEpsilon,
  PerImage,
  SearchContext,
  SearchResult,
} from "../attacks/attack.ts";
export {
  type CommonAttackOptions,
  type CommonAttackValues,
  commonAttackOptions,
  type Label as AttackLabel,
  type Rounding,
} from "../attacks/attack-options.ts";
export { attacksByName } from "../attacks/attacks.ts";
export {
  type Budget,
  type BudgetNorm,
  ballOf,
  ballOptions,
  type Norm,
  norms,
  projectOnBudget,
  roundToBytes,
} from "../attacks/budget.ts";
export type { Distances } from "../attacks/distances.ts";
export { attackEndings, describeEnding } from "../attacks/ending.ts";
export { evaluatePerturbed } from "../attacks/evaluate-results.ts";
export { type Goal, goalOf } from "../attacks/goal.ts";
export { type LikelihoodEvaluation, likelihoodOf } from "../attacks/likelihood.ts";
export { type Evaluator, type Found, inLockstep } from "../attacks/lockstep.ts";
export type { CleanView, Observer, PerturbedView } from "../attacks/observer.ts";
export { type PerceptualFinding, perceptualFinding } from "../attacks/perceptual/perceptual.ts";
export {
  type Constraint,
  constraints,
  type PerceptualOptions,
  type PerceptualPreset,
  perceptualOptions,
  perceptualPresets,
} from "../attacks/perceptual/perceptual-options.ts";
export type { PerceptualSettings } from "../attacks/perceptual/perceptual-plan.ts";
export type { StageSummary } from "../attacks/perceptual/perceptual-search.ts";
export { type BallSteps, projectedGradient } from "../attacks/projected-gradient.ts";
export { type BestSoFarOptions, type BestSolution, bestSoFar } from "../optimize/best-so-far.ts";
export { type DescendOptions, descend } from "../optimize/descend.ts";
export {
  type Asker,
  type DriveOptions,
  type DriveProgress,
  drive,
  driveBatch,
  driveSync,
} from "../optimize/drivers.ts";
export { type LbfgsOptions, type LineSearch, lbfgs, lineSearches } from "../optimize/lbfgs.ts";
export {
  type BallProjection,
  type Bound,
  projectBox,
  projectL2Ball,
  projectLinfBall,
} from "../optimize/projections.ts";
export {
  type Box,
  type Evaluation,
  type Outcome,
  outcomeDescriptions,
  type Projection,
  type Query,
  type Solution,
  type Solver,
} from "../optimize/solver.ts";
export {
  type AdamOptions,
  adam,
  gradientStep,
  type MomentumOptions,
  momentum,
  type StepSize,
  signStep,
  type Update,
  type UpdateRule,
  unitStep,
} from "../optimize/update-rules.ts";
export { type Cost, totalCost } from "../options/cost.ts";
export { describeOption, optionHelp, optionTable } from "../options/describe.ts";
export { type JsonSchema, optionsJsonSchema } from "../options/json-schema.ts";
export {
  countOption,
  type Derived,
  derived,
  flagOption,
  layerOption,
  layersOption,
  numberOption,
  numbersOption,
  type OptionKind,
  type OptionSpec,
  valueOption,
  type WithFallback,
  wordOption,
} from "../options/option.ts";
export { parseOption, parseOptions } from "../options/parse.ts";
export type { OnProgress, Progress } from "../options/progress.ts";
export {
  completeOptions,
  type OptionSchema,
  type OptionsOf,
  type PresetSpec,
  type ValuesOf,
  withPresets,
} from "../options/schema.ts";
export { createRandom, type Random } from "../random/random.ts";
export type { FloatArray } from "../tensor/vector.ts";
