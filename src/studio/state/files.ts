/** @file Files as users bring them: dropped, chosen, pasted, linked, taken by a camera. */
import type { TextFile } from "../../classifier/beside/folder.ts";
import type { FileView, ModelChoices } from "../protocol.ts";
import { strings } from "../strings.ts";
import { choose } from "./address.ts";
import { useStatistics } from "./attacked-picture.ts";
import { changeChoices, changeModel } from "./opening.ts";
import { addPictures, putPictures } from "./pictures.ts";
import { model, say } from "./signals.ts";
import { isTextName, sortTexts, textOf } from "./texts.ts";

const pictureNames = /\.(png|jpe?g|webp|gif|bmp|avif|svg|ico|tiff?|heic|ppm|pgm)$/i;

const viewOf = (file: File): FileView => ({ name: file.name, blob: file });

/** Opens models, adds pictures, and gives weights and labels to the model that they come with. */
export async function takeFiles(files: readonly File[]): Promise<void> {
  const models = files.filter(({ name }) => /\.onnx$/i.test(name));
  const images = files.filter(({ name, type }) => type.startsWith("image/") || pictureNames.test(name));
  const others = files.filter((file) => !models.includes(file) && !images.includes(file));
  const texts = others.filter(isTextName);
  const weights = others.filter((file) => !texts.includes(file));
  const [first, ...more] = models;
  if (first !== undefined) {
    // Pictures that come with a model are what it looks at first.
    if (images.length > 0) putPictures(images.map(viewOf));
    const { configs, lists, statistics } = await sorted(texts.map(viewOf), first.name);
    const opening = changeModel(viewOf(first), weights.map(viewOf), configs);
    if (more.length > 0) say(strings.files.oneModel(first.name), true);
    await opening;
    await takeLists(lists);
    takeStatistics(statistics);
  } else if (weights.length > 0) {
    const state = model.value;
    // Weights that were missed a moment ago.
    const missed = `${state?.error} ${state?.view?.inspection.verdict}`;
    if (state !== undefined && weights.some(({ name }) => missed.includes(JSON.stringify(name)))) {
      await changeModel(state.file, [...state.beside, ...weights.map(viewOf)]);
    } else say(strings.files.unknown(weights.map(({ name }) => name).join(", ")), true);
  }
  if (first === undefined) await takeTexts(texts.map(viewOf));
  if (first === undefined && images.length > 0) await addPictures(images.map(viewOf));
}

/** How pixels are prepared, the names of classes, or the detector's statistics, of the model that is open. */
async function takeTexts(files: readonly FileView[]): Promise<void> {
  const { configs, lists, statistics } = await sorted(files, model.value?.file.name ?? "");
  const [first] = configs.configs ?? [];
  if (first !== undefined) await tryChoices(configs, first.name);
  await takeLists(lists);
  takeStatistics(statistics);
}

async function takeLists(lists: readonly TextFile[]): Promise<void> {
  for (const { name, text } of lists) await tryChoices({ labels: text, labelsFile: name }, name);
}

/** Opens the model as files say; one that does not fit leaves a model that works as it was. */
async function tryChoices(choices: ModelChoices, name: string): Promise<void> {
  const before = model.value;
  if (before === undefined) return;
  await changeChoices({ ...before.choices, ...choices });
  const { error, view } = model.value ?? {};
  const reason = error ?? (view?.inspection.works === false ? view.inspection.verdict : undefined);
  if (reason === undefined || before.view?.inspection.works !== true || model.value?.file !== before.file) return;
  await changeChoices(before.choices);
  say(strings.files.unusable(name, reason), true);
}

interface GivenTexts {
  readonly configs: Pick<ModelChoices, "configs" | "configFile">;
  readonly lists: readonly TextFile[];
  readonly statistics: FileView | undefined;
}

async function sorted(files: readonly FileView[], modelName: string): Promise<GivenTexts> {
  const texts = await Promise.all(files.map(textOf));
  const others = texts.filter(({ text }) => !isStatistics(text));
  const statistics = files.find((_, n) => isStatistics(texts[n].text));
  return { ...(await sortTexts(others, modelName)), statistics };
}

function takeStatistics(file: FileView | undefined): void {
  if (file === undefined) return;
  useStatistics(file);
  choose({ tab: "attack" });
}

/** Whether a file is one of `detect fit`; what is wrong with it is said where it is used. */
function isStatistics(text: string): boolean {
  return /^\s*\{\s*"format"\s*:\s*"perceptual-ball odds statistics"/.test(text);
}

/** What a pasted or typed link leads to: a model, or a picture. The page may only ask its own server. */
export async function takeLink(text: string): Promise<void> {
  let url: URL;
  try {
    url = new URL(text.trim(), document.baseURI);
  } catch {
    say(strings.files.noLink(text), true);
    return;
  }
  const name = decodeURIComponent(url.pathname.split("/").at(-1) ?? "") || "model.onnx";
  if (url.origin !== location.origin && url.protocol !== "data:" && url.protocol !== "blob:") {
    say(strings.files.foreignLink(url.host, name), true);
    return;
  }
  const file: FileView = { name, address: url.href };
  if (/\.onnx$/i.test(name)) await changeModel(file, []);
  else await addPictures([file]);
}

/** Drops and pastes anywhere in the page. `onHover` is told whether something is held over it. */
export function listenForFiles(onHover: (isOver: boolean) => void): () => void {
  let depth = 0;
  const hasFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes("Files") === true;
  const handlers = {
    dragenter(event: DragEvent) {
      if (!hasFiles(event)) return;
      event.preventDefault();
      depth++;
      onHover(true);
    },
    dragover(event: DragEvent) {
      if (hasFiles(event)) event.preventDefault();
    },
    dragleave(event: DragEvent) {
      if (!hasFiles(event)) return;
      depth = Math.max(0, depth - 1);
      if (depth === 0) onHover(false);
    },
    drop(event: DragEvent) {
      depth = 0;
      onHover(false);
      if (!hasFiles(event)) return;
      event.preventDefault();
      void takeFiles([...(event.dataTransfer?.files ?? [])]);
    },
    paste(event: ClipboardEvent) {
      const files = [...(event.clipboardData?.files ?? [])];
      const isTyping = event.target instanceof HTMLElement && event.target.matches("input, textarea, select");
      if (files.length > 0) {
        event.preventDefault();
        void takeFiles(files);
      } else if (!isTyping) {
        const text = event.clipboardData?.getData("text") ?? "";
        if (text.trim() !== "") void takeLink(text);
      }
    },
  };
  const entries = Object.entries(handlers) as [keyof DocumentEventMap, EventListener][];
  for (const [name, handler] of entries) document.addEventListener(name, handler);
  return () => {
    for (const [name, handler] of entries) document.removeEventListener(name, handler);
  };
}
