/** @file `perceptual-ball/experiments`: data sets, resumable experiments over many pictures, their records, summaries and statistics. */

export {
  type UniversalOptions,
  type UniversalState,
  universalPerturbation,
} from "../attacks/universal/universal-perturbation.ts";
export { type BoxesInInput, type BoxInput, boxesInInput, boxesInPicture } from "../datasets/boxes-in-input.ts";
export type { ClassifierClasses } from "../datasets/class-labels.ts";
export {
  type Dataset,
  type DatasetImage,
  type DatasetPart,
  type DatasetProblem,
  type DatasetProblemKind,
  type DatasetSplit,
  datasetProblemKinds,
  describeProblems,
  type ObjectMask,
} from "../datasets/dataset.ts";
export { type DatasetFormat, datasetFormats } from "../datasets/dataset-formats.ts";
export type {
  DatasetSource,
  FileEntry,
  OpenFile,
  PictureSize,
  ReadPictureOptions,
} from "../datasets/dataset-source.ts";
export { memoryFileSource, type PictureDecoder } from "../datasets/memory-source.ts";
export { type OpenDatasetOptions, openDataset } from "../datasets/open-dataset.ts";
export { type LabelSource, labelSources } from "../datasets/reader.ts";
export { defineDetector, usualFalsePositiveRate } from "../detection/define-detector.ts";
export type {
  AnyDetector,
  Detector,
  DetectorDefinition,
  DetectorPlan,
  DetectorStatistics,
  FitSet,
  Fitted,
  FittedArray,
  FittedArrays,
  MeasuredImage,
  PlannedDetector,
  Scorer,
  ScoringContext,
} from "../detection/detector.ts";
export { formatDetectorStatistics, parseDetectorStatistics } from "../detection/detector-file.ts";
export {
  type DetectorName,
  detectorNamed,
  detectors,
  detectorsByName,
  findDetector,
} from "../detection/detectors.ts";
export { lastHiddenLayer, meanPart, stageLayers, valuesPart } from "../detection/features/layer-parts.ts";
export type { LogisticRegression } from "../detection/learning/logistic-regression.ts";
export { type Measuring, openMeasuring } from "../detection/measurement.ts";
export type { AlignmentStatistics, MissingStatistics } from "../detection/odds/alignment-statistics.ts";
export type { NamedImage } from "../detection/odds/alignments.ts";
export {
  type ClassCorrection,
  type Correction,
  type CorrectionForm,
  correctionForms,
  type PairStatistics,
} from "../detection/odds/correction.ts";
export type { AttackImages, FitOddsOptions, LabeledImage } from "../detection/odds/fit-odds.ts";
export {
  correctionKinds,
  detectionKinds,
  type NoiseKind,
  noiseKindName,
  parseNoiseKind,
} from "../detection/odds/noise.ts";
export { calibratedCutoff, calibrateOdds, type DetectOddsOptions } from "../detection/odds/odds.ts";
export { type Cutoff, nominalCutoff } from "../detection/odds/odds-statistics.ts";
export type { OddsScore } from "../detection/odds/score.ts";
export { formatStatistics, ownerOf, parseStatistics, type StatisticsOwner } from "../detection/odds/statistics-file.ts";
export { logitsPart, type Measurement, type Part, type PartPass, type Reduction } from "../detection/part.ts";
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
export {
  type TransferCell,
  type TransferMatrix,
  type TransferModel,
  type TransferRow,
  transferMatrix,
} from "../experiments/attack/transfer.ts";
export {
  type ClassificationAccuracy,
  type ClassificationRecord,
  type ClassifyPicturesOptions,
  classificationAccuracy,
  classifyPictures,
  type PictureToClassify,
} from "../experiments/classification/classify-pictures.ts";
export {
  type AttackCone,
  type AttackConesInput,
  type AttackMeans,
  attackCones,
  coneSeconds,
} from "../experiments/cone/attack-cones.ts";
export { type ConeOptions, coneOf, conePoints } from "../experiments/cone/cone.ts";
export type { ConeCurvature, ConeEstimate, PictureCurvature } from "../experiments/cone/curvature.ts";
export type { ConeAxes, ConePair, PicturePlanes } from "../experiments/cone/planes.ts";
export {
  type ConeComputeOptions,
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
  type DetectionBenchmarkInput,
  type DetectionResults,
  detectionSummary,
} from "../experiments/detection/benchmark-summary.ts";
export { type FitStatisticsOptions, fitStatistics } from "../experiments/detection/fit-statistics.ts";
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
export {
  type AttackDetection,
  type DetectionFinished,
  type DetectionStatisticsOptions,
  type DetectionSummary,
  detectionStatistics,
  type GroupSummary,
  type ShareEstimate,
  type SummarizeDetectionOptions,
  summarizeDetection,
} from "../experiments/detection/summary.ts";
export { type DetectorRun, type PlannedRun, planRuns } from "../experiments/detectors/detector-run.ts";
export { type FitDetectorsOptions, type FittedRun, fitDetectors } from "../experiments/detectors/fit-detectors.ts";
export {
  type DetectorsData,
  type DetectorsItem,
  type DetectorsSettings,
  detectorsBatchOf,
  detectorsCompute,
  detectorsIdentity,
  detectorsItems,
  type KnowingRun,
} from "../experiments/detectors/protocol.ts";
export type { AttackedDistances, AttackedFacts, DetectorRecord } from "../experiments/detectors/record.ts";
export {
  type AreaEstimate,
  type AttackColumn,
  type DetectorCell,
  type DetectorRow,
  type DetectorsResults,
  type DetectorsSummary,
  type DetectorsSummaryInput,
  detectorsSummary,
} from "../experiments/detectors/summary.ts";
export {
  type ExplanationFiles,
  type ExplanationInput,
  type ExplanationRecord,
  explanationRecord,
  isPerturbation,
  type MapRecord,
  type PerturbationRecord,
} from "../experiments/explanation/record.ts";
export { explanationRecordSchema, type RecordJsonSchema } from "../experiments/explanation/record-schema.ts";
export { agreementOf, isLocalized } from "../experiments/localization/agreement.ts";
export { type BenchmarkSummaryInput, localizationSummary } from "../experiments/localization/benchmark-summary.ts";
export { type Comparison, compareMethods, paperMethods } from "../experiments/localization/comparisons.ts";
export type { IntervalEstimate, Pooling } from "../experiments/localization/estimates.ts";
export {
  areaUnderSteps,
  type CurvesOptions,
  type InsertionDeletion,
  insertionDeletion,
} from "../experiments/localization/insertion-deletion.ts";
export {
  type GridErrors,
  type JudgedRecord,
  judgeRecord,
  type TabledRecord,
} from "../experiments/localization/judged-record.ts";
export { type PictureGroup, summarizeGroups } from "../experiments/localization/picture-groups.ts";
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
export {
  accuracyOf,
  type KindSummary,
  type LocalizationSummary,
  type MethodSummary,
  summarizeMethods,
} from "../experiments/localization/summary.ts";
export { defaultSummaryOptions, type SummaryOptions } from "../experiments/localization/summary-options.ts";
export type { LocalizationFinished } from "../experiments/localization/threshold-errors.ts";
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
export { type InfidelityOptions, infidelity } from "../experiments/metrics/infidelity.ts";
export { type MaxSensitivityOptions, maxSensitivity } from "../experiments/metrics/max-sensitivity.ts";
export type { MetricOptions } from "../experiments/metrics/metric-input.ts";
export {
  type Metric,
  type MetricName,
  type MetricSubject,
  type MetricValue,
  type MetricValues,
  metrics,
} from "../experiments/metrics/metrics.ts";
export { type Road, type RoadOptions, road } from "../experiments/metrics/road.ts";
export {
  type SensitivitySteps,
  type SensitivityStepsOptions,
  sensitivityN,
  sensitivitySteps,
} from "../experiments/metrics/sensitivity-n.ts";
export { sparseness } from "../experiments/metrics/sparseness.ts";
export type { LabelRecord } from "../experiments/records/label-record.ts";
export { memoryStore } from "../experiments/records/memory-store.ts";
export type { Form as RecordForm } from "../experiments/records/record-form.ts";
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
  type FailedItem,
  type RunExperimentOptions,
  runExperiment,
} from "../experiments/records/run-experiment.ts";
export type { Shard } from "../experiments/records/shards.ts";
export type { MeasuredItems } from "../experiments/records/time-estimate.ts";
export {
  checkRadii,
  type RobustnessItem,
  type RobustnessSettings,
  robustnessBatchOf,
  robustnessCompute,
  robustnessIdentity,
  robustnessItems,
  robustnessKey,
} from "../experiments/robustness/protocol.ts";
export type { RadiusRecord, RobustnessRecord } from "../experiments/robustness/record.ts";
export {
  type RadiusSummary,
  type RobustnessCurve,
  type RobustnessSummary,
  type RobustnessSummaryInput,
  robustnessSummary,
} from "../experiments/robustness/summary.ts";
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
export {
  type JudgeUniversalOptions,
  judgeUniversal,
  type UniversalCounts,
  type UniversalExample,
  type UniversalPicture,
} from "../experiments/universal/judge-universal.ts";
export { areaOf, boundingBox, centeredBox, roundedOutward, wholeBox } from "../localization/box.ts";
export {
  type ComponentOptions,
  type Components,
  connectedComponents,
  largestComponent,
} from "../localization/components.ts";
export { energyInside } from "../localization/energy-inside.ts";
export { type BoxConnectivity, boxConnectivities, levelBoxes } from "../localization/level-boxes.ts";
export {
  defaultLocalizationRule,
  type LocalizationRule,
  type LocalizedMap,
  usualBox,
} from "../localization/localize-map.ts";
export { distanceToBoxes, greatestPoint, type MapPoint } from "../localization/pointing-game.ts";
export { type Mask, thresholdLevels } from "../localization/threshold.ts";
export { gridKinds, type ThresholdKind, thresholdGrids, thresholdParameter } from "../localization/threshold-grids.ts";
export type { AttentionDetails } from "../saliency/attention/attention-methods.ts";
export type { Completeness } from "../saliency/baseline.ts";
export type { LayerDetails } from "../saliency/cams/layer-cells.ts";
export type {
  CommonDefinition,
  FactDetails,
  MapTask,
  MethodDefinition,
  MethodResult,
  MethodTask,
  NoDetails,
  PerturbationMethod,
  PerturbationMethodDefinition,
  PerturbationTask,
  WithFacts,
} from "../saliency/define-method.ts";
export type { TimedExplanation } from "../saliency/explainer.ts";
export type { ExtremalArea } from "../saliency/extremal/extremal.ts";
export {
  type MethodDetails,
  type MethodOptions,
  methodOptions,
  type Perturbation,
  type PerturbationFacts,
  type Perturbing,
  type SmoothedDetails,
  type UnsmoothedOptions,
} from "../saliency/method.ts";
export { methods } from "../saliency/methods.ts";
export type { DeepFoolDetails } from "../saliency/perturbations/deepfool.ts";
export type { PerceptualDetails } from "../saliency/perturbations/perceptual.ts";
export { rootMeanSquare } from "../saliency/perturbations/root-mean-square.ts";
export {
  bundledScenes,
  type RenderedScene,
  renderScene,
  type SceneOptions,
  type SceneRecord,
  type ScenesOptions,
  scenes,
  scenesClasses,
  scenesSeeds,
} from "../scenes/scenes.ts";
