/** @file `perceptual-ball benchmark detection --detector …`: detectors × attacks, also attacks that know them. */
import { basename, join } from "node:path";
import { type Command, Option } from "commander";
import { findAttack } from "../../attacks/attacks.ts";
import { usualFalsePositiveRate } from "../../detection/define-detector.ts";
import { detectorNamed } from "../../detection/detectors.ts";
import { MisuseError } from "../../errors.ts";
import { type DetectorRun, type PlannedRun, planRuns } from "../../experiments/detectors/detector-run.ts";
import {
  type DetectorsItem,
  type DetectorsSettings,
  detectorsBatchOf,
  detectorsCompute,
  detectorsIdentity,
  detectorsItems,
  type KnowingRun,
} from "../../experiments/detectors/protocol.ts";
import { type DetectorRecord, isDetectorRecord } from "../../experiments/detectors/record.ts";
import { detectorsSummary } from "../../experiments/detectors/summary.ts";
import { checkWritableFolder } from "../../node/check-folder.ts";
import { detectorsLines, detectorsObjects } from "../../report/detectors/tables.ts";
import { notesOf, say, sayJson } from "../context.ts";
import { type DetectionDataFlags, detectionData, fingerprintedParts, testedSamples } from "../detection-data.ts";
import type { ExperimentContext } from "../experiment-run.ts";
import { type AttackRunFlags, attackRunsOf, comparedAttacks } from "../flags/attack-flags.ts";
import type { ExperimentFlags } from "../flags/experiment-flags.ts";
import type { ModelFlags } from "../flags/model-flags.ts";
import type { NoiseFlags } from "../flags/noise-flags.ts";
import { number, words } from "../flags/parse-values.ts";
import {
  attackKind,
  detectorKind,
  type GivenVariant,
  givenVariant,
  readSettings,
  runsOf,
  several,
} from "../flags/runnables.ts";
import { loadRuntime, type RuntimeFlags } from "../flags/runtime-flags.ts";
import { openClassifier } from "../open-classifier.ts";
import { writeDetectorsReport } from "../reports/write-detectors-report.ts";
import { conductExperiment, shareFinished } from "../run-resumable.ts";
import { benchmarkVersions } from "../versions.ts";

/** The flags of the comparison besides those of the benchmark of the statistical test. */
export interface DetectorCompareFlags {
  readonly detector?: readonly string[];
  readonly detectorVariant?: readonly GivenVariant[];
  readonly adaptive?: boolean;
  readonly eotCopies?: number;
  readonly fitAttack?: readonly string[];
  readonly fitImages?: number;
  readonly against?: string;
}

interface Flags
  extends ModelFlags,
    DetectionDataFlags,
    AttackRunFlags,
    NoiseFlags,
    RuntimeFlags,
    ExperimentFlags,
    DetectorCompareFlags {
  readonly pixels?: DetectorsSettings["pixels"];
}

/** So many images are attacked in lockstep, and lost when the run is killed. */
const imagesPerBatch = 16;

/** As in the source of the attack. */
const publishedCopies = 40;

export function addDetectorFlags(command: Command): void {
  const add = (option: Option): Command => command.addOption(option.helpGroup("Detectors:"));
  add(
    new Option(
      "--detectors, --detector <list>",
      `all, or some of ${detectorKind.all.map(({ name }) => name).join(", ")} (default: Table 2)`,
    ).argParser(words("--detector")),
  );
  add(
    new Option(
      "--detector-variant <name=detector,…>",
      "one of them once more with other settings, such as near=lid,neighbors=5; may be repeated",
    ).argParser(several(givenVariant("detector"))),
  );
  add(
    new Option(
      "--adaptive",
      "adds attacks that know of detectors: logit-match, also under noise, feature-match, orthogonal-pgd on each",
    ),
  );
  const copies = number("--eot-copies", { min: 1, max: 1000, integer: true });
  add(
    new Option("--eot-copies <n>", `noisy copies of logit-match under noise (default: ${publishedCopies})`).argParser(
      copies,
    ),
  );
  add(
    new Option("--fit-attack <list>", "attacks that detectors learn from which do (default: pgd)").argParser(
      words("--fit-attack"),
    ),
  );
  const images = number("--fit-images", { min: 1, integer: true });
  add(
    new Option(
      "--fit-images <n>",
      "training images that they learn from, the first n not held out (default: 300)",
    ).argParser(images),
  );
  add(new Option("--against <attack>", "the attack that others are compared with (default: the first)"));
}

/** Whether the flags ask for a comparison of detectors; throws a MisuseError for flags of the other benchmark. */
export function wantsDetectors(flags: DetectorCompareFlags, command: Command): boolean {
  const isWanted = flags.detector !== undefined || flags.detectorVariant !== undefined;
  const own = ["adaptive", "eotCopies", "fitAttack", "fitImages", "against"] as const;
  const lost = isWanted ? ["justDetect", "noise", "correctionNoise", "batch"] : own;
  const given = lost.find((name) => command.getOptionValueSource(name) === "cli");
  if (given === undefined) return isWanted;
  const flag = `--${given.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  throw new MisuseError({
    where: flag,
    what: isWanted ? "belongs to Table 2, which --detector takes the place of" : "belongs to a comparison of detectors",
    expected: isWanted ? "no --detector beside it" : "--detector beside it",
    advice: isWanted ? undefined : "--detector all compares them all.",
  });
}

export async function compareDetectors(flags: Flags, command: Command, context: ExperimentContext): Promise<void> {
  const detectorRuns = detectorRunsOf(flags, command);
  const asked = attackRunsOf(flags, comparedAttacks);
  checkWritableFolder(flags.out);
  const { io } = context;
  const { signal } = io;
  const note = notesOf(io, flags);
  const runtime = await loadRuntime(flags);
  const classifier = await openClassifier(flags, {
    ...{ runtime, signal, note },
    isLabelled: true,
    samples: testedSamples(flags, { signal }),
  });
  try {
    const runs = planRuns(detectorRuns, classifier);
    const attacks: KnowingRun[] = [...asked, ...(flags.adaptive === true ? adaptiveRuns(runs, flags) : [])];
    checkReference(flags.against, attacks);
    const settings: DetectorsSettings = {
      pixels: flags.pixels ?? "bytes",
      falsePositiveRate: flags.falsePositiveRate ?? usualFalsePositiveRate,
      seed: flags.seed,
      fitAttacks: fitAttacksOf(flags),
    };
    for (const { attack, settings: own } of [...attacks, ...settings.fitAttacks]) attack.check(classifier, own);
    const data = await fingerprintedParts(await detectionData(flags, classifier, { note, signal }), { signal });
    const items = detectorsItems(data, attacks, runs, settings);
    const versions = benchmarkVersions(runtime);
    const { file } = classifier;
    const named = { name: data.name, labels: flags.label ?? "dataset" };
    const conducted = await conductExperiment<DetectorsItem, DetectorRecord>({
      ...{ flags, context, items, run: versions },
      identity: detectorsIdentity(classifier, file.sha256, named, runs, settings),
      isResult: isDetectorRecord,
      batchSize: imagesPerBatch,
      batchOf: detectorsBatchOf,
      compute: detectorsCompute(classifier, data, runs, settings),
    });
    if (conducted === undefined) return;
    const { store, isInterrupted } = conducted;
    // Attacks may be missing from a report, but not what detectors are fitted to and judged by.
    const isJudgeable = items.every(
      ({ key, split, run }) => (split === "test" && run !== undefined) || store.finished(key) !== undefined,
    );
    if (isInterrupted && !isJudgeable) return;
    if (flags.shard !== undefined) {
      note(shareFinished);
      return;
    }
    const summary = await detectorsSummary(store, {
      ...{ classifier, items, attacks, runs, settings, reference: flags.against, run: versions },
      model: { name: basename(file.path), sha256: file.sha256 },
      data: { name: data.name, train: data.train.length, test: data.test.length },
    });
    await writeDetectorsReport(flags.out, summary);
    if (flags.json) for (const object of detectorsObjects(summary)) sayJson(io, object);
    else say(io, ...detectorsLines(summary), "", `Report: ${join(flags.out, "index.html")}`);
  } finally {
    await classifier.dispose();
  }
}

/** The detectors that the flags mean, variants last; flags of noise are settings of the statistical test. */
function detectorRunsOf(flags: Flags, command: Command): DetectorRun[] {
  const named = runsOf(detectorKind, { detector: flags.detector ?? [] }, { fallback: [], mayBeNone: true });
  const given = (name: "samples" | "antithetic"): boolean => command.getOptionValueSource(name) === "cli";
  const ofOdds = {
    ...(given("samples") ? { samples: flags.samples, antithetic: flags.antithetic ?? false } : {}),
    ...(given("antithetic") ? { antithetic: true } : {}),
    ...(flags.seed === 0 ? {} : { seed: flags.seed }),
  };
  const runs = named.map(({ name, of }) => ({ name, detector: of, settings: name === "odds" ? ofOdds : {} }));
  const variants = (flags.detectorVariant ?? []).map(({ name, of, settings }): DetectorRun => {
    const detector = detectorNamed(of);
    return { name, detector, settings: readSettings(detector.name, detector.settings, settings) };
  });
  return [...runs, ...variants];
}

/** Attacks that know: of clean images to imitate, or of a detector whose score is a graph. */
function adaptiveRuns(runs: readonly PlannedRun[], { eotCopies = publishedCopies }: Flags): KnowingRun[] {
  const logits = findAttack("logit-match");
  const orthogonal = findAttack("orthogonal-pgd");
  return [
    { name: "logit-match", attack: logits, settings: {}, knows: "guides" },
    { name: "logit-match, noise", attack: logits, settings: { copies: eotCopies }, knows: "guides" },
    { name: "feature-match", attack: findAttack("feature-match"), settings: {}, knows: "guides" },
    ...runs
      .filter(({ plan }) => plan.hasGraph)
      .map(
        ({ name }): KnowingRun => ({
          name: `orthogonal, ${name}`,
          attack: orthogonal,
          settings: {},
          knows: { detector: name },
        }),
      ),
  ];
}

function fitAttacksOf({ fitAttack = ["pgd"], fitImages = 300 }: Flags): KnowingRun[] {
  return runsOf(attackKind, { attack: fitAttack }, { fallback: ["pgd"] }).map(({ name, of, settings }) => ({
    ...{ name, attack: of, settings, images: fitImages },
  }));
}

function checkReference(against: string | undefined, attacks: readonly KnowingRun[]): void {
  if (against === undefined || attacks.some(({ name }) => name === against)) return;
  throw new MisuseError({
    where: "--against",
    what: "no such attack runs",
    expected: `one of ${attacks.map(({ name }) => name).join(", ")}`,
    got: JSON.stringify(against),
  });
}
