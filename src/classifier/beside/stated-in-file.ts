/** @file What a configuration says of how pixels are prepared, in whichever maker's words and form. */
import { parse } from "yaml";
import { pixelConfigWithin, statedAmongOthers } from "../preprocessing/read-config.ts";
import { nvinferEntries, nvinferSection, statedForNvinfer, statedInPipeline } from "../preprocessing/read-pipeline.ts";
import type { StatedPreprocessing } from "../preprocessing/source.ts";
import { extensionOf } from "./folder.ts";

/** What `text` is as JSON, or as YAML if `name` does not end in .json; undefined where it is neither. */
export function parseConfig(text: string, name: string): unknown {
  try {
    return extensionOf(name) === ".json" ? JSON.parse(text) : parse(text, { logLevel: "error", maxAliasCount: 100 });
  } catch {
    return undefined;
  }
}

/**
 * What a parsed configuration says: the steps of a pipeline or a plugin's section, and numbers beside them, in the order of trust. `isOfPixels`: whether all of it is known to be of pixels.
 * Throws a BadInputError or MisuseError, which starts with `where`, for what cannot be meant.
 */
export function statedInParsed(config: unknown, where: string, isOfPixels: boolean): readonly StatedPreprocessing[] {
  const entries = nvinferSection(config);
  const ofPlugin = entries && statedForNvinfer(entries, where);
  const steps = ofPlugin ?? statedInPipeline(config, where);
  const others =
    steps === undefined || pixelConfigWithin(config) !== undefined
      ? statedAmongOthers(config, where, isOfPixels)
      : undefined;
  return [steps, others].filter((stated) => stated !== undefined);
}

/** What a file says that somebody named because of it: JSON, YAML, or the text of NVIDIA's plugin; undefined for one that says nothing of pixels. Errors as {@link statedInParsed}. */
export function statedInFile(text: string, where: string): StatedPreprocessing | undefined {
  const entries = extensionOf(where) === ".txt" ? nvinferEntries(text) : undefined;
  if (entries !== undefined) return statedForNvinfer(entries, where);
  return statedInParsed(parseConfig(text, where), where, true)[0];
}
