/** @file `perceptual-ball`: everything that runs in Node and in a browser alike. */

// Attacks
export {
  type Adversarial,
  type AttackEnding,
  type AttackMethod,
  type AttackOptions,
  type AttackProgress,
  type AttackResult,
  attackEndings,
} from "./attacks/attack.ts";
export { type AnyAttackOptions, attacks, findAttack, type RegisteredAttack } from "./attacks/attacks.ts";
export { type Budget, type Norm, projectOnBudget, roundToBytes } from "./attacks/budget.ts";
export { type CarliniWagnerOptions, type CarliniWagnerPreset, carliniWagnerAttack } from "./attacks/carlini-wagner.ts";
export { type DeepFoolAttackOptions, deepFoolAttack } from "./attacks/deepfool-method.ts";
export type { Distances } from "./attacks/distances.ts";
export { type FgsmOptions, fgsmAttack } from "./attacks/fgsm.ts";
export {
  type AttackOutcome,
  attackOutcomeDescriptions,
  type Constraint,
  type PerceptualOptions,
  type PerceptualPreset,
  type PerceptualResult,
  type PerceptualSettings,
  perceptualAttack,
} from "./attacks/perceptual/perceptual.ts";
export {
  type L2AttackOptions,
  l2Attack,
  type PerceptualAttackOptions,
  perceptualAttacks,
} from "./attacks/perceptual/perceptual-method.ts";
export { type PerturbationFacts, perturbationFacts } from "./attacks/perturbation-facts.ts";
export { type PgdOptions, type PgdPreset, pgdAttack } from "./attacks/pgd.ts";
export { type PgdMeanOptions, pgdMeanAttack } from "./attacks/pgd-mean.ts";
// Gradients as graphs
export { deconvnetRules } from "./autodiff/deconvnet-rules.ts";
export { type DifferentiateOptions, differentiate } from "./autodiff/differentiate.ts";
export { type DifferentiateModelOptions, differentiateModel } from "./autodiff/differentiate-model.ts";
export { contrastiveExcitationRules, excitationRules } from "./autodiff/excitation-rules.ts";
export { type GradientSteps, type GradientStepsOptions, gradientSteps } from "./autodiff/gradient-steps.ts";
export { guidedRules } from "./autodiff/guided-rules.ts";
export type { Excitation, Guidance, Limit, NoGradient, Rule, VjpCall, VjpRule } from "./autodiff/rule.ts";
export {
  type Differentiable,
  type NonDifferentiable,
  nonDifferentiable,
  type OperatorRules,
  operatorRules,
  type RuleTable,
  vjpRules,
} from "./autodiff/rules/index.ts";
export { appendVjp, type Seed } from "./autodiff/sweep.ts";
// Classifiers
export {
  type Classifier,
  type ClassifierOptions,
  createClassifier,
  type ImageInput,
} from "./classifier/classifier.ts";
export { builtInLabels, parseLabels } from "./classifier/labels/labels.ts";
export type { Classification } from "./classifier/logits.ts";
export type { FeatureGrid } from "./classifier/network/feature-grids.ts";
export {
  type GradientState,
  type InspectedLayer,
  type Inspection,
  inspectModel,
} from "./classifier/network/inspect-model.ts";
export { describeLayer, type Layer, type LayerSelector } from "./classifier/network/layers.ts";
export type { Output } from "./classifier/passes/network-graphs.ts";
export type { DistanceOptions, NetworkPasses, ObjectiveOptions } from "./classifier/passes/network-passes.ts";
export type {
  ObjectiveEvaluation,
  ObjectiveInput,
  ObjectivePass,
  Problem,
  Reference,
  ReferencePass,
} from "./classifier/passes/objective.ts";
export type { Space } from "./classifier/passes/objective-graph.ts";
export type { Pass } from "./classifier/passes/pass.ts";
export type {
  BackwardEvaluation,
  BackwardInput,
  BackwardOptions,
  BackwardPass,
  CleanFeatures,
  DistanceEvaluation,
  DistanceInput,
  DistancePass,
  FeaturePass,
  ForwardPass,
  LayerCotangents,
  LayerPass,
  MarginEvaluation,
  MarginInput,
  MarginPass,
} from "./classifier/passes/passes.ts";
export { fitPicture } from "./classifier/preprocessing/fit-picture.ts";
export type { PreprocessingGuess } from "./classifier/preprocessing/guess-preprocessing.ts";
export {
  type Normalization,
  type NormalizationName,
  normalizations,
  type Preprocessing,
} from "./classifier/preprocessing/preprocessing.ts";
export { type ProbeOptions, probePreprocessing } from "./classifier/preprocessing/probe-preprocessing.ts";
// Data
export { type BoxesInInput, boxesInInput, boxesInPicture } from "./datasets/boxes-in-input.ts";
export type { ClassifierClasses } from "./datasets/class-labels.ts";
export {
  type Dataset,
  type DatasetImage,
  type DatasetProblem,
  type DatasetProblemKind,
  type DatasetSplit,
  describeProblems,
  type ObjectMask,
} from "./datasets/dataset.ts";
export { type DatasetFormat, datasetFormats } from "./datasets/dataset-formats.ts";
export type { DatasetSource, FileEntry, PictureSize } from "./datasets/dataset-source.ts";
export { memoryFileSource, type PictureDecoder } from "./datasets/memory-source.ts";
export { type OpenDatasetOptions, openDataset } from "./datasets/open-dataset.ts";
export type { LabelSource } from "./datasets/reader.ts";
// Detection
export type {
  AlignmentStatistics,
  MissingStatistics,
} from "./detection/alignment-statistics.ts";
export type { NamedImage } from "./detection/alignments.ts";
export { type CorrectionForm, correctionForms } from "./detection/correction.ts";
export { type AttackImages, type FitOddsOptions, fitOdds, type LabeledImage } from "./detection/fit-odds.ts";
export { correctionKinds, detectionKinds, type NoiseKind, noiseKindName, parseNoiseKind } from "./detection/noise.ts";
export {
  calibratedCutoff,
  calibrateOdds,
  type DetectOddsOptions,
  detectOdds,
  type OddsVerdict,
} from "./detection/odds.ts";
export { type Cutoff, nominalCutoff, type OddsStatistics } from "./detection/odds-statistics.ts";
export type { OddsScore } from "./detection/score.ts";
export { formatStatistics, ownerOf, parseStatistics, type StatisticsOwner } from "./detection/statistics-file.ts";
// Errors
export {
  AbortedError,
  BadInputError,
  type Complaint,
  MisuseError,
  type NumberLimits,
  PerceptualBallError,
  UnsupportedError,
} from "./errors.ts";
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
} from "./experiments/attack/protocol.ts";
export {
  type AdversarialFinding,
  type AdversarialRecord,
  type AttackFinding,
  type AttackRecord,
  type AttackRecordInput,
  attackRecord,
  findingOf,
} from "./experiments/attack/record.ts";
export { type AttackSummary, attackSummaries } from "./experiments/attack/summary.ts";
// Experiments
export { type ConeOptions, coneOf, conePoints } from "./experiments/cone/cone.ts";
export type { ConeCurvature, ConeEstimate, PictureCurvature } from "./experiments/cone/curvature.ts";
export type { ConeAxes, ConePair, PicturePlanes } from "./experiments/cone/planes.ts";
export {
  type ConeItem,
  type ConeSettings,
  coneCompute,
  coneIdentity,
  coneItems,
  coneOfRecords,
} from "./experiments/cone/protocol.ts";
export type { ConeRecord } from "./experiments/cone/record.ts";
export { type Cone, type ConeAccumulator, coneAccumulator } from "./experiments/cone/summary.ts";
export {
  type DetectionItem,
  type DetectionSettings,
  defaultDetectionSettings,
  detectionBatchOf,
  detectionCompute,
  detectionIdentity,
  detectionItems,
} from "./experiments/detection/protocol.ts";
export type { AlignmentRecord, DetectionDistances, DetectionRecord } from "./experiments/detection/record.ts";
export type { AttackDetection, DetectionSummary, GroupSummary, Share } from "./experiments/detection/summary.ts";
export {
  type DetectionFinished,
  detectionStatistics,
  summarizeDetection,
} from "./experiments/detection/summary.ts";
export {
  type ExplanationInput,
  type ExplanationRecord,
  explanationRecord,
  isPerturbation,
  type MapRecord,
  type PerturbationRecord,
} from "./experiments/explanation/record.ts";
export {
  areaUnderSteps,
  type CurvesOptions,
  type InsertionDeletion,
  insertionDeletion,
} from "./experiments/localization/insertion-deletion.ts";
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
} from "./experiments/localization/protocol.ts";
export {
  boxesAsText,
  boxesOfText,
  type ConnectivityKey,
  type GridBoxes,
  type LocalizationRecord,
} from "./experiments/localization/record.ts";
export type {
  KindSummary,
  LocalizationSummary,
  MethodSummary,
  SummaryOptions,
} from "./experiments/localization/summary.ts";
export {
  accuracyOf,
  agreementOf,
  defaultSummaryOptions,
  isLocalized,
  type LocalizationFinished,
  summarizeMethods,
} from "./experiments/localization/summary.ts";
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
} from "./experiments/localization/weight-randomization.ts";
export type { LabelRecord } from "./experiments/records/label-record.ts";
export { memoryStore } from "./experiments/records/memory-store.ts";
export type {
  ExperimentIdentity,
  ExperimentRecord,
  FailedRecord,
  FinishedRecord,
  RecordKey,
  RecordStore,
} from "./experiments/records/record-store.ts";
export {
  type Computed,
  type ExperimentItem,
  type ExperimentProgress,
  type RunExperimentOptions,
  runExperiment,
} from "./experiments/records/run-experiment.ts";
export type { Shard } from "./experiments/records/shards.ts";
export {
  areaUnderCurve,
  averagePrecision,
  type RocPoint,
  rocArea,
  rocCurve,
} from "./experiments/statistics/ranking.ts";
export { type SplitHalfTuning, splitHalves, tuneOnHalves } from "./experiments/statistics/split-half.ts";
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
} from "./experiments/statistics/statistics.ts";
// Pictures
export { blend, type ColorMap, colorAt, colorize, colorMaps } from "./image/color-map.ts";
export { type BlurOptions, blur } from "./image/gaussian-blur.ts";
export { applyGeometry, fitGeometry, type Geometry, type GeometryRule, type ResizeRule } from "./image/geometry.ts";
export { normalizeMap, normalizeSigned } from "./image/normalize.ts";
export { type ImageTensor, type Picture, pictureToTensor, tensorToPicture } from "./image/picture.ts";
export { type Interpolation, type ResizeOptions, resizeBytes, resizeFloat } from "./image/resize.ts";
export { structuralSimilarity } from "./image/structural-similarity.ts";
// From maps to boxes
export {
  areaOf,
  type Box,
  boundingBox,
  centeredBox,
  iou,
  largestBox,
  roundedOutward,
  wholeBox,
} from "./localization/box.ts";
export {
  type ComponentOptions,
  type Components,
  connectedComponents,
  largestComponent,
} from "./localization/components.ts";
export { energyInside } from "./localization/energy-inside.ts";
export { type BoxConnectivity, boxConnectivities, levelBoxes } from "./localization/level-boxes.ts";
export {
  defaultLocalizationRule,
  type LocalizationRule,
  type LocalizedMap,
  localizeMap,
} from "./localization/localize-map.ts";
export { distanceToBoxes, greatestPoint, type Point } from "./localization/pointing-game.ts";
export { type Mask, type ThresholdRule, threshold, thresholdLevels } from "./localization/threshold.ts";
export { gridKinds, type ThresholdKind, thresholdGrids, thresholdParameter } from "./localization/threshold-grids.ts";
// ONNX models
export { GraphBuilder, type Value } from "./onnx/builder.ts";
export { type ReadModelOptions, readModel } from "./onnx/file/read-model.ts";
export { writeModel } from "./onnx/file/write-model.ts";
export { type InferShapesOptions, inferShapes, type TypedGraph } from "./onnx/infer-shapes.ts";
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
} from "./onnx/model.ts";
export { initializerOf, tensorOfInitializer } from "./onnx/model.ts";
export { type CleanUpOptions, cleanUp } from "./onnx/rewrites/clean-up.ts";
export { type ExtractSubgraphOptions, extractSubgraph } from "./onnx/rewrites/extract-subgraph.ts";
export {
  type FoldBatchNormalizationOptions,
  type FoldedGraph,
  foldBatchNormalization,
} from "./onnx/rewrites/fold-batch-normalization.ts";
export { inlineFunctions } from "./onnx/rewrites/inline-functions.ts";
export { type UpgradeOpsetOptions, upgradeOpset } from "./onnx/rewrites/upgrade-opset.ts";
export { type ParseOptions, parseGraph, parseModel } from "./onnx/text/parse.ts";
export { type PrintOptions, printGraph, printModel } from "./onnx/text/print.ts";
export { type ValidateModelOptions, validateModel } from "./onnx/validate.ts";
// Solvers
export { type BestSoFarOptions, type BestSolution, bestSoFar } from "./optimize/best-so-far.ts";
export { type DescendOptions, descend } from "./optimize/descend.ts";
export { type DriveOptions, drive, driveBatch, driveSync } from "./optimize/drivers.ts";
export { type LbfgsOptions, lbfgs } from "./optimize/lbfgs.ts";
export { type Bound, projectBox, projectL2Ball, projectLinfBall } from "./optimize/projections.ts";
export type { Evaluation, Projection, Query, Solution, Solver } from "./optimize/solver.ts";
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
} from "./optimize/update-rules.ts";
// Options
export { type Cost, totalCost } from "./options/cost.ts";
export { describeOption, optionHelp, optionTable } from "./options/describe.ts";
export { type JsonSchema, optionsJsonSchema } from "./options/json-schema.ts";
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
} from "./options/option.ts";
export { parseOption, parseOptions } from "./options/parse.ts";
export type { OnProgress, Progress } from "./options/progress.ts";
export {
  completeOptions,
  type OptionSchema,
  type OptionsOf,
  type PresetSpec,
  type ValuesOf,
  withPresets,
} from "./options/schema.ts";
// Tensors and random numbers
export { createRandom, type Random } from "./random/random.ts";
export { type AttackPageEntry, type AttackPageInput, attackPage } from "./report/attack/page.ts";
export { attackSentence } from "./report/attack/sentence.ts";
export { attackTable } from "./report/attack/table.ts";
// Reports
export { detectionPage } from "./report/detection/page.ts";
export { type DetectionPlot, detectionPlots } from "./report/detection/plots.ts";
export { detectionCsv, detectionMarkdown } from "./report/detection/tables.ts";
export {
  type ExplainPictureOptions,
  type ExplanationRun,
  explainPicture,
  type PictureExplanation,
} from "./report/explanation/explain-picture.ts";
export { type PageEntry, type PageInput, reportPage } from "./report/explanation/page.ts";
export {
  type OutlinedBox,
  panelOf,
  stackPanels,
  type Tiles,
  type TilesInput,
  tilesOf,
} from "./report/explanation/panel.ts";
export { explanationSentence, summaryLine } from "./report/explanation/sentences.ts";
export { type ConeFigurePanel, coneFigure } from "./report/figures/cone-figure.ts";
export { type FigureCell, type FigureGridInput, type FigureRow, figureGrid } from "./report/figures/figure-grid.ts";
export type { PlotAxis, PlotSize, PlotStyle } from "./report/figures/plot-frame.ts";
export {
  type CurvePlotInput,
  curvePlot,
  type EstimatePlotInput,
  type EstimateRow,
  estimatePlot,
  type HistogramGroup,
  type HistogramInput,
  histogramPlot,
  type PlotCurve,
  type PlotPoint,
  type PlotRule,
  type RocPlotCurve,
  rocPlot,
} from "./report/figures/plots.ts";
export {
  type LocalizationPageInput,
  localizationPage,
  type PageFigure,
} from "./report/localization/page.ts";
export {
  errorPlots,
  insertionDeletionPlots,
  type NamedPlot,
  sanityPlots,
} from "./report/localization/plots.ts";
export { localizationCsv, localizationMarkdown, measuresCsv } from "./report/localization/tables.ts";
export { boxColors } from "./report/style/box-colors.ts";
// Runtimes
export { referenceRuntime } from "./runtime/reference-runtime.ts";
export { describeRuntime, type Runtime } from "./runtime/runtime.ts";
export { createSession, modelOf, type Session, type SessionOptions } from "./runtime/session.ts";
// Saliency maps
export { contrastiveExcitationBackprop, excitationBackprop } from "./saliency/cams/excitation-backprop.ts";
export { excitationGrid, gradCamGrid } from "./saliency/cams/feature-grid.ts";
export { gradCam } from "./saliency/cams/grad-cam.ts";
export { guidedGradCam } from "./saliency/cams/guided-grad-cam.ts";
export {
  type CommonDefinition,
  defineMethod,
  definePerturbationMethod,
  type MapTask,
  type MethodDefinition,
  type MethodResult,
  type MethodTask,
  type PerturbationMethod,
  type PerturbationMethodDefinition,
  type PerturbationTask,
} from "./saliency/define-method.ts";
export { createExplainer, type Explainer, type TimedExplanation } from "./saliency/explainer.ts";
export { extremal } from "./saliency/extremal/extremal.ts";
export { deconvnet } from "./saliency/gradients/deconvnet.ts";
export { gradient } from "./saliency/gradients/gradient.ts";
export { gradientInput } from "./saliency/gradients/gradient-input.ts";
export { guidedBackprop } from "./saliency/gradients/guided-backprop.ts";
export { integratedGradients } from "./saliency/gradients/integrated-gradients.ts";
export { smoothGrad } from "./saliency/gradients/smooth-grad.ts";
export type {
  ExplainOptions,
  Explanation,
  MethodOptions,
  Perturbation,
  Perturbing,
  SaliencyMethod,
} from "./saliency/method.ts";
export { findMethod, type MethodName, methodNamed, methods, saliencyMethods } from "./saliency/methods.ts";
export { occlusion } from "./saliency/occlusion/occlusion.ts";
export { deepFool } from "./saliency/perturbations/deepfool.ts";
export { guidedPerceptual, perceptual } from "./saliency/perturbations/perceptual.ts";
export { rootMeanSquare } from "./saliency/perturbations/root-mean-square.ts";
export { rise } from "./saliency/rise/rise.ts";
export type { SaliencyMap } from "./saliency/saliency-map.ts";
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
} from "./scenes/scenes.ts";
export { decodeNpy, encodeNpy } from "./tensor/npy.ts";
export { type DataType, type FloatTensor, floatTensor, type Shape, type Tensor, tensorOf } from "./tensor/tensor.ts";
