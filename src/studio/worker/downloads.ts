/** @file What one takes along: pictures, arrays, records and the report, as files. */
import { blend, colorize } from "../../image/color-map.ts";
import { blur } from "../../image/gaussian-blur.ts";
import { normalizeMap } from "../../image/normalize.ts";
import { tensorToPicture } from "../../image/picture.ts";
import type { PictureExplanation } from "../../report/explanation/explain-picture.ts";
import { type DataUris, inlineEntry } from "../../report/explanation/inline-entry.ts";
import { reportPage } from "../../report/explanation/page.ts";
import { usualMethods } from "../../report/explanation/usual-methods.ts";
import { encodeNpy } from "../../tensor/npy.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import type { Sliders } from "../slider-rule.ts";
import { encoded, pixelsOfPicture } from "./pixels.ts";
import type { Subject } from "./runs.ts";

export interface NamedBlob {
  readonly name: string;
  readonly blob: Blob;
}

/** The map over the picture, as the page shows it. */
export async function overlayFile(
  subject: Pick<Subject, "input" | "name">,
  { arrays, record }: PictureExplanation,
  { sigma }: Sliders,
  opacity: number,
): Promise<NamedBlob> {
  const heat = normalizeMap(blur(arrays.map, { sigmaPixels: sigma }));
  const [channels, height, width] = subject.input.shape;
  const gray = channels === 3 ? undefined : subject.input.data.subarray(0, height * width);
  const color =
    gray === undefined
      ? subject.input
      : floatTensor(Float32Array.from([...gray, ...gray, ...gray]), [3, height, width]);
  const opacities = floatTensor(
    heat.data.map((value) => opacity * Math.sqrt(value)),
    heat.shape,
  );
  const picture = tensorToPicture(blend(color, colorize(heat, { colorMap: "inferno" }), opacities));
  return { name: fileName(subject.name, record.method, "overlay.png"), blob: await encoded(pixelsOfPicture(picture)) };
}

export async function mapFile(name: string, { pictures, record }: PictureExplanation): Promise<NamedBlob> {
  return { name: fileName(name, record.method, "map.png"), blob: await encoded(pixelsOfPicture(pictures.map)) };
}

export function npyFile(name: string, { arrays, record }: PictureExplanation): NamedBlob {
  const bytes = encodeNpy(arrays.map) as Uint8Array<ArrayBuffer>;
  return { name: fileName(name, record.method, "map.npy"), blob: new Blob([bytes]) };
}

export function recordFile(name: string, part: string, record: object): NamedBlob {
  const text = `${JSON.stringify(record, null, 2)}\n`;
  return { name: fileName(name, part, "result.json"), blob: new Blob([text], { type: "application/json" }) };
}

/** The report that `explain` writes, with all pictures inside. */
export async function reportFile(
  model: Parameters<typeof reportPage>[0]["model"],
  explanations: readonly PictureExplanation[],
): Promise<NamedBlob> {
  const entries = await Promise.all(explanations.map((explanation) => inlineEntry(explanation, dataUris)));
  const page = reportPage({ model, entries, failures: [], usualMethod: usualMethods[0] });
  return { name: "index.html", blob: new Blob([page], { type: "text/html" }) };
}

const dataUris: DataUris = {
  png: async (picture) => dataUri(await encoded(pixelsOfPicture(picture))),
  jpeg: async (picture) => dataUri(await encoded(pixelsOfPicture(picture), "image/jpeg")),
};

async function dataUri(blob: Blob): Promise<string> {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return `data:${blob.type};base64,${btoa(text)}`;
}

/** "dog.jpg", "attack", "map.png" → "dog-attack-map.png". */
export function fileName(picture: string, part: string, rest: string): string {
  const stem = picture.replace(/^.*[/\\]/, "").replace(/\.[^.]+$/, "");
  const safe = stem.replace(/[^\p{L}\p{N}._-]+/gu, "-").slice(0, 80) || "picture";
  return `${safe}-${part}-${rest}`;
}
