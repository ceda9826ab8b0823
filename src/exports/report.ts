/** @file `perceptual-ball/report`: tables, figures and pages of what explanations, attacks and experiments found, and how maps become pictures. */
export {
  blend,
  type ColorizeOptions,
  type ColorMap,
  colorAt,
  colorize,
  colorMaps,
  type Rgb,
} from "../image/color-map.ts";
export type { BlurOptions } from "../image/gaussian-blur.ts";
export { normalizeSigned } from "../image/normalize.ts";
export { structuralSimilarity } from "../image/structural-similarity.ts";
export { type AttackPageEntry, type AttackPageInput, attackPage } from "../report/attack/page.ts";
export { attackSentence } from "../report/attack/sentence.ts";
export { attackTable } from "../report/attack/table.ts";
export { transferCsv, transferLines, transferMarkdown } from "../report/attack/transfer-table.ts";
export {
  accuracyLine,
  classificationHeading,
  classificationLine,
  classificationRow,
} from "../report/classification/tables.ts";
export { detectionPage } from "../report/detection/page.ts";
export { type DetectionPlot, detectionPlots } from "../report/detection/plots.ts";
export { detectionCsv, detectionMarkdown } from "../report/detection/tables.ts";
export { detectorsPage } from "../report/detectors/page.ts";
export { type DetectorPlot, detectorPlots } from "../report/detectors/plots.ts";
export { detectorsCsv, detectorsMarkdown } from "../report/detectors/tables.ts";
export { amplified, commonFactor } from "../report/explanation/amplified.ts";
export { type CaptionInput, overlayCaption, panelCaption } from "../report/explanation/caption.ts";
export {
  type ExplainPictureOptions,
  type ExplanationRun,
  explainPicture,
  type PictureExplanation,
} from "../report/explanation/explain-picture.ts";
export { type OverlayInput, overlayOf } from "../report/explanation/overlay.ts";
export { type PageEntry, type PageInput, reportPage, type TileSources } from "../report/explanation/page.ts";
export {
  type OutlinedBox,
  panelOf,
  stackPanels,
  type Tiles,
  type TilesInput,
  tilesOf,
} from "../report/explanation/panel.ts";
export { explanationSentence, summaryLine } from "../report/explanation/sentences.ts";
export { type ConeFigurePanel, coneFigure } from "../report/figures/cone-figure.ts";
export { type FigureCell, type FigureGridInput, type FigureRow, figureGrid } from "../report/figures/figure-grid.ts";
export type { PlotAxis, PlotSize, PlotStyle } from "../report/figures/plot-frame.ts";
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
} from "../report/figures/plots.ts";
export { comparisonsCsv, groupsCsv } from "../report/localization/comparison-tables.ts";
export { type LocalizationPageInput, localizationPage, type PageFigure } from "../report/localization/page.ts";
export { errorPlots, insertionDeletionPlots, type NamedPlot, sanityPlots } from "../report/localization/plots.ts";
export { localizationCsv, localizationMarkdown, measuresCsv } from "../report/localization/tables.ts";
export { robustnessPage } from "../report/robustness/page.ts";
export { type RobustnessPlot, robustnessPlots } from "../report/robustness/plots.ts";
export { robustnessCsv, robustnessMarkdown } from "../report/robustness/tables.ts";
export { boxColors, type Color as RgbColor } from "../report/style/box-colors.ts";
export type { Smoothing } from "../saliency/smoothing.ts";
