/** @file What the page knows: the model, the pictures, the runs; and what can be done with them. */
import { computed, signal } from "@preact/signals";
import { usualBox } from "../../localization/localize-map.ts";
import type { ThresholdRule } from "../../localization/threshold.ts";
import type {
  AttackView,
  ConeView,
  DetectorView,
  Download,
  ExplanationView,
  FileView,
  FittedPicture,
  Frame,
  LayerDistance,
  LayerMaps,
  ModelChoices,
  ModelView,
  NetworkView,
  PictureFile,
  PixelsView,
  Processor,
  ProgressView,
  TechniqueView,
} from "../protocol.ts";
import { sliderRule } from "../slider-rule.ts";
import { strings } from "../strings.ts";
import { address, choose, settingsOf } from "./address.ts";
import { begun, continued, type RunState, stopped, withFrame, withProgress } from "./run-state.ts";
import { createWorkerClient, JobError, type RunningJob, type WorkerClient } from "./worker-client.ts";

export interface PictureEntry {
  readonly key: string;
  readonly file: PictureFile;
  /** Small, as it is, before the network has seen it. */
  readonly small?: PixelsView;
  readonly fitted?: FittedPicture;
  readonly error?: string;
}

export interface ModelState {
  readonly file: FileView;
  readonly beside: readonly FileView[];
  readonly choices: ModelChoices;
  readonly status: "opening" | "open" | "failed";
  readonly view?: ModelView;
  readonly error?: string;
}

/** A method in the grid. */
export type GridCell =
  | { readonly status: "waiting" | "running"; readonly progress?: ProgressView; readonly started?: number }
  | { readonly status: "done"; readonly view: ExplanationView }
  | { readonly status: "failed"; readonly error: string };

export const ready = signal(false);
export const runtimeName = signal("");
/** Whether there is a graphics processor worth using: software that pretends to be one is slower than WebAssembly. */
export const hasGraphics = signal(false);
export const model = signal<ModelState | undefined>(undefined);
export const pictures = signal<readonly PictureEntry[]>([]);
export const explainRun = signal<RunState<ExplanationView> | undefined>(undefined);
export const attackRun = signal<RunState<AttackView> | undefined>(undefined);
export const cone = signal<{ readonly of: string; readonly view?: ConeView; readonly error?: string } | undefined>(
  undefined,
);
export const detector = signal<
  | { readonly of: string; readonly progress?: ProgressView; readonly view?: DetectorView; readonly error?: string }
  | undefined
>(undefined);
/** Of a file with the detector's statistics, for the model that is open. */
export const statisticsFile = signal<FileView | undefined>(undefined);
export const grid = signal<Readonly<Record<string, GridCell>>>({});
export const layerMaps = signal<{ readonly view?: LayerMaps; readonly error?: string } | undefined>(undefined);
export const layerDistances = signal<
  { readonly of: string; readonly view?: readonly LayerDistance[]; readonly error?: string } | undefined
>(undefined);
/** What happened last, for those who do not see it. */
export const status = signal("");
/** What went wrong, until it is dismissed or something else is begun. */
export const problem = signal("");
/** Seconds per forward run, of which a gradient is three; undefined before the first run has ended. */
export const pace = signal<number | undefined>(undefined);
/** How many runs of the network `pace` was measured with. */
let runsOfPace = 0;

export const network = computed<NetworkView | undefined>(() => model.value?.view?.network);
export const picture = computed<PictureEntry | undefined>(() => {
  const list = pictures.value;
  return list[Math.min(address.value.picture, list.length - 1)];
});
export const isIsolated = globalThis.crossOriginIsolated === true;
/** More threads than cores are of no use, and more than four rarely are. */
export const threads = isIsolated
  ? (address.value.threads ?? Math.max(1, Math.min(4, Math.ceil((navigator.hardwareConcurrency || 2) / 2))))
  : 1;

/** In forward runs: what is computed in the grid without being asked for, unless that takes too long on this machine. */
const cheapRuns = 40;
const cheapSeconds = 5;

let client: WorkerClient | undefined;
/** Who opens a model last is who goes on: files are dropped while others are still being opened. */
let newest = 0;
const beginOpening = (): number => {
  newest++;
  return newest;
};
let nextKey = 0;

function worker(): WorkerClient {
  if (client !== undefined) return client;
  throw new Error("the studio has not been started");
}

/** Reads `text` out; what is an error is shown as well. */
export function say(text: string, isError = false): void {
  if (isError) problem.value = text;
  else status.value = text;
}

/** What went wrong, in words; a defect says that it is one. */
function wordsOf(error: unknown): string {
  if (error instanceof JobError) return error.isDefect ? strings.errors.defect(error.message) : error.message;
  return strings.errors.defect(error instanceof Error ? error.message : String(error));
}

const isAborted = (error: unknown): boolean => error instanceof JobError && error.isAborted;

/** Starts the worker and opens what the address names, or what comes with the page. */
export async function startStudio(makeWorker: () => Worker, bundledModel: string): Promise<void> {
  client = createWorkerClient(makeWorker, {
    onDeath: (reason) => void replaceDead(reason),
    onLost(reason) {
      say(strings.errors.deviceLost(reason), true);
      choose({ processor: undefined });
      leaveWorker();
      void reviveWorker(true);
    },
  });
  void findGraphics();
  wakeUp();
  const { model: given, beside, files } = address.value;
  const chosen = given === undefined ? bundledFile(bundledModel) : linkedFile(given);
  const linked = files.map((file): PictureFile => linkedFile(file));
  pictures.value = (linked.length > 0 ? linked : sceneFiles()).map(entryOf);
  const mine = beginOpening();
  try {
    await startRuntime();
    if (mine === newest) await openModel(mine, chosen, beside.map(linkedFile));
  } catch (error) {
    if (!isAborted(error)) throw error;
  } finally {
    ready.value = true;
  }
}

const bundledFile = (path: string): FileView => ({
  name: "scenes-vgg.onnx",
  address: new URL(path, document.baseURI).href,
});

/** A file at an address; relative ones are meant relative to the page. */
function linkedFile(path: string): FileView {
  const url = new URL(path, document.baseURI);
  return { name: decodeURIComponent(url.pathname.split("/").at(-1) ?? path), address: url.href };
}

function sceneFiles(): PictureFile[] {
  return Array.from({ length: 6 }, (_, scene) => ({ name: `scene-${scene + 1}`, scene }));
}

const entryOf = (file: PictureFile): PictureEntry => ({ key: `picture-${nextKey++}`, file });

/** Starts what computes; where WebGPU does not, WebAssembly. */
async function startRuntime(): Promise<void> {
  const { processor = "wasm" } = address.value;
  try {
    const { runtime } = await worker().run("start", { threads, processor }).output;
    runtimeName.value = runtime;
  } catch (error) {
    if (processor === "wasm" || isAborted(error)) throw error;
    say(strings.errors.noDevice(wordsOf(error)), true);
    choose({ processor: undefined });
    await startRuntime();
  }
}

async function findGraphics(): Promise<void> {
  const { gpu } = navigator as { readonly gpu?: { requestAdapter(): Promise<GraphicsAdapter | null> } };
  const adapter = await gpu?.requestAdapter().catch(() => null);
  const { isFallbackAdapter = adapter?.isFallbackAdapter, architecture } = adapter?.info ?? {};
  hasGraphics.value = Boolean(adapter) && isFallbackAdapter !== true && architecture !== "swiftshader";
}

/** The part of WebGPU's adapter that says what it is. */
interface GraphicsAdapter {
  readonly isFallbackAdapter?: boolean;
  readonly info?: { readonly isFallbackAdapter?: boolean; readonly architecture?: string };
}

/** Computes on something else from now on, with the same model and pictures. */
export async function changeProcessor(processor: Processor): Promise<void> {
  choose({ processor: processor === "wasm" ? undefined : processor });
  problem.value = "";
  leaveWorker();
  await reviveWorker(true);
}

/** Longer than any single run of a network that fits into a page, in milliseconds. */
const patience = 45_000;

/** A tab that has slept may have lost its worker without an error. */
function wakeUp(): void {
  const check = (): void => {
    if (document.visibilityState === "visible") client?.checkAlive(patience);
  };
  document.addEventListener("visibilitychange", check);
  document.addEventListener("resume", check);
  addEventListener("pageshow", ({ persisted }) => {
    if (persisted) check();
  });
}

/** When workers died of themselves, in milliseconds: a model that one dies of again and again is not opened again. */
let deaths: readonly number[] = [];
const deathSpan = 120_000;

/**
 * After the worker died: a new one, with the same model and pictures. What it did when it died is not begun again by itself.
 */
async function replaceDead(reason: string): Promise<void> {
  const now = performance.now();
  deaths = [...deaths.filter((at) => now - at < deathSpan), now];
  const isHopeless = deaths.length > 1;
  say(isHopeless ? strings.errors.diesAgain(reason) : strings.errors.restarted(reason), true);
  const state = model.value;
  if (!isHopeless || state === undefined) {
    await reviveWorker(false);
    return;
  }
  deaths = [];
  clearResults();
  model.value = { ...state, status: "failed", view: undefined, error: strings.errors.diesAgain(reason) };
  await startRuntime();
}

/** A new worker with the same model and pictures. */
async function reviveWorker(isToExplain: boolean): Promise<void> {
  const state = model.value;
  const mine = beginOpening();
  try {
    await startRuntime();
    if (state !== undefined && mine === newest) {
      await openModel(mine, state.file, state.beside, state.choices, { isToExplain });
    }
  } catch (error) {
    if (!isAborted(error)) say(wordsOf(error), true);
  }
}

/** Forgets what was found out about the picture. */
function clearPicture(): void {
  endAllJobs();
  explainRun.value = undefined;
  attackRun.value = undefined;
  cone.value = undefined;
  detector.value = undefined;
  grid.value = {};
  layerMaps.value = undefined;
  layerDistances.value = undefined;
}

/** Forgets everything that was found out with the model so far. */
function clearResults(): void {
  clearPicture();
  pace.value = undefined;
  statisticsFile.value = undefined;
}

/** Ends the worker with all that it knows; another one has to be started. */
function leaveWorker(): void {
  clearResults();
  runtimeName.value = "";
  worker().restart();
}

/** Opens another model in a worker of its own, since WebAssembly gives no memory back, and looks at all pictures with it. */
export async function changeModel(file: FileView, beside: readonly FileView[]): Promise<void> {
  problem.value = "";
  const mine = beginOpening();
  leaveWorker();
  choose({ target: undefined, layer: undefined, model: undefined, beside: [] });
  // Pictures that come with it find the model that they come with.
  model.value = { file, beside, choices: {}, status: "opening" };
  try {
    await startRuntime();
    if (mine === newest) await openModel(mine, file, beside);
  } catch (error) {
    if (!isAborted(error)) say(wordsOf(error), true);
  }
}

/** The same model, prepared as the user now says. */
export async function changeChoices(choices: ModelChoices): Promise<void> {
  const state = model.value;
  problem.value = "";
  if (state !== undefined) await openModel(beginOpening(), state.file, state.beside, choices, { isNew: false });
}

async function openModel(
  mine: number,
  file: FileView,
  beside: readonly FileView[],
  choices: ModelChoices = {},
  { isNew = true, isToExplain = true }: { readonly isNew?: boolean; readonly isToExplain?: boolean } = {},
): Promise<void> {
  const before = isNew ? undefined : model.value?.view;
  clearResults();
  model.value = { file, beside, choices, status: "opening", view: before };
  pictures.value = pictures.value.map(({ key, file: of, small }) => ({ key, file: of, small }));
  try {
    const view = await worker().run("open", { model: file, beside, choices }).output;
    if (mine !== newest) return;
    model.value = { file, beside, choices, status: "open", view };
    say(
      view.inspection.works ? strings.model.opened(file.name) : strings.model.blocked(file.name),
      !view.inspection.works,
    );
    await handOverAll(isNew);
    if (view.network !== undefined) await lookAtPictures(isToExplain);
  } catch (error) {
    if (isAborted(error) || mine !== newest) return;
    const text = wordsOf(error);
    model.value = { file, beside, choices, status: "failed", error: text, view: before };
    say(text, true);
    await handOverAll(isNew);
  }
}

/** Gives a new worker the pictures. */
async function handOverAll(isNew: boolean): Promise<void> {
  await Promise.all(pictures.value.map(({ key, file }) => handOver(key, file, isNew)));
}

function updatePicture(key: string, change: Partial<PictureEntry>): void {
  pictures.value = pictures.value.map((entry) => (entry.key === key ? { ...entry, ...change } : entry));
}

async function handOver(key: string, file: PictureFile, isNew = true): Promise<void> {
  if (!isNew) return;
  try {
    updatePicture(key, { small: await worker().run("add", { key, file }).output });
  } catch (error) {
    if (!isAborted(error)) updatePicture(key, { error: wordsOf(error) });
  }
}

/** What the network says of all pictures that it has not seen yet; the selected one first, which is explained at once. */
async function lookAtPictures(isToExplain = true): Promise<void> {
  const mine = newest;
  const { choices } = model.value ?? {};
  const isOpen = choices?.normalization === undefined && choices?.mean === undefined;
  const readable = pictures.value.filter(({ error }) => error === undefined).map(({ key }) => key);
  if (isOpen) await probe(readable.slice(0, 8));
  const first = picture.value?.key;
  const keys = [...readable].sort((a, b) => Number(b === first) - Number(a === first));
  for (const key of keys) {
    if (mine !== newest) return;
    const entry = pictures.value.find((each) => each.key === key);
    if (entry === undefined || entry.fitted !== undefined) continue;
    try {
      const fitted = await worker().run("fit", { picture: key }).output;
      if (mine !== newest) return;
      updatePicture(key, { fitted });
      if (key === first && isToExplain && explainRun.value === undefined) explain();
    } catch (error) {
      if (isAborted(error) || mine !== newest) return;
      updatePicture(key, { error: wordsOf(error) });
    }
  }
}

/** Lets the pictures say how pixels are prepared, where the model leaves that open. */
async function probe(keys: readonly string[]): Promise<void> {
  const mine = newest;
  try {
    const probed = await worker().run("probe", { pictures: keys }).output;
    const state = model.value;
    if (probed !== null && mine === newest && state?.view !== undefined) {
      model.value = { ...state, view: { ...state.view, network: probed } };
    }
  } catch (error) {
    if (!isAborted(error)) say(wordsOf(error), true);
  }
}

/** More pictures; the first of them is selected. */
export async function addPictures(files: readonly PictureFile[]): Promise<void> {
  if (files.length === 0) return;
  const entries = files.map(entryOf);
  const isFirstOwn = pictures.value.every(({ file }) => "scene" in file);
  const own = files.some((file) => !("scene" in file));
  problem.value = "";
  if (isFirstOwn && own) for (const { key } of pictures.value) void removeQuietly(key);
  const kept = isFirstOwn && own ? [] : pictures.value;
  pictures.value = [...kept, ...entries];
  selectPicture(kept.length);
  await Promise.all(entries.map(({ key, file }) => handOver(key, file)));
  if (network.value !== undefined) await lookAtPictures();
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
  clearPicture();
  if (picture.value?.fitted !== undefined) explain();
}

/** Explains the selected picture by the chosen method. */
export function explain(): void {
  const entry = picture.value;
  const of = network.value;
  if (entry?.fitted === undefined || of === undefined) return;
  stop();
  endJob("explain");
  const { method, target } = address.value;
  explainRun.value = begun(method, entry.key, target, performance.now());
  const rule = sliderRule(address.value, boxRuleOf(method));
  const question = { picture: entry.key, target, settings: settingsOf(method), method, rule, watch: true };
  const job = worker().run("explain", question, (event) => follow(explainRun, () => jobs.explain === job, event));
  jobs.explain = job;
  void settle("explain", explainRun, job, (view) => {
    notePace(view);
    grid.value =
      target === undefined && Object.keys(question.settings).length === 0
        ? { ...grid.value, [method]: { status: "done", view } }
        : grid.value;
    say(view.sentence);
  });
}

/** Attacks the selected picture. */
export function attack(): void {
  const entry = picture.value;
  if (entry?.fitted === undefined || network.value === undefined) return;
  stop();
  endJob("attack");
  const { attack: name, target } = address.value;
  attackRun.value = begun(name, entry.key, target, performance.now());
  cone.value = undefined;
  detector.value = undefined;
  const question = { picture: entry.key, target, settings: settingsOf(`attack-${name}`), attack: name };
  const job = worker().run("attack", question, (event) => follow(attackRun, () => jobs.attack === job, event));
  jobs.attack = job;
  void settle("attack", attackRun, job, (view) => {
    say(view.outcomeText);
    if (view.outcome !== "already-flipped") void drawCone(view.key);
  });
}

type RunKind = "explain" | "attack";
/** The runs that work or were stopped; one that was stopped keeps its search, to go on with it. */
const jobs: { explain?: RunningJob<"explain">; attack?: RunningJob<"attack"> } = {};

/** A signal of a run, whatever its result is. */
interface RunSignal {
  value: RunState<ExplanationView> | RunState<AttackView> | undefined;
}

const runOf = (kind: RunKind): RunSignal => (kind === "explain" ? explainRun : attackRun) as RunSignal;

/** How the map of a method becomes a box as long as no slider is moved. */
export function boxRuleOf(method: string): ThresholdRule {
  return network.value?.methods.find(({ name }) => name === method)?.box ?? usualBox;
}

function follow(
  run: { value: RunState<unknown> | undefined },
  isCurrent: () => boolean,
  event: { readonly frame: Frame } | { readonly progress: ProgressView },
): void {
  if (!isCurrent() || run.value === undefined) return;
  run.value =
    "frame" in event ? withFrame(run.value, event.frame) : withProgress(run.value, event.progress, performance.now());
}

async function settle<R>(
  kind: RunKind,
  run: { value: RunState<R> | undefined },
  job: RunningJob<RunKind>,
  onResult: (result: R) => void,
): Promise<void> {
  try {
    const result = (await job.output) as R;
    if (jobs[kind] !== job || run.value === undefined) return;
    run.value = { ...run.value, status: "done", result, position: undefined };
    delete jobs[kind];
    onResult(result);
  } catch (error) {
    if (jobs[kind] !== job || run.value === undefined) return;
    delete jobs[kind];
    const text = isAborted(error) ? strings.run.ended : wordsOf(error);
    run.value = { ...run.value, status: "failed", error: text };
    if (!isAborted(error)) say(text, true);
  }
}

/** Stops the run under way at once. It keeps its frames and its search, and can go on. */
export function stop(): void {
  for (const kind of ["explain", "attack"] as const) {
    const run = runOf(kind);
    if (run.value?.status !== "running") continue;
    jobs[kind]?.hold(true);
    run.value = stopped(run.value);
  }
}

/** Lets a run that was stopped go on where it was. */
export function goOn(kind: RunKind): void {
  const run = runOf(kind);
  if (run.value?.status !== "stopped" || jobs[kind] === undefined) return;
  stop();
  run.value = continued(run.value, performance.now());
  jobs[kind]?.hold(false);
}

/** Ends a run for good: something else takes its place. */
function endJob(kind: RunKind): void {
  const job = jobs[kind];
  delete jobs[kind];
  job?.cancel();
}

function endAllJobs(): void {
  endJob("explain");
  endJob("attack");
  stopGrid();
}

/** Shows the frame `position` of a run; undefined shows the newest one, or the result. */
export function showFrame(run: { value: RunState<unknown> | undefined }, position: number | undefined): void {
  if (run.value !== undefined) run.value = { ...run.value, position };
}

/** A method of few runs opens its sessions first and says little of the pace: the longest one that was measured counts. */
function notePace({ record }: ExplanationView): void {
  const runs = record.forwardEvaluations + 3 * record.evaluations;
  if (runs < 3 || (pace.value !== undefined && runs < runsOfPace)) return;
  runsOfPace = runs;
  pace.value = record.seconds / runs;
}

/** Seconds that a technique takes, as far as can be told. */
export function secondsOf({ cost }: TechniqueView): number | undefined {
  if (cost === undefined || pace.value === undefined) return undefined;
  return pace.value * (cost.forward + 3 * cost.gradient);
}

/** Whether a method takes a few runs of the network only. */
export function isCheap({ cost }: TechniqueView): boolean {
  return cost !== undefined && cost.forward + 3 * cost.gradient <= cheapRuns;
}

/** Of methods and attacks: by what they cost, and those apart that do not work on the network. */
export const techniqueGroups = ["quick", "slow", "all", "refused"] as const;
export type TechniqueGroup = (typeof techniqueGroups)[number];

/** `techniques` by group, in their order; empty groups are left out. What attacks cost depends on their settings: they are one group. */
export function groupsOf(
  techniques: readonly TechniqueView[],
): readonly (readonly [TechniqueGroup, readonly TechniqueView[]])[] {
  const groupOf = (technique: TechniqueView): TechniqueGroup => {
    if (technique.refusal !== undefined) return "refused";
    return technique.cost === undefined ? "all" : isCheap(technique) ? "quick" : "slow";
  };
  return techniqueGroups
    .map((group) => [group, techniques.filter((technique) => groupOf(technique) === group)] as const)
    .filter(([, some]) => some.length > 0);
}

/** Computes a method for the grid. */
export async function fillCell(name: string): Promise<void> {
  const entry = picture.value;
  if (entry?.fitted === undefined) return;
  const put = (cell: GridCell): void => {
    if (picture.value?.key === entry.key) grid.value = { ...grid.value, [name]: cell };
  };
  put({ status: "waiting" });
  const { target } = address.value;
  const rule = sliderRule(address.value, boxRuleOf(name));
  const question = { picture: entry.key, target, settings: settingsOf(name), method: name, rule, watch: false };
  const started = performance.now();
  const job = worker().run("explain", question, (event) => {
    if ("progress" in event) put({ status: "running", progress: event.progress, started });
  });
  gridJobs.add(job);
  try {
    const view = await job.output;
    notePace(view);
    put({ status: "done", view });
  } catch (error) {
    if (isAborted(error)) {
      const { [name]: _, ...rest } = grid.value;
      if (picture.value?.key === entry.key) grid.value = rest;
    } else put({ status: "failed", error: wordsOf(error) });
  } finally {
    gridJobs.delete(job);
  }
}

const gridJobs = new Set<RunningJob<"explain">>();

/** Computes what is cheap and not there yet. */
export function fillCheapCells(): void {
  for (const method of network.value?.methods ?? []) {
    const isQuick = isCheap(method) && (secondsOf(method) ?? 0) <= cheapSeconds;
    if (isQuick && grid.value[method.name] === undefined) void fillCell(method.name);
  }
}

/** Ends what the grid is waiting for. */
export function stopGrid(): void {
  for (const job of gridJobs) job.cancel();
}

/** From coarse to fine, so that there is something to see at once. */
const coneSteps = [1 / 2, 1 / 4, 1 / 8, 1 / 16] as const;

/** The plane through the picture that was just attacked. Each step is a job of its own, so that others need not wait for the last. */
async function drawCone(of: string): Promise<void> {
  cone.value = { of };
  try {
    for (const step of coneSteps) {
      const view = await worker().run("cone", { attack: of, step }).output;
      if (cone.value?.of !== of) return;
      cone.value = { of, view };
    }
  } catch (error) {
    if (!isAborted(error) && cone.value?.of === of) cone.value = { of, error: wordsOf(error) };
  }
}

/** Takes the detector's statistics from a file, and tests what was attacked with them. */
export function useStatistics(file: FileView): void {
  statisticsFile.value = file;
  const of = attackRun.value?.result?.key;
  if (of !== undefined) void detect(of);
}

/** What the statistical test says of the attacked picture. */
export async function detect(of: string): Promise<void> {
  detector.value = { of };
  try {
    const { value: statistics } = statisticsFile;
    const view = await worker().run("detect", { of, statistics }, ({ progress }) => {
      if (detector.value?.of === of) detector.value = { of, progress };
    }).output;
    if (detector.value?.of === of) detector.value = { of, view };
  } catch (error) {
    if (!isAborted(error) && detector.value?.of === of) detector.value = { of, error: wordsOf(error) };
  }
}

/** The result that changed the picture last: what to look inside with. */
export const lastChange = computed<string | undefined>(() => {
  const explained = explainRun.value?.result;
  const attacked = attackRun.value?.result;
  return explained?.perturbed !== undefined ? explained.key : attacked?.key;
});

/** The feature maps of the chosen layer. */
export async function lookInside(layer: number): Promise<void> {
  const entry = picture.value;
  if (entry?.fitted === undefined) return;
  choose({ layer });
  layerMaps.value = {};
  try {
    const view = await worker().run("maps", { picture: entry.key, layer, of: lastChange.value }).output;
    if (address.value.layer === layer) layerMaps.value = { view };
  } catch (error) {
    if (!isAborted(error)) layerMaps.value = { error: wordsOf(error) };
  }
}

/** How far the last change moved each layer. */
export async function measureLayers(): Promise<void> {
  const [entry, of] = [picture.value, lastChange.value];
  if (entry?.fitted === undefined || of === undefined || layerDistances.value?.of === of) return;
  layerDistances.value = { of };
  try {
    const view = await worker().run("distances", { picture: entry.key, of }).output;
    if (layerDistances.value?.of === of) layerDistances.value = { of, view };
  } catch (error) {
    if (!isAborted(error)) layerDistances.value = { of, error: wordsOf(error) };
  }
}

/** A file to take along. */
export async function download(of: readonly string[], what: Download): Promise<void> {
  const { opacity, sigma, alpha } = address.value;
  try {
    const { name, blob } = await worker().run("download", { of, what, sliders: { sigma, alpha }, opacity }).output;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    say(strings.take.saved(name));
  } catch (error) {
    if (!isAborted(error)) say(wordsOf(error), true);
  }
}
