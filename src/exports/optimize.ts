/** @file `perceptual-ball/optimize`: solvers as generators, their drivers, update rules and projections. They know nothing of images or networks. */
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
export { type LbfgsOptions, type LineSearch, lbfgs } from "../optimize/lbfgs.ts";
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
export type { FloatArray } from "../tensor/vector.ts";
