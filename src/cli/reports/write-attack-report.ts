/** @file The files of `attack`: what became of each picture, the table and the page. */
import { join } from "node:path";
import type { Classifier } from "../../classifier/classifier.ts";
import { BadInputError, MisuseError } from "../../errors.ts";
import { printableJson, relativeAddress } from "../../escape-text.ts";
import type { AttackItem } from "../../experiments/attack/protocol.ts";
import { type AttackFinding, type AttackRecord, attackRecord } from "../../experiments/attack/record.ts";
import { attackSummaries } from "../../experiments/attack/summary.ts";
import type { TransferMatrix } from "../../experiments/attack/transfer.ts";
import { type LabelRecord, topLabels } from "../../experiments/records/label-record.ts";
import type { RecordStore } from "../../experiments/records/record-store.ts";
import type { ImageTensor } from "../../image/picture.ts";
import { shownImage, storedImage } from "../../image/shown-image.ts";
import { writeNpy } from "../../node/npy.ts";
import { pngDataUri } from "../../node/pictures/data-uri.ts";
import { writePng } from "../../node/pictures/write-image.ts";
import { checkRunFolder, openRunFolder, type RunFolder, type RunMark } from "../../node/run-folder.ts";
import { makeFolder, writeFileAtomically } from "../../node/write-file.ts";
import { attackCsv } from "../../report/attack/csv.ts";
import { type AttackPageEntry, attackPage } from "../../report/attack/page.ts";
import { attackTable } from "../../report/attack/table.ts";
import { amplified, commonFactor } from "../../report/explanation/amplified.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import type { AttackInput, AttackInputs } from "../attack-inputs.ts";
import { modelNameOf } from "./model-name.ts";

/** With more pictures than this a page refers to their files; with fewer it needs nothing else. */
const mostInline = 60;

export interface AttackReport extends Pick<AttackRecord, "model" | "versions"> {
  readonly out: string;
  readonly opened: AttackInputs;
  readonly items: readonly AttackItem[];
  readonly store: RecordStore<AttackFinding>;
  readonly transfer?: TransferMatrix | undefined;
}

/** What the report puts into its folder, beside the records, which are the experiment's. */
function namesOf({ opened: { inputs }, items }: Pick<AttackReport, "opened" | "items">): string[] {
  const kept = new Set(items.filter(({ keepsImages }) => keepsImages).map(({ position }) => position));
  return [
    ...["index.html", "results.csv", "results.jsonl", "table.md"],
    ...inputs.filter((_, n) => kept.has(n)).map(({ name }) => name),
  ];
}

/** Throws a MisuseError if the report would overwrite what no earlier run of `attack` has written. */
export function checkAttackReport(report: Pick<AttackReport, "out" | "opened" | "items">): void {
  checkRunFolder(report.out, "attack", namesOf(report));
}

/** Another share of the same pictures may be writing its report at this moment, which takes seconds. */
const [patienceMs, pauseMs] = [60_000, 200];

async function openReport(report: AttackReport): Promise<RunFolder> {
  const names = namesOf(report);
  for (const started = performance.now(); ; ) {
    checkAttackReport(report);
    try {
      return await openRunFolder(report.out, "attack", names);
    } catch (error) {
      if (!(error instanceof MisuseError) || performance.now() - started > patienceMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}

/**
 * Writes each kept picture's files, results.jsonl, results.csv, table.md and index.html into the folder `out`, in the place of an earlier report; one
 * picture is in memory at a time. The records of all finished pictures and attacks come back, picture by picture, and what was replaced.
 * Without records nothing is written. Throws as {@link checkAttackReport} does.
 */
export async function writeAttackReport(
  report: AttackReport,
): Promise<{ readonly records: readonly AttackRecord[]; readonly replaced: RunMark | undefined }> {
  const folder = await openReport(report);
  const records = await writeFiles({ ...report, out: folder.path });
  if (records.length === 0) {
    await folder.abandon();
    return { records, replaced: undefined };
  }
  return { records, replaced: await folder.finish(new Set(records.map(({ image }) => image)).size) };
}

async function writeFiles(report: AttackReport): Promise<AttackRecord[]> {
  const { out, opened, items, transfer } = report;
  const { classifier, source, inputs } = opened;
  const byPosition = new Map<number, AttackItem[]>();
  for (const item of items) byPosition.set(item.position, [...(byPosition.get(item.position) ?? []), item]);
  const records: AttackRecord[] = [];
  const entries: AttackPageEntry[] = [];
  const isInline = items.filter(({ keepsImages }) => keepsImages).length <= mostInline;
  for (const [n, input] of inputs.entries()) {
    const shown = await reportPicture(input, byPosition.get(n) ?? [], report, isInline, records);
    if (shown !== undefined) entries.push(shown);
  }
  if (records.length === 0) return records;
  const { width, height } = classifier.input;
  const page = attackPage({
    model: { name: modelNameOf(classifier), sha256: classifier.file.sha256, classCount: classifier.classCount },
    source,
    records,
    entries,
    ...(transfer === undefined ? {} : { transfer }),
    size: { width, height },
  });
  const lines = records.map((record) => `${printableJson(record)}\n`).join("");
  await writeFileAtomically(join(out, "results.jsonl"), lines);
  await writeFileAtomically(join(out, "results.csv"), attackCsv(records));
  await writeFileAtomically(join(out, "table.md"), `${attackTable(attackSummaries(records))}\n`);
  await writeFileAtomically(join(out, "index.html"), page);
  return records;
}

/** Adds the picture's records to `records` and writes its files, if its images were kept; what the page shows of it comes back. */
async function reportPicture(
  input: AttackInput,
  items: readonly AttackItem[],
  { out, opened: { classifier }, store, model, versions }: AttackReport,
  isInline: boolean,
  records: AttackRecord[],
): Promise<AttackPageEntry | undefined> {
  const { alternatives: _, ...head } = classifier.prepared.head;
  const kept = new Map<AttackItem, KeptImages>();
  for (const item of items) {
    const images = await keptImages(store, item.key);
    if (images !== undefined) kept.set(item, images);
  }
  const clean = kept.size === 0 ? undefined : await input.input();
  const changeOf = ({ adversarial }: KeptImages, from: ImageTensor): ImageTensor =>
    floatTensor(
      adversarial.data.map((x, i) => x - from.data[i]),
      from.shape,
    );
  // One factor for all attacks of the picture, so that their changes can be compared.
  const factor = clean === undefined ? 1 : commonFactor([...kept.values()].map((images) => changeOf(images, clean)));
  const shown: AttackPageEntry["attacks"][number][] = [];
  for (const item of items) {
    const { key, run } = item;
    const finding = store.finished(key)?.result;
    if (finding === undefined) continue;
    const folder = items.length === 1 ? input.name : `${input.name}/${run.name}`;
    const images = kept.get(item);
    const record = attackRecord({
      classifier,
      finding,
      image: input.image,
      attack: run.name,
      attackTitle: run.attack.title,
      model,
      head,
      warnings: [...classifier.warnings, ...(input.warnings?.() ?? [])],
      files:
        images === undefined
          ? {}
          : {
              adversarial: `${folder}/adversarial.png`,
              adversarialNpy: `${folder}/adversarial.npy`,
              difference: `${folder}/difference.png`,
              result: `${folder}/result.json`,
            },
      versions,
    });
    records.push(record);
    if (images === undefined || clean === undefined) continue;
    const difference = amplified(changeOf(images, clean), factor);
    await writePicture(join(out, folder), images, difference, record);
    shown.push({
      record,
      factor,
      top: await topOf(classifier, images.rounded),
      adversarial: isInline ? await pngDataUri(images.rounded) : relativeAddress(`${folder}/adversarial.png`),
      difference: isInline ? await pngDataUri(difference) : relativeAddress(`${folder}/difference.png`),
    });
  }
  if (clean === undefined) return undefined;
  const entry = { image: input.image, top: await topOf(classifier, clean), attacks: shown };
  if (isInline) return { ...entry, original: await pngDataUri(clean) };
  await writePng(join(out, input.name, "original.png"), storedImage(clean), { isNetworkInput: true });
  return { ...entry, original: relativeAddress(`${input.name}/original.png`) };
}

/** The most probable classes of an image; one run of the network. None where a classifier that is elsewhere cannot be asked any more: the report is of what is finished. */
async function topOf(classifier: Classifier, image: ImageTensor): Promise<LabelRecord[] | undefined> {
  try {
    const { logits } = await classifier.classify(image);
    return topLabels(logits, classifier);
  } catch (error) {
    if (error instanceof BadInputError) return undefined;
    throw error;
  }
}

/** The two images that the experiment keeps: within budget, and in bytes. */
interface KeptImages {
  readonly adversarial: ImageTensor;
  readonly rounded: ImageTensor;
}

async function keptImages(store: RecordStore<AttackFinding>, key: AttackItem["key"]): Promise<KeptImages | undefined> {
  const [adversarial, rounded] = [await store.readArray(key, "adversarial"), await store.readArray(key, "rounded")];
  if (!(adversarial?.data instanceof Float32Array) || !(rounded?.data instanceof Uint8Array)) return undefined;
  return {
    adversarial: floatTensor(adversarial.data, adversarial.shape),
    rounded: floatTensor(
      Float32Array.from(rounded.data, (level) => level / 255),
      rounded.shape,
    ),
  };
}

/** Writes one picture's files. */
async function writePicture(
  folder: string,
  { adversarial, rounded }: KeptImages,
  difference: ImageTensor,
  record: AttackRecord,
): Promise<void> {
  await makeFolder(folder);
  await Promise.all([
    writePng(join(folder, "adversarial.png"), storedImage(rounded), { isNetworkInput: true }),
    writeNpy(join(folder, "adversarial.npy"), adversarial),
    writePng(join(folder, "difference.png"), shownImage(difference)),
  ]);
  await writeFileAtomically(join(folder, "result.json"), `${printableJson(record, 2)}\n`);
}
