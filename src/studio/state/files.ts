/** @file Files as users bring them: dropped, chosen, pasted, linked, taken by a camera. */
import type { FileView } from "../protocol.ts";
import { strings } from "../strings.ts";
import { choose } from "./address.ts";
import { useStatistics } from "./attacked-picture.ts";
import { changeChoices, changeModel } from "./opening.ts";
import { addPictures } from "./pictures.ts";
import { model, say } from "./signals.ts";

const pictureNames = /\.(png|jpe?g|webp|gif|bmp|avif|svg|ico|tiff?|heic|ppm|pgm)$/i;
const labelNames = /\.(txt|csv|json)$/i;

const viewOf = (file: File): FileView => ({ name: file.name, blob: file });

/** Opens models, adds pictures, and gives weights and labels to the model that they come with. */
export async function takeFiles(files: readonly File[]): Promise<void> {
  const models = files.filter(({ name }) => /\.onnx$/i.test(name));
  const images = files.filter(({ name, type }) => type.startsWith("image/") || pictureNames.test(name));
  const others = files.filter((file) => !models.includes(file) && !images.includes(file));
  const labels = others.filter(({ name }) => labelNames.test(name));
  const weights = others.filter((file) => !labels.includes(file));
  const [first, ...more] = models;
  if (more.length > 0) say(strings.files.oneModel(first.name), true);
  if (first !== undefined) {
    await changeModel(viewOf(first), weights.map(viewOf));
  } else if (weights.length > 0) {
    const state = model.value;
    // Weights that were missed a moment ago.
    if (state?.error !== undefined && weights.some(({ name }) => state.error?.includes(JSON.stringify(name)))) {
      await changeModel(state.file, [...state.beside, ...weights.map(viewOf)]);
    } else say(strings.files.unknown(weights.map(({ name }) => name).join(", ")), true);
  }
  for (const list of labels) await takeText(list);
  if (images.length > 0) await addPictures(images.map(viewOf));
}

/** The detector's statistics, or the names of classes. */
async function takeText(file: File): Promise<void> {
  const text = await file.text();
  if (isStatistics(text)) {
    useStatistics(viewOf(file));
    choose({ tab: "attack" });
  } else if (model.value !== undefined) {
    await changeChoices({ ...model.value.choices, labels: text, labelsFile: file.name });
  }
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
