/** @file `explain` at work: picture by picture, what is finished, what failed, and the page. */
import { existsSync } from "node:fs";
import { basename } from "node:path";
import type { Region } from "../../classifier/preprocessing/region-mask.ts";
import { watchClassifier } from "../../classifier/watch-classifier.ts";
import { BadInputError, throwIfAborted } from "../../errors.ts";
import type { ExplanationRecord } from "../../experiments/explanation/record.ts";
import type { ImageTensor, Picture } from "../../image/picture.ts";
import { isEndpoint } from "../../node/endpoint/open-endpoint.ts";
import type { FileClassifier } from "../../node/models/load-classifier.ts";
import type { WorkerChannel } from "../../node/records/workers.ts";
import type { RunMark } from "../../node/run-folder.ts";
import {
  type ExplanationRun,
  explainPicture,
  type PictureExplanation,
} from "../../report/explanation/explain-picture.ts";
import { searchRecorder } from "../../report/explanation/search-frames.ts";
import { runSummary, summaryLine } from "../../report/explanation/sentences.ts";
import { usualMethods } from "../../report/explanation/usual-methods.ts";
import {
  type CliContext,
  exitCodes,
  isInterruption,
  notesOf,
  reportInterruption,
  say,
  sayAside,
  sayJson,
} from "../context.ts";
import { modelPathOf } from "../flags/endpoint-flags.ts";
import { type ExplainFlags, localizationRuleOf } from "../flags/explain-flags.ts";
import { smoothingOf } from "../flags/smoothing-flags.ts";
import type { PictureSource } from "../pictures.ts";
import { createProgress, describeSeconds, type ProgressDisplay } from "../progress.ts";
import { explainReport, type Film } from "../reports/explain-report.ts";
import { describeReplaced, openPage, sayPage } from "../reports/page-link.ts";
import { executable } from "../run-in-workers.ts";
import { measuredWorkers } from "../share-of-cores.ts";
import { explainInWorkers, PictureError, type ReceivedPicture, serveExplanations } from "./explain-in-workers.ts";
import { type PictureLoader, pictureLoader } from "./picture-loader.ts";
import { subjectsOf } from "./subjects.ts";

/** One run of `explain`. */
export interface Explaining extends Pick<PictureLoader, "load" | "samples"> {
  readonly progress: ProgressDisplay;
  /** Explains the pictures, writes the page, and says how it went. */
  explainAll(sources: readonly PictureSource[], task: Task): Promise<void>;
  /** In a child process: explains the pictures that its parent asks for, and writes nothing. */
  serve(sources: readonly PictureSource[], task: Task, channel: WorkerChannel): Promise<void>;
}

/** An explanation, and the film of its search where one is asked for. */
interface Explained {
  readonly explanation: PictureExplanation;
  readonly film: Film | undefined;
}

/** Workers are decided on after so many seconds behind the first picture, which also holds the opening of sessions. */
const measuredSeconds = 1;

/** What is explained of each picture, and by what. */
export interface Task {
  readonly classifier: FileClassifier;
  readonly methods: readonly ExplanationRun[];
  readonly versions: ExplanationRecord["versions"];
}

/** A run with these flags on these pictures, which may change in `region` only. Throws as `explainReport` does. */
export function explainingOf(
  flags: ExplainFlags,
  context: CliContext,
  pictures: readonly PictureSource[],
  region: Region | undefined,
): Explaining {
  const report = explainReport(flags, pictures);
  const total = pictures.length;
  const { io } = context;
  const { json } = flags;
  const smoothing = smoothingOf(flags);
  // Of the two that nobody asked for by name, one line is enough: that with the picture's box.
  const [usual, beside] = usualMethods;
  const isSaid = ({ method }: ExplanationRecord): boolean => flags.method !== undefined || method !== beside;
  const isNamed = ({ method }: ExplanationRecord): boolean => flags.method !== undefined || method !== usual;
  const progress = createProgress(io.stderr, { quiet: flags.quiet ?? false });
  const note = notesOf(io, { ...flags, progress });
  const { load, samples, take, takeOrThrow, fail, failures } = pictureLoader(context, progress, region);
  const subjects = subjectsOf(flags.label, io.signal);

  /** The explanations of a picture, one by each method. */
  async function* explained(
    source: PictureSource,
    picture: Picture | ImageTensor,
    { classifier, methods, versions }: Task,
    show: (share: number) => void,
    signal = io.signal,
  ): AsyncGenerator<Explained, void> {
    const { animate, colorMap, seed, target } = flags;
    // A request takes longer on its way than some images more in it.
    const batch = flags.batch ?? (isEndpoint(classifier) ? classifier.mostImages : undefined);
    try {
      const { classifier: asked, label } = await subjects.of(classifier, picture);
      const recorder = animate ? searchRecorder() : undefined;
      const watched = recorder === undefined ? asked : watchClassifier(asked, recorder.see);
      const explanations = explainPicture(watched, picture, methods, {
        ...{ image: source.image, groundTruth: source.groundTruth, folder: source.name, warnings: source.warnings() },
        ...{ label, target, region, batch, seed, colorMap, localizationRule: localizationRuleOf(flags) },
        smoothing,
        model: { path: modelPathOf(flags, classifier), sha256: classifier.file.sha256 },
        versions,
        signal,
        onProgress: ({ done, of }) => show(of > 0 ? done / of : 1),
      });
      for await (const explanation of explanations) {
        throwIfAborted(signal, "explain");
        yield { explanation, film: recorder && { search: recorder.take(), labelName: asked.labelName } };
      }
    } catch (error) {
      // What the network, or a server, makes of this picture says nothing of the next one.
      throw error instanceof BadInputError ? new PictureError(error) : error;
    }
  }

  /** Writes and says what was found in a picture. */
  async function write(source: PictureSource, found: AsyncIterable<Explained> | Iterable<Explained>): Promise<void> {
    try {
      for await (const { explanation, film } of found) {
        await report.add(explanation, film);
        const { record } = explanation;
        progress.around(() => {
          if (json) sayJson(io, record);
          else if (isSaid(record)) say(io, summaryLine(record, { isNamed: isNamed(record) }));
        });
      }
    } finally {
      await report.endPicture(source);
    }
  }

  async function explainHere(sources: readonly PictureSource[], index: number, task: Task): Promise<void> {
    const source = sources[index];
    const picture = await take(source, task.classifier.input);
    if (picture === undefined) return;
    const show = (share: number): void => progress.update((index + share) / sources.length, basename(source.image));
    show(0);
    try {
      await write(source, explained(source, picture, task, show));
    } catch (error) {
      if (!(error instanceof PictureError)) throw error;
      fail(source, error.cause);
    }
  }

  /** Explains the pictures from `from` on in child processes, and writes them in their order as they come; what no child could do, here. */
  async function explainThere(
    sources: readonly PictureSource[],
    from: number,
    workers: number,
    task: Task,
  ): Promise<void> {
    const received = new Map<string, ReceivedPicture>();
    const stop = new AbortController();
    let [turn, done] = [from, from];
    const writeReceived = async (): Promise<void> => {
      for (;;) {
        const source = sources.at(turn);
        const picture = source && received.get(source.name);
        if (source === undefined || picture === undefined) return;
        received.delete(source.name);
        turn++;
        if (picture.error === undefined) await write(source, withoutFilms(picture.explanations));
        else fail(source, picture.error);
      }
    };
    let writing = Promise.resolve();
    const advance = (): void => {
      writing = writing.then(writeReceived);
      // A full disk ends the children as well; it is thrown when they have ended.
      writing.catch(() => stop.abort());
    };
    await explainInWorkers({
      ...{ context, sources, from, workers },
      hasThreads: flags.threads !== undefined,
      signal: AbortSignal.any([io.signal, stop.signal]),
      onPicture(name, picture) {
        received.set(name, picture);
        progress.update(++done / sources.length, basename(name));
        advance();
      },
      onDeath: ({ worker, reason }) => note(`worker ${worker} has died (${reason}); its picture is not lost.`),
    });
    await writing;
    throwIfAborted(io.signal, "explain");
    while (turn < sources.length) {
      if (!received.has(sources[turn].name)) await explainHere(sources, turn++, task);
      await writeReceived();
    }
  }

  /** The pictures here, until it is known that several processes pay off. */
  async function explainEach(sources: readonly PictureSource[], task: Task): Promise<void> {
    const began = process.uptime();
    const started = performance.now();
    const seconds = (): number => (performance.now() - started) / 1000;
    // Films are made of what a search looks at, here.
    let workers = flags.animate ? 1 : flags.workers;
    if (workers === "auto" && !existsSync(executable)) workers = 1;
    let first = 0;
    for (let next = 0; next < sources.length; ) {
      if (workers !== "auto" && workers > 1) {
        await explainThere(sources, next, workers, task);
        return;
      }
      await explainHere(sources, next++, task);
      if (next === 1) first = seconds();
      else if (workers === "auto" && seconds() - first >= measuredSeconds) {
        const secondsPerItem = (seconds() - first) / (next - 1);
        const startSeconds = began + Math.max(0, first - secondsPerItem);
        const measured = measuredWorkers({ open: sources.length - next, secondsPerItem, startSeconds });
        workers = measured.workers;
        if (workers > 1) note(measured.text);
      }
    }
  }

  async function serve(sources: readonly PictureSource[], task: Task, channel: WorkerChannel): Promise<void> {
    try {
      await serveExplanations(channel, sources, async function* (source, signal) {
        const picture = await takeOrThrow(source, task.classifier.input);
        for await (const { explanation } of explained(source, picture, task, () => undefined, signal))
          yield explanation;
      });
    } finally {
      await subjects.dispose();
    }
    // A picture that cannot be read is for the parent to report.
    context.exitCode = exitCodes.done;
  }

  async function explainAll(sources: readonly PictureSource[], task: Task): Promise<void> {
    const { classifier, methods } = task;
    const started = performance.now();
    const { page, records } = report;
    let isInterrupted = false;
    let replaced: RunMark | undefined;
    progress.begin();
    try {
      await explainEach(sources, task);
    } catch (error) {
      if (!isInterruption(error)) throw error;
      isInterrupted = true;
    } finally {
      progress.stop();
      replaced = await report.finish(classifier, failures);
      await subjects.dispose();
    }
    if (replaced !== undefined) note(`${page} replaces ${describeReplaced(replaced)}`);
    if (isInterrupted) {
      // A picture is finished when all of its methods are.
      const counts = new Map<string, number>();
      for (const { image } of records) counts.set(image, (counts.get(image) ?? 0) + 1);
      const done = [...counts.values()].filter((count) => count >= methods.length).length;
      reportInterruption(context, { done, of: total, keptIn: records.length === 0 ? undefined : page });
      return;
    }
    if (records.length === 0) return;
    const shown = records.filter(isSaid);
    const took = describeSeconds((performance.now() - started) / 1000);
    if (!json) {
      say(io, "", runSummary(shown, { took, failed: failures.length }));
      sayPage(io, page);
    }
    const complaint = flags.open ? await openPage(page, io.env) : undefined;
    if (complaint !== undefined) sayAside(io, `perceptual-ball: ${complaint}`);
  }

  return { progress, load, samples, explainAll, serve };
}

function withoutFilms(explanations: readonly PictureExplanation[]): Explained[] {
  return explanations.map((explanation) => ({ explanation, film: undefined }));
}
