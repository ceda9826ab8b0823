/** @file What the page and its worker say to each other. Everything here can be posted. */
import type { AttackEnding } from "../attacks/attack.ts";
import type { Distances } from "../attacks/distances.ts";
import type { TextFile } from "../classifier/beside/folder.ts";
import type { Inspection } from "../classifier/network/inspect-model.ts";
import type { ModelWarning } from "../classifier/network/prepare-model.ts";
import type { NormalizationName, Preprocessing } from "../classifier/preprocessing/preprocessing.ts";
import type { ExplanationRecord } from "../experiments/explanation/record.ts";
import type { LocalizationRule } from "../localization/localize-map.ts";
import type { ThresholdRule } from "../localization/threshold.ts";
import type { Cost } from "../options/cost.ts";
import type { OptionKind } from "../options/option.ts";
import type { Sliders } from "./slider-rule.ts";

/** A file that the user gave, or where it lies on the page's own server. */
export type FileView =
  | { readonly name: string; readonly blob: Blob; readonly address?: undefined }
  | { readonly name: string; readonly address: string; readonly blob?: undefined };

/** A picture: a file, or one of the rendered scenes. */
export type PictureFile = FileView | { readonly name: string; readonly scene: number };

/** What the user says of a model; what is left out is found out. */
export interface ModelChoices {
  readonly normalization?: NormalizationName;
  /** Numbers with commas between. */
  readonly mean?: string;
  readonly std?: string;
  readonly scale?: string;
  readonly channels?: string;
  /** The name of a built-in list, or one name per line. */
  readonly labels?: string;
  /** The file that they were read from, where they were. */
  readonly labelsFile?: string;
  /** What is read as it is beside a model on disk, such as preprocessor_config.json. */
  readonly configs?: readonly TextFile[];
  /** The one of them that says by itself how pixels are prepared. */
  readonly configFile?: string;
  readonly logits?: string;
  readonly inputSize?: string;
}

/** An option of a method or an attack, for a form. */
export interface OptionView {
  readonly name: string;
  readonly doc: string;
  readonly kind: OptionKind;
  readonly expected: string;
  readonly fallbackText: string;
}

/** A method or an attack. */
export interface TechniqueView {
  readonly name: string;
  readonly title: string;
  readonly summary: string;
  readonly source: string;
  readonly options: readonly OptionView[];
  /** Runs of the network with its defaults; undefined where it does not work on this network, and `refusal` says why. */
  readonly cost?: Cost;
  readonly refusal?: string;
  /** Whether it changes the picture, so that one can watch. */
  readonly changes: boolean;
  /** How the map of a method becomes a box, unless a slider is moved. */
  readonly box?: ThresholdRule;
}

export interface LayerView {
  readonly index: number;
  readonly name: string;
  /** Operator and ordinal, as in Relu[3]. */
  readonly pattern: string;
  readonly shape: readonly number[];
  readonly parameters: number;
  /** Whether its output is a stack of feature maps. */
  readonly isSpatial: boolean;
}

export interface ModelView {
  readonly name: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly inspection: Omit<Inspection, "layers">;
  /** Of a model that works. */
  readonly network?: NetworkView;
}

export interface NetworkView {
  readonly classes: readonly string[];
  readonly labelsReason: string;
  readonly input: { readonly channels: number; readonly height: number; readonly width: number };
  readonly head: string;
  /** Other values that could hold the logits. */
  readonly otherLogits: readonly string[];
  readonly preprocessing: Preprocessing;
  readonly preprocessingName?: NormalizationName;
  readonly preprocessingReason: string;
  readonly geometry: string;
  readonly geometryReason: string;
  /** Whether nothing says in which order the channels are. */
  readonly isOrderAssumed: boolean;
  readonly warnings: readonly ModelWarning[];
  readonly layers: readonly LayerView[];
  readonly methods: readonly TechniqueView[];
  readonly attacks: readonly TechniqueView[];
  /** What is chosen where nobody has chosen yet: the method whose box `explain` draws first, and an attack. */
  readonly usualMethod: string;
  readonly usualAttack: string;
  /** Whether each label is decided by itself, so that there is no "instead of". */
  readonly isSeparate: boolean;
  /** Whether statistics of the detector can be fitted here. */
  readonly canFitDetector: boolean;
}

export interface ClassScore {
  readonly index: number;
  readonly name: string;
  readonly confidence: number;
}

/** RGBA, row by row. */
export interface PixelsView {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray<ArrayBuffer>;
}

/** A picture as the network sees it. */
export interface FittedPicture {
  readonly pixels: PixelsView;
  /** The five most probable classes. */
  readonly top: readonly ClassScore[];
  /** What must be known of it before its results are trusted. */
  readonly warnings: readonly ModelWarning[];
}

/** Where a search is after one evaluation. */
export interface Frame {
  readonly pixels: PixelsView;
  /** [H, W]: how much each pixel has changed so far, the root of the mean over channels of the squares. */
  readonly map: Float32Array<ArrayBuffer>;
  readonly margin: number;
  /** Of the class that is explained, and of the most probable other one (or of the target). */
  readonly confidence: number;
  readonly other: ClassScore;
}

export interface RunQuestion {
  readonly picture: string;
  /** Numbers of classes. */
  readonly label?: number;
  readonly target?: number;
  /** Texts by name, as in a form. */
  readonly settings: Readonly<Record<string, string>>;
}

export interface ExplainQuestion extends RunQuestion {
  readonly method: string;
  readonly rule: LocalizationRule;
  /** Whether every evaluation is wanted. */
  readonly watch: boolean;
}

export interface ExplanationView {
  /** By which its files can be asked for. */
  readonly key: string;
  readonly record: ExplanationRecord;
  /** In words. */
  readonly sentence: string;
  /** Not blurred, [H, W]. */
  readonly map: Float32Array<ArrayBuffer>;
  readonly perturbed?: PixelsView;
}

export interface AdversarialView {
  readonly label: ClassScore;
  readonly success: boolean;
  readonly margin: number;
  readonly distances: Distances & { readonly perceptual: number };
}

export interface AttackView {
  readonly key: string;
  readonly outcome: AttackEnding;
  readonly outcomeText: string;
  readonly label: ClassScore;
  readonly raw: AdversarialView;
  readonly rounded: AdversarialView;
  readonly lostInRounding: boolean;
  readonly cost: Cost;
  readonly seconds: number;
  readonly map: Float32Array<ArrayBuffer>;
  readonly perturbed: PixelsView;
  readonly settings: Readonly<Record<string, unknown>>;
}

export interface ConeView {
  readonly a: readonly number[];
  readonly b: readonly number[];
  readonly probability: readonly (readonly number[])[];
}

export interface LayerMaps {
  readonly height: number;
  readonly width: number;
  readonly total: number;
  /** Of the first channels, those that react most: the number of the channel, and its map scaled to [0, 1] with the perturbed one's. */
  readonly channels: readonly {
    readonly channel: number;
    readonly clean: Float32Array<ArrayBuffer>;
    readonly perturbed?: Float32Array<ArrayBuffer>;
  }[];
}

export interface LayerDistance {
  readonly pattern: string;
  readonly index: number;
  /** ‖C(x′) − C(x)‖² / ‖C(x)‖². */
  readonly distance: number;
}

export interface DetectorView {
  readonly score: number;
  readonly interval: readonly [low: number, high: number];
  readonly toward: string;
  /** Pictures that score higher are flagged. */
  readonly cutoff: number;
  /** Where the statistics are from: a file, those that come with the bundled classifier, or this page. */
  readonly statistics: "file" | "bundled" | "fitted";
}

/** What can be downloaded. */
export type Download = "overlay" | "map" | "npy" | "perturbed" | "record" | "report";

export interface ProgressView {
  readonly done: number;
  readonly of: number;
}

/** How far the statistics of clean scenes, or the test itself, has come. */
export interface DetectorProgress extends ProgressView {
  readonly what: "fit" | "test";
}

/** What computes: WebAssembly on the CPU, or the graphics processor. */
export type Processor = "wasm" | "webgpu";

/** Everything that the worker does: what it is given, what it says meanwhile, what comes back. */
export interface Jobs {
  start: {
    input: { readonly threads: number; readonly processor: Processor };
    event: never;
    output: { readonly runtime: string };
  };
  open: {
    input: { readonly model: FileView; readonly beside: readonly FileView[]; readonly choices: ModelChoices };
    event: never;
    output: ModelView;
  };
  /** Gives the picture as a small one, to be seen also where no model works. */
  add: { input: { readonly key: string; readonly file: PictureFile }; event: never; output: PixelsView };
  remove: { input: { readonly key: string }; event: never; output: null };
  /** Confirms or replaces a normalization that the model left open; null if nothing changed. */
  probe: { input: { readonly pictures: readonly string[] }; event: never; output: NetworkView | null };
  fit: { input: { readonly picture: string }; event: never; output: FittedPicture };
  explain: {
    input: ExplainQuestion;
    event: { readonly frame: Frame } | { readonly progress: ProgressView };
    output: ExplanationView;
  };
  attack: {
    input: RunQuestion & { readonly attack: string };
    event: { readonly frame: Frame } | { readonly progress: ProgressView };
    output: AttackView;
  };
  /** The plane through the attacked picture, in steps of `step` perturbations. */
  cone: { input: { readonly attack: string; readonly step: number }; event: never; output: ConeView };
  maps: {
    input: { readonly picture: string; readonly layer: number; readonly of?: string };
    event: never;
    output: LayerMaps;
  };
  distances: {
    input: { readonly picture: string; readonly of: string };
    event: never;
    output: readonly LayerDistance[];
  };
  /** By the statistics in a file of `detect fit`; without one they are fitted, where the classes are those of the rendered scenes. */
  detect: {
    input: { readonly of: string; readonly statistics?: FileView };
    event: { readonly progress: DetectorProgress };
    output: DetectorView;
  };
  download: {
    input: {
      readonly of: readonly string[];
      readonly what: Download;
      /** Each explanation's box is made by its method's own threshold, as far as no slider was moved. */
      readonly sliders: Sliders;
      readonly opacity: number;
    };
    event: never;
    output: { readonly name: string; readonly blob: Blob };
  };
}

export type JobName = keyof Jobs;

/** From the page. */
export type Order =
  | { readonly [N in JobName]: { readonly id: number; readonly job: N; readonly input: Jobs[N]["input"] } }[JobName]
  | { readonly id: number; readonly cancel: true }
  | { readonly id: number; readonly hold: boolean }
  /** Answered as soon as the worker hears anything. */
  | { readonly ping: true };

/** From the worker. */
export type Answer =
  | { readonly pong: true }
  /** The graphics processor is gone, with everything on it; why, as far as the browser says. */
  | { readonly lost: string }
  | { readonly id: number; readonly event: Jobs[JobName]["event"] }
  | { readonly id: number; readonly output: Jobs[JobName]["output"] }
  | {
      readonly id: number;
      readonly error: {
        readonly message: string;
        readonly isAborted: boolean;
        readonly isDefect: boolean;
        /** Whether there is no memory left, which WebAssembly gives back only with its worker. */
        readonly isOutOfMemory: boolean;
      };
    };
