/**
 * @file The robustness experiment: every picture under an attack at growing radii, until it falls.
 *
 * Balls are nested: what flips a picture within ε flips it within any larger radius. So a picture that has fallen is not attacked again, and robust
 * accuracy never rises with ε, as it may where each radius is tried by itself.
 */
import type { AnyAttackOptions, AttackResult } from "../../attacks/attack.ts";
import { warningsIn } from "../../attacks/autoattack/evaluation-warnings.ts";
import type { Classifier } from "../../classifier/classifier.ts";
import type { Classification } from "../../classifier/logits.ts";
import type { ModelWarning } from "../../classifier/network/prepare-model.ts";
import { contentsOption, type DatasetImage } from "../../datasets/dataset.ts";
import { BadInputError, checkForm, MisuseError, numberIn, PerceptualBallError, throwIfAborted } from "../../errors.ts";
import type { ImageTensor } from "../../image/picture.ts";
import { hashText } from "../../random/hash-text.ts";
import { createRandom } from "../../random/random.ts";
import type { AttackRun } from "../attack/protocol.ts";
import { classifierSettings } from "../records/classifier-settings.ts";
import type { ExperimentIdentity, RecordKey } from "../records/record-store.ts";
import type { Computed, ExperimentItem, FailedItem } from "../records/run-experiment.ts";
import type { RadiusRecord, RobustnessRecord } from "./record.ts";

/** Raised when the same settings no longer give the same records. */
export const robustnessVersion = "2";

export interface RobustnessSettings {
  /** Ascending, each once: see {@link checkRadii}. */
  readonly epsilons: readonly number[];
  readonly seed: number;
}

/** The radii in ascending order, each once. Throws a MisuseError for none, and for numbers that are no radius. */
export function checkRadii(where: string, epsilons: readonly number[]): readonly number[] {
  checkForm("checkRadii: epsilons", epsilons, "list");
  if (epsilons.length === 0)
    throw new MisuseError({ where, what: "the list is empty", expected: "one radius, or several" });
  for (const epsilon of epsilons) {
    const isLevel = typeof epsilon === "number" && epsilon > 1 && epsilon <= 255 && Number.isInteger(epsilon);
    try {
      numberIn(where, epsilon, { above: 0 });
    } catch (error) {
      if (!(error instanceof MisuseError)) throw error;
      throw new MisuseError({ ...error.complaint, advice: isLevel ? `Did you mean ${epsilon}/255?` : undefined });
    }
  }
  return [...new Set(epsilons)].sort((a, b) => a - b);
}

/** What a folder of robustness results is about. Attacks and radii are in the keys: one folder takes others as well. */
export function robustnessIdentity(
  classifier: Classifier,
  modelSha256: string,
  data: ExperimentIdentity["data"],
  settings: Pick<RobustnessSettings, "seed">,
): ExperimentIdentity {
  checkForm("robustnessIdentity: classifier", classifier, ["model", "prepared", "input", "guess"]);
  checkForm("robustnessIdentity: modelSha256", modelSha256, "string");
  checkForm("robustnessIdentity: settings", settings, ["seed"]);
  const { seed } = settings;
  return {
    experiment: "robustness",
    version: robustnessVersion,
    model: modelSha256,
    data,
    settings: { seed, ...classifierSettings(classifier) },
  };
}

/** One picture under one attack, at all radii. */
export interface RobustnessItem extends ExperimentItem {
  readonly image: DatasetImage;
  readonly run: AttackRun;
  readonly epsilons: readonly number[];
}

/**
 * Every image under every run. Throws a MisuseError for an attack that has no radius or whose settings have one, for settings and radii that
 * it refuses, and if two runs have one name.
 */
export function robustnessItems(
  images: readonly DatasetImage[],
  runs: readonly AttackRun[],
  classifier: Classifier,
  settings: RobustnessSettings,
): RobustnessItem[] {
  checkForm("robustnessItems: images", images, "list");
  checkForm("robustnessItems: runs", runs, "list");
  checkForm("robustnessItems: settings", settings, ["epsilons", "seed"]);
  const epsilons = checkRadii("robustness: epsilons", settings.epsilons);
  const names = runs.map(({ name }) => name);
  const twice = names.find((name, n) => names.indexOf(name) !== n);
  if (twice !== undefined) {
    throw new MisuseError({ where: "robustness", what: `two attacks are called ${JSON.stringify(twice)}` });
  }
  for (const { attack, settings: own } of runs) {
    if (!("epsilon" in attack.options)) {
      throw new MisuseError({
        where: "robustness",
        what: `${attack.name} looks for the least change and has no radius`,
        expected: "an attack with an epsilon",
        advice: "autoattack is meant for this.",
      });
    }
    if (own.epsilon !== undefined) {
      throw new MisuseError({
        where: `robustness: ${attack.name}`,
        what: "its settings have an epsilon",
        expected: "the radii, which are the experiment's",
      });
    }
    for (const epsilon of epsilons) attack.check(classifier, { ...own, epsilon });
  }
  return runs.flatMap((run) =>
    images.slice(0, run.images).map((image) => ({ key: robustnessKey(image, run, epsilons), image, run, epsilons })),
  );
}

/** The key of a picture's record under an attack. */
export function robustnessKey(
  image: Pick<DatasetImage, "id" | "contents">,
  run: AttackRun,
  epsilons: readonly number[],
): RecordKey {
  checkForm("robustnessKey: image", image, ["id"]);
  checkForm("robustnessKey: run", run, ["name", "attack", "settings"]);
  checkForm("robustnessKey: epsilons", epsilons, "list");
  const { id } = image;
  const { name, attack, settings } = run;
  const own = contentsOption(image);
  const options = { attack: attack.name, version: attack.version, settings, epsilons, ...own };
  return { image: id, method: name, options };
}

/** Items that may share a batch agree in this. */
export function robustnessBatchOf(item: RobustnessItem): string {
  checkForm("robustnessBatchOf: item", item, ["image", "run", "key"]);
  return item.key.method;
}

/** The function that computes records of items that agree in {@link robustnessBatchOf}, for `runExperiment`. */
export function robustnessCompute(
  classifier: Classifier,
  settings: Pick<RobustnessSettings, "seed">,
): (
  items: readonly RobustnessItem[],
  context: { readonly signal?: AbortSignal },
) => Promise<(Computed<RobustnessRecord> | FailedItem)[]> {
  checkForm("robustnessCompute: classifier", classifier, ["model", "prepared", "input", "guess"]);
  checkForm("robustnessCompute: settings", settings, ["seed"]);
  const { seed } = settings;
  numberIn("robustness: seed", seed, { min: 0, max: Number.MAX_SAFE_INTEGER, integer: true });
  return async (items, { signal }) => {
    const opened: (Opened | FailedItem)[] = [];
    for (const item of items) {
      throwIfAborted(signal, "robustness");
      opened.push(await openedItem(item, classifier));
    }
    const open = opened.filter((one): one is Opened => !("error" in one));
    if (open.length > 0) await attackAll(classifier, open, seed, signal);
    return opened.map((one) => ("error" in one ? one : { result: recordOf(one) }));
  };
}

/** A picture that is attacked, and what is known of it so far. */
interface Opened {
  readonly item: RobustnessItem;
  readonly input: ImageTensor;
  /** Undefined until the prediction is known, where that counts as right. */
  truth: number | undefined;
  clean: Classification | undefined;
  readonly radii: RadiusRecord[];
  readonly warnings: Map<string, ModelWarning>;
}

async function openedItem(item: RobustnessItem, classifier: Classifier): Promise<Opened | FailedItem> {
  const { image } = item;
  try {
    const input = classifier.fit(await image.picture());
    if (image.label !== undefined && image.label >= classifier.classCount) {
      throw new BadInputError({ where: image.id, what: "its class is not among the network's" });
    }
    return { item, input, truth: image.label, clean: undefined, radii: [], warnings: new Map() };
  } catch (error) {
    if (!(error instanceof PerceptualBallError)) throw error;
    return { error };
  }
}

/** Radius after radius, each for the pictures that still stand, in floating-point pixels or in bytes. */
async function attackAll(
  classifier: Classifier,
  opened: readonly Opened[],
  seed: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const [{ item }] = opened;
  const { attack, settings } = item.run;
  for (const one of opened) {
    one.clean = await classifier.classify(one.input, { signal });
    one.truth ??= one.clean.label;
  }
  let standing = opened.filter(({ clean, truth }) => clean?.label === truth);
  for (const epsilon of item.epsilons) {
    if (standing.length === 0) return;
    const options: AnyAttackOptions = {
      ...settings,
      epsilon,
      signal,
      // No distance in layers is reported.
      distanceLayers: [],
      labels: standing.map(({ truth = 0 }) => truth),
      // A stream of its own for each picture and radius, whichever others are in the batch.
      random: (n) => createRandom(seed, hashText(`${standing[n].item.image.id} at ${epsilon}`)),
    };
    const results = await attack.run(
      classifier,
      standing.map(({ input }) => input),
      options,
    );
    for (const [n, result] of results.entries()) {
      checkRadiusIsKept(result, epsilon);
      standing[n].radii.push(radiusRecord(epsilon, result));
      for (const warning of warningsIn(result.details)) standing[n].warnings.set(warning.code, warning);
    }
    standing = standing.filter((_, n) => !(results[n].withinBudget.success && results[n].rounded.success));
  }
}

/** Some settings of attacks, such as presets without a constraint, leave the radius aside. */
function checkRadiusIsKept({ attack, settings }: AttackResult, epsilon: number): void {
  if (settings.epsilon === epsilon) return;
  throw new MisuseError({
    where: `robustness: ${attack}`,
    what: "with these settings it keeps to no radius",
    expected: "settings with a ball",
  });
}

function radiusRecord(epsilon: number, { outcome, withinBudget, rounded, details, cost }: AttackResult): RadiusRecord {
  const { margin, distances, success } = withinBudget;
  return {
    epsilon,
    outcome,
    margin,
    isKeptInBytes: success && rounded.success,
    by: success && typeof details.by === "string" ? details.by : null,
    l2: distances.l2,
    linf: distances.linf,
    evaluations: { forward: cost.forward, gradient: cost.gradient },
  };
}

function recordOf({ truth = 0, clean, radii, warnings }: Opened): RobustnessRecord {
  const { label = 0, confidence = 0 } = clean ?? {};
  const hasFallen = ({ outcome }: RadiusRecord): boolean => outcome === "flipped" || outcome === "already-flipped";
  return {
    ...{ truth, label, confidence, radii },
    fallsAt: radii.find(hasFallen)?.epsilon ?? null,
    fallsInBytesAt: radii.find(({ isKeptInBytes }) => isKeptInBytes)?.epsilon ?? null,
    warnings: [...warnings.values()],
  };
}
