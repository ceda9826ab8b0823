/** @file Do adversarial images made on one network fool others? Eight-bit pictures, as anybody would get them, looked at by other networks. */
import type { Classifier } from "../../classifier/classifier.ts";
import { decidesEachLabel } from "../../classifier/network/head/head.ts";
import { checkForm, checkKeys, PerceptualBallError, throwIfAborted } from "../../errors.ts";
import type { ImageTensor } from "../../image/picture.ts";
import { floatTensor, type Tensor } from "../../tensor/tensor.ts";
import type { RecordStore } from "../records/record-store.ts";
import { type Estimate, wilsonInterval } from "../statistics/statistics.ts";
import type { AttackItem } from "./protocol.ts";
import type { AttackFinding } from "./record.ts";

/** A network that pictures are shown to, and what tables call it. */
export interface TransferModel {
  readonly name: string;
  /** Where it decides each of its labels by itself, its answer is all that are present. */
  readonly classifier: Pick<Classifier, "fit" | "classify" | "prepared">;
}

/** One attack against one network. */
export interface TransferCell {
  readonly attack: string;
  readonly model: string;
  /** Pictures that the attack was to change, and whose image was kept. */
  readonly pictures: number;
  /** Those for which the network's answer to the attacked picture is another than that to the clean one. */
  readonly changed: number;
  /** Their share with Wilson's 95 % interval; null without pictures. */
  readonly share: Estimate | null;
}

/** A row for each attack, in the order of the items: the network that it was made on first, then the others. */
export interface TransferRow {
  readonly attack: string;
  readonly cells: readonly TransferCell[];
}

export interface TransferMatrix {
  readonly models: readonly string[];
  readonly rows: readonly TransferRow[];
  /** Pictures whose records keep no image, so that they could not be shown to others. */
  readonly withoutImage: number;
}

/**
 * The matrix of the items' attacks and the networks, `own` being the one that they were made on. Clean and attacked picture go the same way: in eight bits at
 * the size of the first network's input, which networks of that size take as they are, and from there as the preprocessing of the others says, so that
 * resizing alone changes no class.
 */
export async function transferMatrix(
  items: readonly AttackItem[],
  store: Pick<RecordStore<AttackFinding>, "finished" | "readArray">,
  models: readonly [own: TransferModel, ...others: TransferModel[]],
  options: { readonly signal?: AbortSignal } = {},
): Promise<TransferMatrix> {
  checkKeys("transferMatrix", options, ["signal"]);
  const { signal } = options;
  checkForm("transferMatrix: items", items, "list");
  checkForm("transferMatrix: store", store, ["finished", "readArray"]);
  checkForm("transferMatrix: models", models, "list");
  const counts = new Map<string, { pictures: number; changed: number }[]>();
  const cleanAnswers = new Map<number, readonly string[]>();
  let withoutImage = 0;
  for (const { key, run, picture, position } of items) {
    const row = counts.get(run.name) ?? models.map(() => ({ pictures: 0, changed: 0 }));
    counts.set(run.name, row);
    const finding = store.finished(key)?.result;
    if (finding === undefined || finding.outcome === "already-flipped") continue;
    const image = imageOf(await store.readArray(key, "rounded"));
    if (image === undefined) {
      withoutImage++;
      continue;
    }
    let clean = cleanAnswers.get(position);
    if (clean === undefined) {
      const input = await openedOr(picture.input);
      // A picture that has vanished since is said where it is attacked.
      if (input === undefined) continue;
      clean = await answersOf(inBytes(input), models, signal);
      cleanAnswers.set(position, clean);
    }
    for (const [n, answer] of (await answersOf(image, models, signal)).entries()) {
      row[n].pictures++;
      if (answer !== clean[n]) row[n].changed++;
    }
  }
  const names = models.map(({ name }) => name);
  const rows = [...counts].map(([attack, row]): TransferRow => {
    const cells = row.map(({ pictures, changed }, n): TransferCell => {
      return { attack, model: names[n], pictures, changed, share: wilsonInterval(changed, pictures) ?? null };
    });
    return { attack, cells };
  });
  return { models: names, rows, withoutImage };
}

async function openedOr(input: AttackItem["picture"]["input"]): Promise<ImageTensor | undefined> {
  try {
    return await input();
  } catch (error) {
    if (error instanceof PerceptualBallError) return undefined;
    throw error;
  }
}

/** What each network says: its class, or all labels that it finds present. */
async function answersOf(
  image: ImageTensor,
  models: readonly TransferModel[],
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const answers: string[] = [];
  // It has been resized and cropped for the first network: where that is the size of another, nothing is left to do, as with the file that `attack` writes.
  const fitted = { ...image, isNetworkInput: true };
  for (const { classifier } of models) {
    throwIfAborted(signal, "transfer");
    const { label, logits } = await classifier.classify(classifier.fit(fitted), { signal });
    answers.push(
      decidesEachLabel(classifier.prepared.head)
        ? Array.from(logits, (logit) => (logit > 0 ? 1 : 0)).join("")
        : String(label),
    );
  }
  return answers;
}

/** The image that the bytes are. */
function imageOf(bytes: Tensor | undefined): ImageTensor | undefined {
  if (bytes === undefined) return undefined;
  const [channels = 0, height = 0, width = 0] = bytes.shape;
  return floatTensor(
    Float32Array.from(bytes.data as Uint8Array, (level) => level / 255),
    [channels, height, width],
  );
}

function inBytes({ data, shape }: ImageTensor): ImageTensor {
  return floatTensor(
    data.map((x) => Math.round(255 * x) / 255),
    shape,
  );
}
