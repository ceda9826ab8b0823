/** @file The pictures: added, selected, removed, and looked at with the network. */
import type { PictureFile } from "../protocol.ts";
import { address, choose } from "./address.ts";
import { isAborted, isNewest, newestOpening, wordsOf, worker } from "./connection.ts";
import { endAllJobs, explain } from "./runs.ts";
import {
  attackRun,
  cone,
  detector,
  explainRun,
  grid,
  layerDistances,
  layerMaps,
  model,
  network,
  type PictureEntry,
  picture,
  pictures,
  problem,
  say,
} from "./signals.ts";

let nextKey = 0;

export function sceneFiles(): PictureFile[] {
  return Array.from({ length: 6 }, (_, scene) => ({ name: `scene-${scene + 1}`, scene }));
}

export const entryOf = (file: PictureFile): PictureEntry => ({ key: `picture-${nextKey++}`, file });

function updatePicture(key: string, change: Partial<PictureEntry>): void {
  pictures.value = pictures.value.map((entry) => (entry.key === key ? { ...entry, ...change } : entry));
}

/** Forgets what the network said of the pictures; those that could not be read stay so. */
export function forgetFitted(): void {
  pictures.value = pictures.value.map(({ key, file, small, error }) =>
    small === undefined ? { key, file, error } : { key, file, small },
  );
}

/** Gives a new worker the pictures. */
export async function handOverAll(isNew: boolean): Promise<void> {
  await Promise.all(pictures.value.map(({ key, file }) => handOver(key, file, isNew)));
}

async function handOver(key: string, file: PictureFile, isNew = true): Promise<void> {
  if (!isNew) return;
  try {
    updatePicture(key, { small: await worker().run("add", { key, file }).output, error: undefined });
  } catch (error) {
    if (!isAborted(error)) updatePicture(key, { error: wordsOf(error) });
  }
}

/** What the network says of all pictures that it has not seen yet; the selected one first, which is explained at once. */
export async function lookAtPictures(isToExplain = true): Promise<void> {
  const mine = newestOpening();
  const { choices } = model.value ?? {};
  const isOpen = choices?.normalization === undefined && choices?.mean === undefined;
  const readable = pictures.value.filter(({ error }) => error === undefined).map(({ key }) => key);
  if (isOpen) await probe(readable.slice(0, 8));
  const first = picture.value?.key;
  const keys = [...readable].sort((a, b) => Number(b === first) - Number(a === first));
  for (const key of keys) {
    if (!isNewest(mine)) return;
    const entry = pictures.value.find((each) => each.key === key);
    if (entry === undefined || entry.fitted !== undefined) continue;
    try {
      const fitted = await worker().run("fit", { picture: key }).output;
      if (!isNewest(mine)) return;
      updatePicture(key, { fitted });
      if (key === first && isToExplain && explainRun.value === undefined) explain();
    } catch (error) {
      if (isAborted(error) || !isNewest(mine)) return;
      updatePicture(key, { error: wordsOf(error) });
    }
  }
}

/** Lets the pictures say how pixels are prepared, where the model leaves that open. */
async function probe(keys: readonly string[]): Promise<void> {
  const mine = newestOpening();
  try {
    const probed = await worker().run("probe", { pictures: keys }).output;
    const state = model.value;
    if (probed !== null && isNewest(mine) && state?.view !== undefined) {
      const before = state.view.network?.preprocessing;
      model.value = { ...state, view: { ...state.view, network: probed } };
      // What was said of pixels that were prepared otherwise holds no longer.
      if (JSON.stringify(before) !== JSON.stringify(probed.preprocessing)) forgetFitted();
    }
  } catch (error) {
    if (!isAborted(error)) say(wordsOf(error), true);
  }
}

/** More pictures, looked at by the network that is open. */
export async function addPictures(files: readonly PictureFile[]): Promise<void> {
  if (files.length === 0) return;
  const entries = putPictures(files);
  await Promise.all(entries.map(({ key, file }) => handOver(key, file)));
  if (network.value !== undefined) await lookAtPictures();
}

/** Puts pictures into the strip and selects the first of them; scenes make room for them. The worker has not seen them yet. */
export function putPictures(files: readonly PictureFile[]): readonly PictureEntry[] {
  const entries = files.map(entryOf);
  const isFirstOwn = pictures.value.every(({ file }) => "scene" in file);
  const own = files.some((file) => !("scene" in file));
  problem.value = "";
  if (isFirstOwn && own) for (const { key } of pictures.value) void removeQuietly(key);
  const kept = isFirstOwn && own ? [] : pictures.value;
  pictures.value = [...kept, ...entries];
  selectPicture(kept.length);
  return entries;
}

async function removeQuietly(key: string): Promise<void> {
  try {
    await worker().run("remove", { key }).output;
  } catch (error) {
    if (!isAborted(error)) say(wordsOf(error), true);
  }
}

export function removePicture(key: string): void {
  const index = pictures.value.findIndex((entry) => entry.key === key);
  if (index < 0) return;
  void removeQuietly(key);
  pictures.value = pictures.value.filter((entry) => entry.key !== key);
  const { picture: at } = address.value;
  if (at >= index) selectPicture(Math.max(0, at > index ? at - 1 : Math.min(at, pictures.value.length - 1)));
}

/** Shows another picture, and explains it as the one before was. */
export function selectPicture(index: number): void {
  choose({ picture: index, target: undefined });
  lookAgain();
}

/** Forgets what was found out about the picture that was shown, and explains the one that is chosen now. */
export function lookAgain(): void {
  clearPicture();
  if (picture.value?.fitted !== undefined) explain();
}

/** Forgets what was found out about the picture. */
export function clearPicture(): void {
  endAllJobs();
  explainRun.value = undefined;
  attackRun.value = undefined;
  cone.value = undefined;
  detector.value = undefined;
  grid.value = {};
  layerMaps.value = undefined;
  layerDistances.value = undefined;
}
