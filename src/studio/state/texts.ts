/** @file Texts that users hand over: which say something of the model, and which are lists of names. */

import type { TextFile } from "../../classifier/beside/folder.ts";
import { decodeText } from "../../classifier/labels/decode-text.ts";
import { PerceptualBallError } from "../../errors.ts";
import { bytesOf } from "../../web/load-classifier.ts";
import type { FileView, ModelChoices } from "../protocol.ts";

const textNames = /\.(txt|csv|tsv|json|names|pbtxt|ya?ml|manifest)$/i;

export const isTextName = ({ name }: { readonly name: string }): boolean => textNames.test(name);

export async function textOf({ name, blob, address }: FileView): Promise<TextFile> {
  return { name, text: decodeText(await bytesOf(blob ?? address, fetch)) };
}

export interface SortedTexts {
  /** What is read as it is beside a model on disk: how pixels are prepared, with names where they stand among other things; nothing where no text is of this kind. */
  readonly configs: Pick<ModelChoices, "configs" | "configFile">;
  /** Names of classes, or what is none of all this: what is wrong with it is said when it is read. */
  readonly lists: readonly TextFile[];
}

/** What `texts` are that were handed over together, for the model called `modelName`. */
export async function sortTexts(texts: readonly TextFile[], modelName: string): Promise<SortedTexts> {
  if (texts.length === 0) return { configs: {}, lists: [] };
  // Read when the first text comes.
  const [{ folderOf }, { readBeside }, { statedInFile }, { readLabels }] = await Promise.all([
    import("../../classifier/beside/folder.ts"),
    import("../../classifier/beside/read-beside.ts"),
    import("../../classifier/beside/stated-in-file.ts"),
    import("../../classifier/labels/read-labels.ts"),
  ]);
  const { used } = readBeside([folderOf(texts)], modelName);
  // What cannot be meant is said where it is read.
  const isOfPixels = ({ name, text }: TextFile): boolean =>
    succeeds(() => statedInFile(text, name) !== undefined, true);
  const isList = ({ name, text }: TextFile): boolean => succeeds(() => readLabels(text, name).length > 0, false);
  const ofPixels = texts.filter(isOfPixels);
  const configs = texts.filter((file) => ofPixels.includes(file) || (used.has(file.name) && !isList(file)));
  return {
    configs: configs.length === 0 ? {} : { configs, configFile: ofPixels[0]?.name },
    lists: texts.filter((file) => !configs.includes(file)),
  };
}

/** What `question` says, or `otherwise` where it throws an error of this package's. */
function succeeds(question: () => boolean, otherwise: boolean): boolean {
  try {
    return question();
  } catch (error) {
    if (error instanceof PerceptualBallError) return otherwise;
    throw error;
  }
}
