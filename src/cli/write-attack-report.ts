/** @file The files of `attack`: what became of each picture, the table and the page. */
import { basename, join } from "node:path";
import { printableJson } from "../escape-text.ts";
import type { AttackItem } from "../experiments/attack/protocol.ts";
import { type AttackFinding, type AttackRecord, attackRecord } from "../experiments/attack/record.ts";
import { attackSummaries } from "../experiments/attack/summary.ts";
import type { RecordStore } from "../experiments/records/record-store.ts";
import { normalizeSigned } from "../image/normalize.ts";
import type { ImageTensor } from "../image/picture.ts";
import { shownImage, storedImage } from "../image/shown-image.ts";
import { writeNpy } from "../node/npy.ts";
import { pngDataUri } from "../node/pictures/data-uri.ts";
import { writePng } from "../node/pictures/write-image.ts";
import { makeFolder, writeFileAtomically } from "../node/write-file.ts";
import { type AttackPageEntry, attackPage } from "../report/attack/page.ts";
import { attackTable } from "../report/attack/table.ts";
import { floatTensor } from "../tensor/tensor.ts";
import type { AttackInput, AttackInputs } from "./attack-inputs.ts";

/** With more pictures than this a page refers to their files; with fewer it needs nothing else. */
const mostInline = 60;

export interface AttackReport extends Pick<AttackRecord, "model" | "versions"> {
  readonly out: string;
  readonly opened: AttackInputs;
  readonly items: readonly AttackItem[];
  readonly store: RecordStore<AttackFinding>;
}

/**
 * Writes each kept picture's files, results.jsonl, table.md and, last, index.html into the folder `out`; one picture is in memory at a time. The
 * records of all finished pictures and attacks come back, picture by picture.
 */
export async function writeAttackReport(report: AttackReport): Promise<AttackRecord[]> {
  const { out, opened, items } = report;
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
  const { file, classCount } = classifier;
  const { width, height } = classifier.input;
  const page = attackPage({
    model: { name: basename(file.path), sha256: file.sha256, classCount },
    source,
    records,
    entries,
    size: { width, height },
  });
  const lines = records.map((record) => `${printableJson(record)}\n`).join("");
  await writeFileAtomically(join(out, "results.jsonl"), lines);
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
  const shown: AttackPageEntry["attacks"][number][] = [];
  const { alternatives: _, ...head } = classifier.prepared.head;
  let clean: ImageTensor | undefined;
  for (const { key, run } of items) {
    const finding = store.finished(key)?.result;
    if (finding === undefined) continue;
    const folder = items.length === 1 ? input.name : `${input.name}/${run.name}`;
    const kept = await keptImages(store, key);
    const record = attackRecord({
      classifier,
      finding,
      image: input.image,
      attack: run.name,
      attackTitle: run.attack.title,
      model,
      head,
      warnings: classifier.warnings,
      files:
        kept === undefined
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
    if (kept === undefined) continue;
    clean ??= await input.input();
    const { adversarial, difference } = await writePicture(join(out, folder), clean, kept, record);
    shown.push({
      record,
      adversarial: isInline ? await pngDataUri(adversarial) : relative(`${folder}/adversarial.png`),
      difference: isInline ? await pngDataUri(difference) : relative(`${folder}/difference.png`),
    });
  }
  if (clean === undefined) return undefined;
  if (isInline) return { image: input.image, original: await pngDataUri(clean), attacks: shown };
  await writePng(join(out, input.name, "original.png"), storedImage(clean), { isNetworkInput: true });
  return { image: input.image, original: relative(`${input.name}/original.png`), attacks: shown };
}

function relative(path: string): string {
  return path.split("/").map(encodeURIComponent).join("/");
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

/** Writes one picture's files; the two pictures of the page come back. */
async function writePicture(
  folder: string,
  clean: ImageTensor,
  { adversarial, rounded }: KeptImages,
  record: AttackRecord,
): Promise<{ readonly adversarial: ImageTensor; readonly difference: ImageTensor }> {
  const change = adversarial.data.map((x, i) => x - clean.data[i]);
  const difference = normalizeSigned(floatTensor(change, clean.shape));
  await makeFolder(folder);
  await Promise.all([
    writePng(join(folder, "adversarial.png"), storedImage(rounded), { isNetworkInput: true }),
    writeNpy(join(folder, "adversarial.npy"), adversarial),
    writePng(join(folder, "difference.png"), shownImage(difference)),
  ]);
  await writeFileAtomically(join(folder, "result.json"), `${printableJson(record, 2)}\n`);
  return { adversarial: rounded, difference };
}
