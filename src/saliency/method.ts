/** @file What an explanation method is: one interface for all, so that the command line and the benchmarks treat them alike. */
import type { Classifier } from "../classifier/classifier.ts";
import type { ImageTensor } from "../image/picture.ts";
import type { Random } from "../random/random.ts";
import type { SaliencyMap } from "./saliency-map.ts";

export interface MethodOptions {
  /** The class that is explained; the predicted one by default. */
  readonly label?: number;
  /** Another class: "why the label and not this?" Methods that have no such question refuse it. */
  readonly target?: number;
  /** The source of chance; a fixed seed by default. */
  readonly random?: Random;
  /** Images per run of the network, where a method evaluates many; the method's own choice by default. */
  readonly batch?: number;
  /** The method's own settings, by name. Unknown names are errors that name the nearest known one. */
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: { readonly done: number; readonly of: number }) => void;
}

export interface Explanation {
  readonly map: SaliencyMap;
  /** The class that was explained. */
  readonly label: number;
  /** How often the network ran, counted in images: forward only, and forward and back. */
  readonly evaluations: { readonly forward: number; readonly gradient: number };
  /** The settings in effect, complete, as JSON. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** What the method found out besides the map, as JSON: its outcome, how well an axiom held. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** The perturbation [C, H, W] that the map is the magnitude of, where there is one. */
  readonly perturbation?: ImageTensor;
}

export interface SaliencyMethod {
  /** As on the command line: kebab-case. */
  readonly name: string;
  /** As in a table's heading. */
  readonly title: string;
  /** Where it comes from: authors, title, year. */
  readonly source: string;
  /** What the map shows, in one sentence. */
  readonly summary: string;
  /** Raised when the same settings no longer give the same map; results that were kept under another version do not count. */
  readonly version: number;
  /**
   * Throws the MisuseError that `explain` would throw for these options and this network, before any image is at hand. A method without it
   * says what is wrong with its first image.
   */
  check?(classifier: Classifier, options: Pick<MethodOptions, "target" | "settings">): void;
  /** The map of `image` [C, H, W], pixels in [0, 1]. */
  explain(classifier: Classifier, image: ImageTensor, options?: MethodOptions): Promise<Explanation>;
}
