/** @file What the page knows: the model, the pictures, the runs, and what was said last. */
import { computed, signal } from "@preact/signals";
import { keepNamesApart } from "../../classifier/labels/short-names.ts";
import type {
  AttackView,
  ConeView,
  DetectorProgress,
  DetectorView,
  ExplanationView,
  FileView,
  FittedPicture,
  LayerDistance,
  LayerMaps,
  ModelChoices,
  ModelView,
  NetworkView,
  PictureFile,
  PixelsView,
  ProgressView,
} from "../protocol.ts";
import { address } from "./address.ts";
import type { RunState } from "./run-state.ts";

export interface PictureEntry {
  readonly key: string;
  readonly file: PictureFile;
  /** Small, as it is, before the network has seen it. */
  readonly small?: PixelsView;
  readonly fitted?: FittedPicture;
  readonly error?: string;
}

export interface ModelState {
  readonly file: FileView;
  readonly beside: readonly FileView[];
  readonly choices: ModelChoices;
  readonly status: "opening" | "open" | "failed";
  readonly view?: ModelView;
  readonly error?: string;
}

/** A method in the grid. */
export type GridCell =
  | { readonly status: "waiting" | "running"; readonly progress?: ProgressView; readonly started?: number }
  | { readonly status: "done"; readonly view: ExplanationView }
  | { readonly status: "failed"; readonly error: string };

export const ready = signal(false);

export const runtimeName = signal("");

/** Whether there is a graphics processor worth using: software that pretends to be one is slower than WebAssembly. */
export const hasGraphics = signal(false);

export const model = signal<ModelState | undefined>(undefined);

export const pictures = signal<readonly PictureEntry[]>([]);

export const explainRun = signal<RunState<ExplanationView> | undefined>(undefined);

export const attackRun = signal<RunState<AttackView> | undefined>(undefined);

export const cone = signal<{ readonly of: string; readonly view?: ConeView; readonly error?: string } | undefined>(
  undefined,
);

export const detector = signal<
  | { readonly of: string; readonly progress?: DetectorProgress; readonly view?: DetectorView; readonly error?: string }
  | undefined
>(undefined);
/** Of a file with the detector's statistics, for the model that is open. */
export const statisticsFile = signal<FileView | undefined>(undefined);

export const grid = signal<Readonly<Record<string, GridCell>>>({});

export const layerMaps = signal<{ readonly view?: LayerMaps; readonly error?: string } | undefined>(undefined);

export const layerDistances = signal<
  { readonly of: string; readonly view?: readonly LayerDistance[]; readonly error?: string } | undefined
>(undefined);

/** What happened last, for those who do not see it. */
export const status = signal("");

/** What went wrong, until it is dismissed or something else is begun. */
export const problem = signal("");

export const network = computed<NetworkView | undefined>(() => {
  const found = model.value?.view?.network;
  // The worker knows which names stay whole, and the page shows names by itself.
  keepNamesApart(found?.classes ?? []);
  return found;
});

export const picture = computed<PictureEntry | undefined>(() => {
  const list = pictures.value;
  return list[Math.min(address.value.picture, list.length - 1)];
});

/** The result that changed the picture last: what to look inside with. */
export const lastChange = computed<string | undefined>(() => {
  const explained = explainRun.value?.result;
  const attacked = attackRun.value?.result;
  return explained?.perturbed !== undefined ? explained.key : attacked?.key;
});

/** Reads `text` out; what is an error is shown as well. */
export function say(text: string, isError = false): void {
  if (isError) problem.value = text;
  else status.value = text;
}
