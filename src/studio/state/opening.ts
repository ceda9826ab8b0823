/** @file The studio started, and models opened: each in a worker of its own, and again where that died. */
import { PerceptualBallError } from "../../errors.ts";
import type { FileView, ModelChoices, PictureFile, Processor } from "../protocol.ts";
import { strings } from "../strings.ts";
import { type Address, address, choose } from "./address.ts";
import {
  beginOpening,
  connect,
  findGraphics,
  isAborted,
  isNewest,
  startRuntime,
  wordsOf,
  worker,
} from "./connection.ts";
import { clearPicture, entryOf, forgetFitted, handOverAll, lookAgain, lookAtPictures, sceneFiles } from "./pictures.ts";
import { model, pictures, problem, ready, runtimeName, say, statisticsFile } from "./signals.ts";
import { pace } from "./techniques.ts";
import { isTextName, sortTexts, textOf } from "./texts.ts";

/** Starts the worker and opens what the address names, or what comes with the page. */
export async function startStudio(makeWorker: () => Worker, bundledModel: string): Promise<void> {
  connect(makeWorker, {
    onDeath: (reason) => void replaceDead(reason),
    onLost(reason) {
      say(strings.errors.deviceLost(reason), true);
      choose({ processor: undefined });
      leaveWorker();
      void reviveWorker(true);
    },
  });
  void findGraphics();
  const { model: given, beside, files } = address.value;
  const chosen = given === undefined ? bundledFile(bundledModel) : linkedFile(given);
  const linked = files.map((file): PictureFile => linkedFile(file));
  pictures.value = (linked.length > 0 ? linked : sceneFiles()).map(entryOf);
  const mine = beginOpening();
  try {
    await startRuntime();
    const near = beside.map(linkedFile);
    const choices = await linkedChoices(near.filter(isTextName), chosen.name);
    const weights = near.filter((file) => !isTextName(file));
    if (isNewest(mine)) await openModel(mine, chosen, weights, choices);
  } catch (error) {
    if (!isAborted(error)) throw error;
  } finally {
    ready.value = true;
  }
}

/** What the texts say that the address names beside the model. One that cannot be read is said, and the model opened without. */
async function linkedChoices(files: readonly FileView[], modelName: string): Promise<ModelChoices> {
  try {
    const { configs, lists } = await sortTexts(await Promise.all(files.map(textOf)), modelName);
    const [list] = lists;
    return { ...configs, ...(list === undefined ? {} : { labels: list.text, labelsFile: list.name }) };
  } catch (error) {
    if (!(error instanceof PerceptualBallError)) throw error;
    say(wordsOf(error), true);
    return {};
  }
}

/** Shows what the address says after it was changed from outside of the page, from `before` on. */
export function showAddress(before: Address): void {
  const now = address.value;
  const isOther = (...names: readonly (keyof Address)[]): boolean =>
    names.some((name) => JSON.stringify(before[name]) !== JSON.stringify(now[name]));
  // Files and what computes are opened by a page that begins.
  if (isOther("model", "beside", "files", "threads", "processor")) location.reload();
  else if (isOther("picture", "method", "target")) lookAgain();
}

const bundledFile = (path: string): FileView => ({
  name: "scenes-vgg.onnx",
  address: new URL(path, document.baseURI).href,
});

/** A file at an address; relative ones are meant relative to the page. */
function linkedFile(path: string): FileView {
  const url = new URL(path, document.baseURI);
  return { name: decodeURIComponent(url.pathname.split("/").at(-1) ?? path), address: url.href };
}

/** Computes on something else from now on, with the same model and pictures. */
export async function changeProcessor(processor: Processor): Promise<void> {
  choose({ processor: processor === "wasm" ? undefined : processor });
  problem.value = "";
  leaveWorker();
  await reviveWorker(true);
}

/** When workers died of themselves, in milliseconds: a model that one dies of again and again is not opened again. */
let deaths: readonly number[] = [];

const deathSpan = 120_000;

/**
 * After the worker died: a new one, with the same model and pictures. What it did when it died is not begun again by itself.
 */
async function replaceDead(reason: string): Promise<void> {
  const now = performance.now();
  deaths = [...deaths.filter((at) => now - at < deathSpan), now];
  const isHopeless = deaths.length > 1;
  say(isHopeless ? strings.errors.diesAgain(reason) : strings.errors.restarted(reason), true);
  const state = model.value;
  if (!isHopeless || state === undefined) {
    await reviveWorker(false);
    return;
  }
  deaths = [];
  clearResults();
  model.value = { ...state, status: "failed", view: undefined, error: strings.errors.diesAgain(reason) };
  await startRuntime();
}

/** A new worker with the same model and pictures. */
async function reviveWorker(isToExplain: boolean): Promise<void> {
  const state = model.value;
  const mine = beginOpening();
  try {
    await startRuntime();
    if (state !== undefined && isNewest(mine)) {
      await openModel(mine, state.file, state.beside, state.choices, { isToExplain });
    }
  } catch (error) {
    if (!isAborted(error)) say(wordsOf(error), true);
  }
}

/** Forgets everything that was found out with the model so far. */
function clearResults(): void {
  clearPicture();
  pace.value = undefined;
  statisticsFile.value = undefined;
}

/** Ends the worker with all that it knows; another one has to be started. */
function leaveWorker(): void {
  clearResults();
  runtimeName.value = "";
  worker().restart();
}

/** Opens another model in a worker of its own, since WebAssembly gives no memory back, and looks at all pictures with it. */
export async function changeModel(
  file: FileView,
  beside: readonly FileView[],
  choices: ModelChoices = {},
): Promise<void> {
  problem.value = "";
  const mine = beginOpening();
  leaveWorker();
  choose({ target: undefined, layer: undefined, model: undefined, beside: [] });
  // Pictures that come with it find the model that they come with.
  model.value = { file, beside, choices, status: "opening" };
  try {
    await startRuntime();
    if (isNewest(mine)) await openModel(mine, file, beside, choices);
  } catch (error) {
    if (!isAborted(error)) say(wordsOf(error), true);
  }
}

/** The same model, prepared as the user now says. */
export async function changeChoices(choices: ModelChoices): Promise<void> {
  const state = model.value;
  problem.value = "";
  if (state !== undefined) await openModel(beginOpening(), state.file, state.beside, choices, { isNew: false });
}

async function openModel(
  mine: number,
  file: FileView,
  beside: readonly FileView[],
  choices: ModelChoices = {},
  { isNew = true, isToExplain = true }: { readonly isNew?: boolean; readonly isToExplain?: boolean } = {},
): Promise<void> {
  const before = isNew ? undefined : model.value?.view;
  clearResults();
  model.value = { file, beside, choices, status: "opening", view: before };
  forgetFitted();
  try {
    const view = await worker().run("open", { model: file, beside, choices }).output;
    if (!isNewest(mine)) return;
    model.value = { file, beside, choices, status: "open", view };
    say(
      view.inspection.works ? strings.model.opened(file.name) : strings.model.blocked(file.name),
      !view.inspection.works,
    );
    await handOverAll(isNew);
    if (view.network !== undefined) await lookAtPictures(isToExplain);
  } catch (error) {
    if (isAborted(error) || !isNewest(mine)) return;
    const text = wordsOf(error);
    model.value = { file, beside, choices, status: "failed", error: text, view: before };
    say(text, true);
    await handOverAll(isNew);
  }
}
