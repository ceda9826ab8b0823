/** @file The files of `universal`: the change, the page, and the state that a run goes on from. */
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { changeInBytes, type UniversalState } from "../../attacks/universal/universal-perturbation.ts";
import type { Classifier } from "../../classifier/classifier.ts";
import { MisuseError, PerceptualBallError } from "../../errors.ts";
import { printableJson } from "../../escape-text.ts";
import { type Form, isCount, isShare, isText, listOf, objectOf } from "../../experiments/records/record-form.ts";
import type { UniversalExample } from "../../experiments/universal/judge-universal.ts";
import { shownImage, storedImage } from "../../image/shown-image.ts";
import { readNpy, writeNpy } from "../../node/npy.ts";
import { pngDataUri } from "../../node/pictures/data-uri.ts";
import { writePng } from "../../node/pictures/write-image.ts";
import { makeFolder, writeFileAtomically } from "../../node/write-file.ts";
import { amplified, commonFactor } from "../../report/explanation/amplified.ts";
import { type UniversalRecord, universalPage } from "../../report/universal/page.ts";
import { type FloatTensor, floatTensor } from "../../tensor/tensor.ts";

/** Writes perturbation.png, perturbation.npy, universal.json and index.html into the folder `out`. */
export async function writeUniversalReport(
  out: string,
  given: {
    readonly record: UniversalRecord;
    readonly classifier: Classifier;
    readonly perturbation: FloatTensor;
    readonly examples: readonly UniversalExample[];
  },
): Promise<void> {
  const { record, classifier, perturbation, examples } = given;
  const [, height, width] = perturbation.shape;
  const change = changeInBytes(perturbation, record.epsilon);
  await makeFolder(out);
  // Level 128 is none: radii have up to 127.
  const about = floatTensor(
    change.data.map((x) => (Math.round(255 * x) + 128) / 255),
    change.shape,
  );
  await writePng(join(out, "perturbation.png"), storedImage(about), { isNetworkInput: true });
  await writeNpy(join(out, "perturbation.npy"), change);
  await writeFileAtomically(join(out, "universal.json"), `${printableJson(record, 2)}\n`);
  const factor = commonFactor([change]);
  const shown: Parameters<typeof universalPage>[0]["examples"][number][] = [];
  for (const { image, clean, changed, labels } of examples) {
    const [before, after] = labels;
    shown.push({
      image,
      before: await pngDataUri(clean),
      after: await pngDataUri(changed),
      labels: [classifier.labelName(before), classifier.labelName(after)],
    });
  }
  const page = universalPage({
    record,
    labelName: (index) => classifier.labelName(index),
    change: { source: await pngDataUri(shownImage(amplified(change, factor))), factor },
    examples: shown,
    size: { width, height },
  });
  await writeFileAtomically(join(out, "index.html"), page);
}

const stateName = "state.json";
const changeName = (epoch: number): string => `state-${epoch}.npy`;

interface KeptState {
  readonly key: string;
  readonly epoch: number;
  readonly fooled: readonly number[];
}

/** Keeps what is learned after an epoch; the numbers last, so that they never speak of a change that is not there. */
export async function writeUniversalState(out: string, key: string, state: UniversalState): Promise<void> {
  const { epoch, perturbation, fooled } = state;
  await makeFolder(out);
  await writeNpy(join(out, changeName(epoch)), perturbation);
  const kept: KeptState = { key, epoch, fooled };
  await writeFileAtomically(join(out, stateName), `${printableJson(kept)}\n`);
  await rm(join(out, changeName(epoch - 1)), { force: true });
}

/**
 * What an earlier run with the same key has kept; undefined, with a note where it is damaged, if there is nothing to go on from. What was learned with
 * another key is thrown away if `fresh`. Throws a MisuseError otherwise: it may have taken days.
 */
export async function readUniversalState(
  out: string,
  key: string,
  shape: readonly number[],
  { note, fresh = false }: { readonly note: (text: string) => void; readonly fresh?: boolean },
): Promise<UniversalState | undefined> {
  let kept: unknown;
  try {
    kept = JSON.parse(await readFile(join(out, stateName), "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT")
      note(`${join(out, stateName)} cannot be read: the learning begins anew`);
    return undefined;
  }
  if (!isKeptState(kept)) {
    note(`${join(out, stateName)} is damaged: the learning begins anew`);
    return undefined;
  }
  const { epoch, fooled } = kept;
  if (fresh) {
    await rm(join(out, stateName), { force: true });
    await rm(join(out, changeName(epoch)), { force: true });
    return undefined;
  }
  if (kept.key !== key) {
    throw new MisuseError({
      where: out,
      what: "holds a change that was learned otherwise (model, pictures or settings)",
      advice: "Choose another --out, or throw that change away with --fresh.",
    });
  }
  try {
    const { data, shape: found } = await readNpy(join(out, changeName(epoch)));
    if (data instanceof Float32Array && found.join() === shape.join() && data.every(Number.isFinite)) {
      return { epoch, fooled, perturbation: floatTensor(data, found) };
    }
  } catch (error) {
    if (!(error instanceof PerceptualBallError)) throw error;
  }
  note(`${join(out, changeName(epoch))} is damaged: the learning begins anew`);
  return undefined;
}

const isKeptState: Form<KeptState> = objectOf<KeptState>({ key: isText, epoch: isCount, fooled: listOf(isShare) });
