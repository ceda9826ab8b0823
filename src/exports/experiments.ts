/** @file `perceptual-ball/experiments`: resumable experiments over many pictures, their records, summaries and statistics. */
export {
  type AttackItem,
  type AttackItemsOptions,
  type AttackPicture,
  type AttackProgressOf,
  type AttackRun,
  type AttackSettings,
  attackBatchOf,
  attackCompute,
  attackIdentity,
  attackItems,
  attackKey,
} from "../experiments/attack/protocol.ts";
export {
  type AdversarialFinding,
  type AdversarialRecord,
  type AttackFinding,
  type AttackRecord,
  type AttackRecordInput,
  attackRecord,
  findingOf,
} from "../experiments/attack/record.ts";
export { type AttackSummary, attackSummaries } from "../experiments/attack/summary.ts";
export { type ConeOptions, coneOf, conePoints } from "../experiments/cone/cone.ts";
export type { ConeCurvature, ConeEstimate, PictureCurvature } from "../experiments/cone/curvature.ts";
export type { ConeAxes, ConePair, PicturePlanes } from "../experiments/cone/planes.ts";
export {
  type ConeItem,
  type ConeSettings,
  coneCompute,
  coneIdentity,
  coneItems,
  coneOfRecords,
} from "../experiments/cone/protocol.ts";
export type { ConeRecord } from "../experiments/cone/record.ts";
export { type Cone, type ConeAccumulator, coneAccumulator } from "../experiments/cone/summary.ts";
export {
  type DetectionItem,
  type DetectionSettings,
  defaultDetectionSettings,
  detectionBatchOf,
  detectionCompute,
  detectionIdentity,
  detectionItems,
} from "../experiments/detection/protocol.ts";
export type { AlignmentRecord, DetectionDistances, DetectionRecord } from "../experiments/detection/record.ts";
export type { AttackDetection, DetectionSummary, GroupSummary, Share } from "../experiments/detection/summary.ts";
export {
  type DetectionFinished,
  detectionStatistics,
  summarizeDetection,
} from "../experiments/detection/summary.ts";
export {
  type ExplanationInput,
  type ExplanationRecord,
  explanationRecord,
  isPerturbation,
  type MapRecord,
  type PerturbationRecord,
} from "../experiments/explanation/record.ts";
export {
  areaUnderSteps,
  type CurvesOptions,
  type InsertionDeletion,
  insertionDeletion,
} from "../experiments/localization/insertion-deletion.ts";
export {
  defaultLocalizationSettings,
  type ExplainedClass,
  gridBoxes,
  type LocalizationItem,
  type LocalizationSettings,
  localizationCompute,
  localizationIdentity,
  localizationItems,
  type MethodRun,
} from "../experiments/localization/protocol.ts";
export {
  boxesAsText,
  boxesOfText,
  type ConnectivityKey,
  type GridBoxes,
  type LocalizationRecord,
} from "../experiments/localization/record.ts";
export type {
  KindSummary,
  LocalizationSummary,
  MethodSummary,
  SummaryOptions,
} from "../experiments/localization/summary.ts";
export {
  accuracyOf,
  agreementOf,
  defaultSummaryOptions,
  isLocalized,
  type LocalizationFinished,
  summarizeMethods,
} from "../experiments/localization/summary.ts";
export {
  cascadeStages,
  type RandomizationComputer,
  type RandomizationItem,
  type RandomizationOptions,
  type RandomizationRecord,
  randomizationComputer,
  randomizationItems,
  type SanityStage,
  summarizeRandomization,
  type WeightLayer,
  weightLayers,
  withRandomWeights,
} from "../experiments/localization/weight-randomization.ts";
export type { LabelRecord } from "../experiments/records/label-record.ts";
export { memoryStore } from "../experiments/records/memory-store.ts";
export type {
  ExperimentIdentity,
  ExperimentRecord,
  FailedRecord,
  FinishedRecord,
  RecordKey,
  RecordStore,
} from "../experiments/records/record-store.ts";
export {
  type Computed,
  type ExperimentItem,
  type ExperimentProgress,
  type RunExperimentOptions,
  runExperiment,
} from "../experiments/records/run-experiment.ts";
export type { Shard } from "../experiments/records/shards.ts";
export {
  areaUnderCurve,
  averagePrecision,
  type RocPoint,
  rocArea,
  rocCurve,
} from "../experiments/statistics/ranking.ts";
export { type SplitHalfTuning, splitHalves, tuneOnHalves } from "../experiments/statistics/split-half.ts";
export {
  bootstrap,
  bootstrapMean,
  type ConfidenceOptions,
  type Estimate,
  holmAdjust,
  mcnemarTest,
  pearson,
  type ResamplingOptions,
  signFlipTest,
  spearman,
  wilsonInterval,
} from "../experiments/statistics/statistics.ts";
