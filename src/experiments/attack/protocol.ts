/**
 * @file The attack experiment: every picture under every attack, and what became of it.
 *
 * Pictures are opened when their turn comes and let go of after it: what stays in memory is a record of about two kilobytes per picture
 * and attack. Images are kept as arrays of the store where they are wanted.
 */
import type { AnyAttack, AnyAttackOptions, AttackResult } from "../../attacks/attack.ts";
import { type Rounding, roundings } from "../../attacks/attack-options.ts";
import { evenBatch } from "../../attacks/run-search.ts";
import type { Classifier } from "../../classifier/classifier.ts";
import {
  checkForm,
  checkKeys,
  MisuseError,
  numberIn,
  oneOf,
  PerceptualBallError,
  throwIfAborted,
} from "../../errors.ts";
import type { ImageTensor } from "../../image/picture.ts";
import type { Progress } from "../../options/progress.ts";
import { createRandom } from "../../random/random.ts";
import { type FloatTensor, floatTensor, type Tensor, tensorOf } from "../../tensor/tensor.ts";
import { classifierSettings } from "../records/classifier-settings.ts";
import type { ExperimentIdentity, RecordKey } from "../records/record-store.ts";
import type { Computed, ExperimentItem, FailedItem } from "../records/run-experiment.ts";
import { type AttackFinding, findingOf } from "./record.ts";

/** Raised when the same settings no longer give the same records. */
export const attackVersion = "3";

/** An attack as experiments run it. */
export interface AttackRun {
  /** What tables call it: the attack's name, or one of the user's for other settings of it. */
  readonly name: string;
  readonly attack: AnyAttack;
  /** The attack's own settings; its defaults are left out. Plain JSON. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** The table that it stands in; tables of one name are compared with each other. Default "attacks". */
  readonly group?: string;
  /** Only the first so many test images; all by default. */
  readonly images?: number;
}

/** A picture to attack. */
export interface AttackPicture {
  /** What it is called: unique among the pictures. */
  readonly image: string;
  /** Whatever decides the pixels besides the name: the data set, or a hash of the file. */
  readonly origin: string;
  /** The picture as the network takes it, [C, H, W] in [0, 1]; opened when its turn comes, once for each attack at most. */
  readonly input: () => Promise<ImageTensor>;
  /** Where its pixels may change, [H, W] of the network's input, which `origin` says as well; default: everywhere. */
  readonly mask?: () => Promise<FloatTensor>;
}

export interface AttackSettings {
  /** Of random starts. A picture's numbers are those of its place among the pictures. */
  readonly seed: number;
  /** A stream of random numbers of the seed; default: the seed itself. */
  readonly stream?: number;
  /** The class to leave; default: the predicted one of each picture. */
  readonly label?: number;
  /** The class to reach; default: any other. */
  readonly target?: number;
  /** How pixels become bytes; default "keep". */
  readonly rounding?: Rounding;
}

/** What a folder of attack results is about. Everything else is in the keys: one folder takes other attacks, settings and pictures. */
export function attackIdentity(classifier: Classifier, modelSha256: string): ExperimentIdentity {
  checkForm("attackIdentity: classifier", classifier, ["model", "prepared", "input", "guess"]);
  checkForm("attackIdentity: modelSha256", modelSha256, "string");
  return {
    experiment: "attack",
    version: attackVersion,
    model: modelSha256,
    data: "pictures",
    settings: classifierSettings(classifier),
  };
}

/** One picture under one attack. */
export interface AttackItem extends ExperimentItem {
  readonly picture: AttackPicture;
  readonly run: AttackRun;
  readonly settings: AttackSettings;
  /** Among the pictures, from 0. */
  readonly position: number;
  /** Whether the attacked images are kept, as the arrays `adversarial` (within budget) and `rounded` (bytes). */
  readonly keepsImages: boolean;
  /** Items of one turn may be attacked in lockstep. */
  readonly turn: number;
  /** Rows of the lockstep; undefined: as many as are attacked together. */
  readonly batch: number | undefined;
}

export interface AttackItemsOptions {
  readonly classifier: Classifier;
  readonly settings: AttackSettings;
  /** Of the first so many pictures the images are kept; default: of all. */
  readonly keepImages?: number;
  /** So many pictures meet all attacks before the next ones do: what an interruption leaves is whole. Default 64. */
  readonly turn?: number;
  /** Rows of the lockstep; default: as many as share the pictures of a turn evenly, fewer of large pictures. */
  readonly batch?: number;
  /**
   * True where shares of the pictures are computed apart: a share's pictures are then attacked together whichever turn they are of,
   * and last digits may depend on the share, as they depend on the rows of a lockstep. Default false.
   */
  readonly isDivided?: boolean;
}

/** The most pictures in lockstep, and in a turn. */
export const picturesPerTurn = 64;

/** The key of a picture's record. */
export function attackKey(
  attackPicture: AttackPicture,
  run: AttackRun,
  position: number,
  attackSettings: AttackSettings,
): RecordKey {
  checkForm("attackKey: attackPicture", attackPicture, ["image", "origin", "input"]);
  checkForm("attackKey: run", run, ["name", "attack", "settings"]);
  checkForm("attackKey: position", position, "number");
  checkForm("attackKey: attackSettings", attackSettings, ["seed"]);
  const { image, origin } = attackPicture;
  const { name, attack, settings } = run;
  const { seed, stream, label, target, rounding } = attackSettings;
  const how = { attack: attack.name, version: attack.version, settings };
  return { image, method: name, options: { ...how, origin, position, seed, stream, label, target, rounding } };
}

/**
 * Every picture under every attack, turn by turn. Throws a MisuseError if two runs have one name, if two pictures have one, or for
 * settings that cannot be meant.
 */
export function attackItems(
  pictures: readonly AttackPicture[],
  runs: readonly AttackRun[],
  options: AttackItemsOptions,
): AttackItem[] {
  checkKeys("attackItems", options, ["classifier", "settings", "keepImages", "turn", "batch", "isDivided"]);
  checkForm("attackItems: pictures", pictures, "list");
  checkForm("attackItems: runs", runs, "list");
  checkForm("attackItems: options", options, ["classifier", "settings"]);
  const { classifier, settings, keepImages = pictures.length, isDivided = false } = options;
  const where = "attack";
  numberIn(`${where}: seed`, settings.seed, { min: 0, max: Number.MAX_SAFE_INTEGER, integer: true });
  oneOf(`${where}: rounding`, settings.rounding ?? "keep", roundings);
  const turn = numberIn(`${where}: turn`, options.turn ?? picturesPerTurn, { min: 1, integer: true });
  for (const [what, names] of [
    ["attacks", runs.map(({ name }) => name)],
    ["pictures", pictures.map(({ image }) => image)],
  ] as const) {
    const seen = new Set<string>();
    for (const name of names) {
      if (seen.has(name)) throw new MisuseError({ where, what: `two ${what} are called ${JSON.stringify(name)}` });
      seen.add(name);
    }
  }
  const items: AttackItem[] = [];
  for (let first = 0; first < pictures.length; first += turn) {
    const some = pictures.slice(first, first + turn);
    const batch = options.batch ?? (isDivided ? undefined : evenBatch(classifier, some.length));
    for (const run of runs) {
      for (const [n, picture] of some.entries()) {
        const position = first + n;
        items.push({
          key: attackKey(picture, run, position, settings),
          ...{ picture, run, settings, position, batch },
          keepsImages: position < keepImages,
          turn: isDivided ? 0 : first / turn,
        });
      }
    }
  }
  return items;
}

/** Items that may share a batch agree in this. */
export function attackBatchOf(item: AttackItem): string {
  checkForm("attackBatchOf: item", item, ["picture", "run", "settings", "position"]);
  const { run, turn } = item;
  return `${turn} ${run.name}`;
}

/** What the attack on some pictures has come to. */
export interface AttackProgressOf extends Progress {
  readonly run: AttackRun;
}

/**
 * The function that computes records of items that agree in {@link attackBatchOf}, for `runExperiment`. A picture that cannot be opened
 * fails by itself; the others of its batch are attacked.
 */
export function attackCompute(
  classifier: Classifier,
  options: { readonly onProgress?: (progress: AttackProgressOf) => void } = {},
): (
  items: readonly AttackItem[],
  context: { readonly signal?: AbortSignal },
) => Promise<(Computed<AttackFinding> | FailedItem)[]> {
  checkKeys("attackCompute", options, ["onProgress"]);
  checkForm("attackCompute: options", options, []);
  const { onProgress } = options;
  // The pictures of a turn, the oldest first: the next attack is mostly on the same.
  const known = new Map<string, ImageTensor>();
  return async (items, { signal }) => {
    const inputs = new Map<string, ImageTensor>();
    const masks = new Map<string, FloatTensor>();
    const failures = new Map<string, unknown>();
    for (const { picture } of items) {
      throwIfAborted(signal, "attack");
      try {
        const mask = await picture.mask?.();
        if (mask !== undefined) masks.set(picture.image, mask);
        inputs.set(picture.image, known.get(picture.image) ?? (await picture.input()));
      } catch (error) {
        if (!(error instanceof PerceptualBallError)) throw error;
        failures.set(picture.image, error);
      }
    }
    throwIfAborted(signal, "attack");
    for (const [image, input] of inputs) known.set(image, input);
    for (const image of [...known.keys()].slice(0, Math.max(0, known.size - picturesPerTurn))) known.delete(image);
    const open = items.flatMap((item) => {
      const input = inputs.get(item.picture.image);
      return input === undefined ? [] : [{ item, input, mask: masks.get(item.picture.image) }];
    });
    const computed = new Map<AttackItem, Computed<AttackFinding>>();
    for (const some of byMask(open)) {
      const results = await attackAll(classifier, some, signal, onProgress);
      for (const [n, { item, input }] of some.entries()) computed.set(item, computedOf(item, input, results[n]));
    }
    return items.map((item) => computed.get(item) ?? { error: failures.get(item.picture.image) });
  };
}

interface OpenItem {
  readonly item: AttackItem;
  readonly input: ImageTensor;
  readonly mask: FloatTensor | undefined;
}

/** Items whose masks are equal, in order; without masks all together. */
function byMask(open: readonly OpenItem[]): OpenItem[][] {
  const groups = new Map<string, OpenItem[]>();
  for (const one of open) {
    const key = one.mask?.data.join("") ?? "";
    const group = groups.get(key) ?? [];
    groups.set(key, group);
    group.push(one);
  }
  return [...groups.values()];
}

async function attackAll(
  classifier: Classifier,
  open: readonly OpenItem[],
  signal: AbortSignal | undefined,
  onProgress: ((progress: AttackProgressOf) => void) | undefined,
): Promise<AttackResult[]> {
  const [{ item, mask }] = open;
  const { run, batch, settings } = item;
  const { seed, stream, label, target, rounding } = settings;
  const options: AnyAttackOptions = {
    ...run.settings,
    ...{ label, target, rounding, mask, batch, signal },
    // Of the picture alone, so that neither the order of the attacks nor the other pictures matter.
    random: (n) => createRandom(seed, ...(stream === undefined ? [] : [stream]), open[n].item.position),
    onProgress: (progress) => onProgress?.({ run, ...progress }),
  };
  return run.attack.run(
    classifier,
    open.map(({ input }) => input),
    options,
  );
}

function computedOf({ keepsImages }: AttackItem, input: ImageTensor, result: AttackResult): Computed<AttackFinding> {
  return { result: findingOf(result), arrays: keepsImages ? keptImages(input, result) : {} };
}

/** The attacked image within its budget, and what a PNG keeps of it. */
function keptImages({ shape }: ImageTensor, { withinBudget, rounded }: AttackResult): Record<string, Tensor> {
  const bytes = Uint8Array.from(rounded.image.data, (x) => Math.round(255 * x));
  return {
    adversarial: floatTensor(withinBudget.image.data, shape),
    rounded: tensorOf("uint8", bytes, shape),
  };
}
