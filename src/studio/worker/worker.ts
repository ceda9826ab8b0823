/** @file The worker of the page: it owns the runtime, the model and the pictures, and does one job after the other. */
import type { AttackResult } from "../../attacks/attack.ts";
import type { Classifier } from "../../classifier/classifier.ts";
import { classificationOf, mostProbable, sigmoidAt, softmaxAt } from "../../classifier/logits.ts";
import { decidesEachLabel } from "../../classifier/network/head/head.ts";
import type { ModelWarning } from "../../classifier/network/prepare-model.ts";
import { sizedPicture } from "../../classifier/preprocessing/fit-picture.ts";
import { isOpenToPictures } from "../../classifier/preprocessing/guess-preprocessing.ts";
import { pictureWarnings } from "../../classifier/preprocessing/picture-warnings.ts";
import { watchClassifier } from "../../classifier/watch-classifier.ts";
import { MisuseError, PerceptualBallError } from "../../errors.ts";
import { printable } from "../../escape-text.ts";
import { topCount } from "../../experiments/records/label-record.ts";
import type { ImageTensor, Picture } from "../../image/picture.ts";
import { readPicture } from "../../web/read-image.ts";
import type { Answer, ConeView, FittedPicture, JobName, Jobs, NetworkView, Order, RunQuestion } from "../protocol.ts";
import { type Engine, startEngine, watchDevice } from "./engine.ts";
import { fileBytes, networkView, type OpenModel, openModel, reopenModel } from "./model.ts";
import { encoded, pixelsOfImage, pixelsOfPicture, thumbnailOf } from "./pixels.ts";
import type { KeptExplanation, Subject } from "./runs.ts";
import { createGate, createTurns, type Gate, type Urgency } from "./turns.ts";

declare const packageVersion: string;

/** What a job hears of the page while it runs. */
interface Handle<N extends JobName> {
  readonly signal: AbortSignal;
  readonly gate: Gate;
  tell(event: Jobs[N]["event"]): void;
}

interface KnownPicture {
  readonly name: string;
  readonly picture: Picture | ImageTensor;
  /** Where the object is, of a scene. */
  readonly groundTruth?: readonly [number, number, number, number];
  /** What of the file is not looked at. */
  readonly notes: readonly ModelWarning[];
  logits?: Float32Array;
}

const pictures = new Map<string, KnownPicture>();
const explanations = new Map<string, { readonly kept: KeptExplanation; readonly subject: Subject }>();
const attacked = new Map<
  string,
  { readonly result: AttackResult; readonly seconds: number; readonly subject: Subject }
>();
let engine: Engine | undefined;
let opened: OpenModel | undefined;
let decisions = new Map<number, Classifier>();
/** Of the results that can be asked for again, so many of each kind are kept. */
const mostKept = 40;
let runs = 0;

function theEngine(): Engine {
  if (engine !== undefined) return engine;
  throw new MisuseError({ where: "worker", what: "no runtime was started", expected: "start before any other job" });
}

function theClassifier(): Classifier {
  if (opened?.classifier !== undefined) return opened.classifier;
  throw new MisuseError({ where: "studio", what: "there is no model that works", advice: "Open one first." });
}

function thePicture(key: string): KnownPicture {
  const found = pictures.get(key);
  if (found !== undefined) return found;
  throw new MisuseError({ where: "studio", what: "there is no such picture any more", advice: "Choose another one." });
}

function keep<T>(map: Map<string, T>, prefix: string, value: T): string {
  const key = `${prefix}${runs++}`;
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > mostKept && oldest !== undefined) map.delete(oldest);
  return key;
}

function fromMap<T>(map: ReadonlyMap<string, T>, key: string): T {
  const found = map.get(key);
  if (found !== undefined) return found;
  throw new MisuseError({ where: "studio", what: "this result is no longer kept", advice: "Run it again." });
}

/** Forgets what belongs to the classifier that was. */
async function closeModel(): Promise<void> {
  const open = [...decisions.values(), ...(opened?.classifier === undefined ? [] : [opened.classifier])];
  decisions = new Map();
  explanations.clear();
  attacked.clear();
  for (const known of pictures.values()) delete known.logits;
  await Promise.all(open.map((classifier) => classifier.dispose()));
}

async function logitsOf(key: string, signal: AbortSignal): Promise<Float32Array> {
  const known = thePicture(key);
  if (known.logits === undefined) {
    const classifier = theClassifier();
    const pass = await classifier.forward();
    const [logits] = await pass.run([classifier.fit(known.picture).data], { signal });
    known.logits = logits.slice();
  }
  return known.logits;
}

async function subjectOf(question: RunQuestion, signal: AbortSignal): Promise<Subject> {
  const whole = theClassifier();
  const known = thePicture(question.picture);
  const { name, picture } = known;
  const warnings = warningsOf(known, whole);
  const logits = await logitsOf(question.picture, signal);
  const { label: predicted } = classificationOf(logits);
  const input = whole.fit(picture);
  const model = { path: opened?.name ?? "", sha256: opened?.sha256 ?? "" };
  const versions = { perceptualBall: packageVersion, runtime: theEngine().description, platform: browserName() };
  const common = { name, picture, input, model, versions, warnings };
  if (!decidesEachLabel(whole.prepared.head)) {
    return { ...common, classifier: whole, label: question.label, target: question.target, predicted };
  }
  // Labels that are decided each by itself: the decision on one of them, whose second class is "present".
  const asked = question.label ?? predicted;
  const decision = decisions.get(asked) ?? whole.decision(asked);
  decisions.set(asked, decision);
  return { ...common, classifier: decision, label: 1, target: undefined, predicted: 1 };
}

function browserName(): string {
  const found = /(Firefox|Edg|Chrome|Version)\/([\d.]+)/.exec(navigator.userAgent);
  if (found === null) return "browser";
  const [, name, version] = found;
  return `${{ Edg: "Edge", Version: "Safari" }[name] ?? name} ${version}`;
}

// What is not needed for the first explanation is read when it is asked for.
type Doers = { readonly [N in JobName]: (input: Jobs[N]["input"], handle: Handle<N>) => Promise<Jobs[N]["output"]> };

const doers: Doers = {
  async start({ threads, processor }) {
    engine = await startEngine(processor, threads);
    return { runtime: engine.description };
  },

  async open({ model, beside, choices }) {
    const isSame = opened !== undefined && opened.name === model.name && reopening === model;
    const next =
      isSame && opened !== undefined
        ? await reopenModel(opened, choices, theEngine())
        : await openModel(model, beside, choices, theEngine());
    await closeModel();
    opened = next;
    reopening = model;
    return next.view;
  },

  async add({ key, file }) {
    if ("scene" in file) {
      const { renderScene, scenesSeeds } = await import("../../scenes/scenes.ts");
      const { image, box } = renderScene({ seed: scenesSeeds.bundled, index: file.scene });
      pictures.set(key, { name: file.name, picture: image, groundTruth: box, notes: [] });
      return pixelsOfImage(image);
    }
    const source = file.blob === undefined ? file.address : new File([file.blob], file.name);
    const notes: ModelWarning[] = [];
    const picture = await readPicture(source, { onNote: (message, code) => void notes.push({ code, message }) });
    pictures.set(key, { name: file.name, picture, notes });
    return thumbnailOf(picture);
  },

  async remove({ key }) {
    pictures.delete(key);
    return null;
  },

  async probe({ pictures: keys }, { signal }): Promise<NetworkView | null> {
    const classifier = theClassifier();
    if (opened === undefined) return null;
    // Every time from what the model says, and not from what fewer pictures said.
    const { guess: stated = classifier.guess } = opened;
    if (!isOpenToPictures(stated, classifier.input.channelCount)) return null;
    // Some may have been taken away meanwhile.
    const known = keys.flatMap((key) => pictures.get(key) ?? []);
    const images = known.map(({ picture }) => classifier.fit(picture));
    if (images.length === 0) return null;
    const { runtime, providers } = theEngine();
    const { probePreprocessing } = await import("../../classifier/preprocessing/probed/probe-preprocessing.ts");
    const unprobed = classifier.withPreprocessing(stated);
    const guess = await probePreprocessing(unprobed, images, { runtime, providers, signal });
    const probed = classifier.withPreprocessing(guess);
    await closeModel();
    opened = { ...opened, classifier: probed, guess: stated };
    return networkView(probed);
  },

  async fit({ picture }, { signal }): Promise<FittedPicture> {
    const classifier = theClassifier();
    const logits = await logitsOf(picture, signal);
    const isSeparate = decidesEachLabel(classifier.prepared.head);
    const top = mostProbable(logits, topCount).map((index) => ({
      index,
      name: classifier.labelName(index),
      confidence: isSeparate ? sigmoidAt(logits, index) : softmaxAt(logits, index),
    }));
    const known = thePicture(picture);
    return { pixels: pixelsOfImage(classifier.fit(known.picture)), top, warnings: warningsOf(known, classifier) };
  },

  async explain({ method, rule, watch, ...question }, { signal, gate, tell }) {
    const subject = await subjectOf(question, signal);
    const { explanationView, runExplanation } = await import("./runs.ts");
    const kept = await runExplanation(subject, method, question.settings, rule, {
      ...{ signal, gate },
      onProgress: ({ done, of }) => tell({ progress: { done, of } }),
      ...(watch ? { onFrame: (frame) => tell({ frame }) } : {}),
    });
    return explanationView(keep(explanations, "explanation-", { kept, subject }), kept.latest);
  },

  async attack({ attack, ...question }, { signal, gate, tell }) {
    const subject = await subjectOf(question, signal);
    const { attackView, runAttack } = await import("./runs.ts");
    const found = await runAttack(subject, attack, question.settings, {
      ...{ signal, gate },
      onProgress: ({ done, of }) => tell({ progress: { done, of } }),
      onFrame: (frame) => tell({ frame }),
    });
    return attackView(keep(attacked, "attack-", { ...found, subject }), subject.classifier, found);
  },

  async cone({ attack, step }, { signal, gate }): Promise<ConeView> {
    const { result, subject } = fromMap(attacked, attack);
    const pair = { image: subject.input.data, adversarial: result.raw.image.data, label: result.label };
    const { coneOf } = await import("../../experiments/cone/cone.ts");
    // Thousands of runs that nobody waits for: what is asked for passes in between, and so between single pictures. Batches are no faster here.
    const classifier = watchClassifier(subject.classifier, () => gate.passed());
    const { a, b, probability } = await coneOf(classifier, [pair], { step, directions: 1, batch: 1, signal });
    return { a, b, probability };
  },

  async maps({ picture, layer, of }) {
    const classifier = theClassifier();
    const clean = classifier.fit(thePicture(picture).picture).data;
    const { layerMaps } = await import("./look-inside.ts");
    return layerMaps(classifier, layer, clean, of === undefined ? undefined : perturbedImage(of));
  },

  async distances({ picture, of }) {
    const classifier = theClassifier();
    const { layerDistances } = await import("./look-inside.ts");
    return layerDistances(classifier, classifier.fit(thePicture(picture).picture).data, perturbedImage(of));
  },

  async detect({ of, statistics }, { signal, tell }) {
    const { result, subject } = fromMap(attacked, of);
    const { detectAttack } = await import("./detector.ts");
    const given = statistics && {
      name: statistics.name,
      text: new TextDecoder().decode(await fileBytes(statistics)),
    };
    return detectAttack(subject.classifier, result.rounded.image, {
      ...{ sha256: subject.model.sha256, ...(given && { given }) },
      signal,
      onProgress: (progress) => tell({ progress }),
    });
  },

  async download({ of, what, sliders, opacity }) {
    const { fileName, mapFile, npyFile, overlayFile, recordFile, reportFile } = await import("./downloads.ts");
    const [first] = of;
    const attack = first === undefined ? undefined : attacked.get(first);
    if (attack !== undefined) {
      const { result, subject, seconds } = attack;
      if (what === "record") {
        return recordFile(subject.name, result.attack, { ...(await attackRecordOf(subject, result)), seconds });
      }
      const name = fileName(subject.name, result.attack, "adversarial.png");
      return { name, blob: await encoded(pixelsOfImage(result.rounded.image)) };
    }
    const found = of.map((key) => fromMap(explanations, key));
    const written = await Promise.all(
      found.map(async ({ kept, subject }) => ({ subject, explained: await kept.again(sliders) })),
    );
    const [{ explained, subject }] = written;
    switch (what) {
      case "overlay":
        return overlayFile(subject, explained, sliders, opacity);
      case "map":
        return mapFile(subject.name, explained);
      case "npy":
        return npyFile(subject.name, explained);
      case "record":
        return recordFile(subject.name, explained.record.method, explained.record);
      case "perturbed": {
        const { perturbed } = explained.tiles;
        if (perturbed === undefined) throw new MisuseError({ where: "studio", what: "this method changes no picture" });
        const name = fileName(subject.name, explained.record.method, "perturbed.png");
        return { name, blob: await encoded(pixelsOfPicture(perturbed)) };
      }
      case "report": {
        const { classCount, layers } = theClassifier();
        const model = {
          ...{ name: opened?.name ?? "", sha256: opened?.sha256 ?? "", classCount, operations: layers.length },
          parameters: layers.reduce((sum, layer) => sum + layer.parameters, 0),
        };
        return reportFile(
          model,
          written.map((each) => each.explained),
        );
      }
    }
  },
};

/** The pixels that a run ended with: an explanation's perturbed picture, or an attack's. */
function perturbedImage(key: string): Float32Array {
  const attack = attacked.get(key);
  if (attack !== undefined) return attack.result.raw.image.data;
  const { perturbed } = fromMap(explanations, key).kept.latest.arrays;
  if (perturbed !== undefined) return perturbed.data;
  throw new MisuseError({ where: "studio", what: "this method changes no picture" });
}

/** What must be known of a picture before its results are trusted, each with its name. */
function warningsOf({ name, picture, notes }: KnownPicture, { input }: Classifier): ModelWarning[] {
  const warnings = pictureWarnings(sizedPicture(picture), input.geometry);
  return [...notes, ...warnings.map(({ code, message }) => ({ code, message: `${name}: ${message}` }))];
}

async function attackRecordOf({ classifier, name, model, versions, warnings }: Subject, result: AttackResult) {
  const { attackRecord, findingOf } = await import("../../experiments/attack/record.ts");
  const { alternatives: _, ...head } = classifier.prepared.head;
  const { attackNamed } = await import("./techniques.ts");
  const { title } = attackNamed(result.attack);
  return attackRecord({
    ...{ image: name, attack: result.attack, attackTitle: title, model, versions, head, files: {} },
    ...{ classifier, warnings: [...classifier.warnings, ...warnings], finding: findingOf(result) },
  });
}

/** The file that is open, so that the same one need not be read again. */
let reopening: Jobs["open"]["input"]["model"] | undefined;

const handles = new Map<number, { readonly abort: AbortController; readonly gate: Gate }>();
const turns = createTurns();

/** What nobody looks at yet comes after everything else. */
function urgencyOf(order: Extract<Order, { readonly job: JobName }>): Urgency {
  return order.job === "cone" || (order.job === "explain" && !order.input.watch) ? "background" : "asked";
}

const post = (answer: Answer): void => self.postMessage(answer, { transfer: buffersOf(answer) });

self.addEventListener("message", ({ data }: MessageEvent<Order>) => {
  if ("ping" in data) {
    post({ pong: true });
  } else if ("cancel" in data) {
    const handle = handles.get(data.id);
    handle?.abort.abort();
    handle?.gate.hold(false);
  } else if ("hold" in data) {
    handles.get(data.id)?.gate.hold(data.hold);
  } else {
    const handle = { abort: new AbortController(), gate: createGate(turns, urgencyOf(data)) };
    handles.set(data.id, handle);
    void perform(data, handle).finally(() => handles.delete(data.id));
  }
});

async function perform(
  order: Extract<Order, { readonly job: JobName }>,
  { abort, gate }: { readonly abort: AbortController; readonly gate: Gate },
): Promise<void> {
  const { id, job, input } = order;
  await turns.take(urgencyOf(order));
  try {
    abort.signal.throwIfAborted();
    const handle = { signal: abort.signal, gate, tell: (event: Jobs[JobName]["event"]) => post({ id, event }) };
    const work = doers[job] as (input: unknown, handle: object) => Promise<Jobs[JobName]["output"]>;
    post({ id, output: fitToShow(await work(input, handle)) });
  } catch (error) {
    const message = printable((error instanceof Error ? error.message : String(error)).replaceAll("\n", " "));
    const isAborted = abort.signal.aborted || (error instanceof Error && error.name === "AbortError");
    const isOutOfMemory = !isAborted && lacksMemory(error);
    const isDefect = !isOutOfMemory && !(error instanceof PerceptualBallError);
    post({ id, error: { message, isAborted, isDefect, isOutOfMemory } });
  } finally {
    turns.give();
    if (engine !== undefined) void watchDevice(engine, (lost) => self.postMessage({ lost } satisfies Answer));
  }
}

/** `value` with all texts fit to be shown: many come from files. */
function fitToShow<T>(value: T): T {
  if (typeof value === "string") return printable(value) as T;
  if (Array.isArray(value)) return value.map(fitToShow) as T;
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value) || value instanceof Blob) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, fitToShow(part)])) as T;
}

/** Whether `error` says that memory is at its end: the runtime's, or the page's own. */
function lacksMemory(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  // A trap leaves the runtime in a state that nothing can be done with, and lack of memory is what traps are made of.
  if (error instanceof WebAssembly.RuntimeError || /out of memory/i.test(error.message)) return true;
  const isOwn = error instanceof RangeError && /allocation|array length/i.test(error.message);
  return isOwn || (error.cause !== error && lacksMemory(error.cause));
}

/** The buffers of what is posted, which nobody here needs any more. */
function buffersOf(value: unknown, found: Set<ArrayBuffer> = new Set()): ArrayBuffer[] {
  if (ArrayBuffer.isView(value)) {
    if (value.buffer instanceof ArrayBuffer) found.add(value.buffer);
  } else if (typeof value === "object" && value !== null && !(value instanceof Blob)) {
    for (const part of Object.values(value)) buffersOf(part, found);
  }
  return [...found];
}
