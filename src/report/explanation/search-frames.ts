/** @file A search as a film: the picture as the search changes it, the change, and what the network says, evaluation by evaluation. */

import { classificationOf } from "../../classifier/logits.ts";
import type { Look } from "../../classifier/watch-classifier.ts";
import { escapeMarkup } from "../../escape-text.ts";
import type { LabelRecord } from "../../experiments/records/label-record.ts";
import { type ImageTensor, type Picture, tensorToPicture } from "../../image/picture.ts";
import { resizeBytes } from "../../image/resize.ts";
import { shownImage } from "../../image/shown-image.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { isEqual } from "../../tensor/vector.ts";
import { percent, shortName } from "../style/wording.ts";
import { amplified, commonFactor } from "./amplified.ts";

/** An image that a search tried. */
export interface SearchStep {
  /** Which evaluation it was, from 1. */
  readonly evaluation: number;
  /** Flat [C, H, W], pixels. */
  readonly image: Float32Array;
  readonly label: number;
  readonly confidence: number;
}

export interface Search {
  readonly steps: readonly SearchStep[];
  /** At how many images it was evaluated; not all of a long search are among the steps. */
  readonly evaluations: number;
}

export interface SearchRecorder {
  /** For `watchClassifier`. */
  see(looks: readonly Look[]): void;
  /** The search since the last call. */
  take(): Search;
}

/**
 * Keeps the images that a search evaluates with a gradient, at most `most` of them (default 32) at equal distances: of a search that goes on,
 * every other one is forgotten, so that memory does not grow with its length.
 */
export function searchRecorder({ most = 32 }: { readonly most?: number } = {}): SearchRecorder {
  let tracks = [stepKeeper(most), stepKeeper(most)];
  return {
    see(looks) {
      for (const look of looks) {
        if (look.pass === "forward") continue;
        // A search that asks for an objective may ask for a gradient of something else besides; one that does not moves along such gradients.
        tracks[look.pass === "backward" ? 1 : 0].keep(look);
      }
    },
    take() {
      const [objective, gradients] = tracks.map(({ search }) => search());
      tracks = [stepKeeper(most), stepKeeper(most)];
      return objective.evaluations > 0 ? objective : gradients;
    },
  };
}

/** Steps at equal distances; gradients of several classes at one image are one step. */
function stepKeeper(most: number) {
  let steps: SearchStep[] = [];
  let [evaluations, stride] = [0, 1];
  let last: Float32Array | undefined;
  return {
    keep({ image, logits }: Look): void {
      if (last !== undefined && isEqual(last, image)) return;
      last = image.slice();
      evaluations++;
      if ((evaluations - 1) % stride !== 0) return;
      const { label, confidence } = classificationOf(logits);
      steps.push({ evaluation: evaluations, image: last, label, confidence });
      if (steps.length <= most) return;
      stride *= 2;
      steps = steps.filter((step) => (step.evaluation - 1) % stride === 0);
    },
    search: (): Search => ({ steps, evaluations }),
  };
}

export interface SearchFramesInput {
  readonly search: Search;
  /** Pixels [C, H, W] before the search, and what it found. */
  readonly clean: ImageTensor;
  readonly found: ImageTensor;
  readonly foundLabel: LabelRecord;
  readonly labelName: (index: number) => string;
}

/** A frame, and the words that are drawn below it, as SVG. */
export interface SearchFrame {
  readonly picture: Picture;
  readonly caption: string;
}

/** About how many pixels the longer side of a picture in a frame has. */
const side = 320;
const gap = 8;

/**
 * The frames, the last of which is what was found: on the left the picture, on the right its change, amplified by one factor in all frames. None
 * for a search of fewer than two steps, such as that of a method that uses the perturbation of another.
 */
export function searchFrames({ search, clean, found, foundLabel, labelName }: SearchFramesInput): SearchFrame[] {
  const { steps, evaluations } = search;
  if (steps.length < 2) return [];
  const changes = [...steps.map(({ image }) => image), found.data].map((image) =>
    floatTensor(
      clean.data.map((x, i) => image[i] - x),
      clean.shape,
    ),
  );
  const factor = commonFactor(changes);
  const words = [
    ...steps.map(({ evaluation, label, confidence }) => ({
      first: `evaluation ${evaluation} of ${evaluations}`,
      second: `${shortName(labelName(label))} ${percent(confidence)}`,
    })),
    { first: "found", second: `${shortName(foundLabel.name)} ${percent(foundLabel.confidence)}` },
  ];
  return changes.map((change, n) => {
    const image = floatTensor(
      clean.data.map((x, i) => x + change.data[i]),
      clean.shape,
    );
    const picture = beside(tile(image), tile(amplified(change, factor)));
    const { first, second } = words[n];
    return { picture, caption: captionOf(picture.width, [second, first], `change × ${factor}`) };
  });
}

function tile(image: ImageTensor): Picture {
  const small = inThree(tensorToPicture(shownImage(image)));
  const { width, height } = small;
  const longer = Math.max(width, height);
  const factor = longer < 128 ? Math.max(1, Math.floor(side / longer)) : side / longer;
  return resizeBytes(small, {
    width: Math.max(1, Math.round(width * factor)),
    height: Math.max(1, Math.round(height * factor)),
    interpolation: longer < 128 ? "nearest" : "bilinear",
  });
}

function inThree({ width, height, channels, data }: Picture): Picture {
  if (channels === 3) return { width, height, channels, data };
  return {
    width,
    height,
    channels: 3,
    data: Uint8Array.from({ length: 3 * data.length }, (_, i) => data[Math.floor(i / 3)]),
  };
}

function beside(left: Picture, right: Picture): Picture {
  const width = left.width + gap + right.width;
  const { height } = left;
  const data = new Uint8Array(3 * width * height).fill(255);
  for (let y = 0; y < height; y++) {
    for (const [picture, x] of [
      [left, 0],
      [right, left.width + gap],
    ] as const) {
      data.set(picture.data.subarray(3 * y * picture.width, 3 * (y + 1) * picture.width), 3 * (y * width + x));
    }
  }
  return { width, height, channels: 3, data };
}

function captionOf(width: number, [first = "", second = ""]: readonly string[], right: string): string {
  const font = "font-family=\"system-ui,'Segoe UI',Roboto,'Helvetica Neue',Arial,'DejaVu Sans',sans-serif\"";
  const middle = width / 2 + gap;
  const cut = (words: string): string => {
    const most = Math.max(4, Math.floor(width / 2 / 9));
    const characters = Array.from(words);
    return characters.length <= most ? words : `${characters.slice(0, most - 1).join("")}…`;
  };
  const text = (words: string, x: number, y: number, more: string): string =>
    `<text x="${x}" y="${y}" ${more}>${escapeMarkup(cut(words))}</text>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} 46" width="${width}" height="46" ${font}><rect width="${width}" height="46" fill="#fff"/>${text(first, 4, 19, 'font-size="15" font-weight="600" fill="#1b1f27"')}${text(second, 4, 38, 'font-size="13" fill="#4b5563"')}${text(right, middle, 19, 'font-size="13" fill="#4b5563"')}</svg>`;
}
