/** @file Files as users bring them: dropped, chosen, pasted, linked, taken by a camera. */
import { decodeText } from "../../classifier/labels/decode-text.ts";
import type { FileView } from "../protocol.ts";
import { strings } from "../strings.ts";
import { choose } from "./address.ts";
import { useStatistics } from "./attacked-picture.ts";
import { changeChoices, changeModel } from "./opening.ts";
import { addPictures, putPictures } from "./pictures.ts";
import { model, say } from "./signals.ts";

const pictureNames = /\.(png|jpe?g|webp|gif|bmp|avif|svg|ico|tiff?|heic|ppm|pgm)$/i;
const textNames = /\.(txt|csv|tsv|json|names|pbtxt|ya?ml)$/i;

const viewOf = (file: File): FileView => ({ name: file.name, blob: file });

/** Opens models, adds pictures, and gives weights and labels to the model that they come with. */
export async function takeFiles(files: readonly File[]): Promise<void> {
  const models = files.filter(({ name }) => /\.onnx$/i.test(name));
  const images = files.filter(({ name, type }) => type.startsWith("image/") || pictureNames.test(name));
  const others = files.filter((file) => !models.includes(file) && !images.includes(file));
  const texts = others.filter(({ name }) => textNames.test(name));
  const weights = others.filter((file) => !texts.includes(file));
  const [first, ...more] = models;
  if (first !== undefined) {
    // Pictures that come with a model are what it looks at first.
    if (images.length > 0) putPictures(images.map(viewOf));
    const opening = changeModel(viewOf(first), weights.map(viewOf));
    if (more.length > 0) say(strings.files.oneModel(first.name), true);
    await opening;
  } else if (weights.length > 0) {
    const state = model.value;
    // Weights that were missed a moment ago.
    const missed = `${state?.error} ${state?.view?.inspection.verdict}`;
    if (state !== undefined && weights.some(({ name }) => missed.includes(JSON.stringify(name)))) {
      await changeModel(state.file, [...state.beside, ...weights.map(viewOf)]);
    } else say(strings.files.unknown(weights.map(({ name }) => name).join(", ")), true);
  }
  for (const text of texts) await takeText(text);
  if (first === undefined && images.length > 0) await addPictures(images.map(viewOf));
}

/** The detector's statistics, how pixels are prepared, or the names of classes. */
async function takeText(file: File): Promise<void> {
  const text = decodeText(new Uint8Array(await file.arrayBuffer()));
  if (isStatistics(text)) {
    useStatistics(viewOf(file));
    choose({ tab: "attack" });
    return;
  }
  const before = model.value;
  if (before === undefined) return;
  const isConfig = saysPixels(text);
  await changeChoices({
    ...before.choices,
    ...(isConfig ? { config: text, configFile: file.name } : {}),
    ...(isConfig && !saysNames(text) ? {} : { labels: text, labelsFile: file.name }),
  });
  // A file that does not fit leaves a model that works as it was.
  const { error, view } = model.value ?? {};
  const reason = error ?? (view?.inspection.works === false ? view.inspection.verdict : undefined);
  if (reason === undefined || before.view?.inspection.works !== true || model.value?.file !== before.file) return;
  await changeChoices(before.choices);
  say(strings.files.unusable(file.name, reason), true);
}

/** Whether a configuration is of pixels, by the words that its makers use; the library reads what it says. */
function saysPixels(text: string): boolean {
  return (
    /^\s*\{/.test(text) && /"(image_mean|image_processor|pretrained_cfg|mean|std|do_(rescale|normalize))"/.test(text)
  );
}

/** Whether one has the names of classes as well. */
function saysNames(text: string): boolean {
  return /"(id2label|label2id|names|label_names|class_names|classes|labels)"/.test(text);
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
