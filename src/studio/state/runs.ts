/** @file The explanation and the attack under way: begun, held, continued and ended. */
import type { AttackView, ExplanationView, Frame, ProgressView } from "../protocol.ts";
import { sliderRule } from "../slider-rule.ts";
import { strings } from "../strings.ts";
import { address, settingsOf } from "./address.ts";
import { drawCone } from "./attacked-picture.ts";
import { isAborted, wordsOf, worker } from "./connection.ts";
import { stopGrid } from "./grid.ts";
import { begun, continued, type RunState, stopped, withFrame, withProgress } from "./run-state.ts";
import { attackRun, cone, detector, explainRun, grid, network, picture, say } from "./signals.ts";
import { boxRuleOf, chosenAttack, chosenMethod, notePace } from "./techniques.ts";
import type { RunningJob } from "./worker-client.ts";

type RunKind = "explain" | "attack";

/** The runs that work or were stopped; one that was stopped keeps its search, to go on with it. */
const jobs: { explain?: RunningJob<"explain">; attack?: RunningJob<"attack"> } = {};

/** A signal of a run, whatever its result is. */
interface RunSignal {
  value: RunState<ExplanationView> | RunState<AttackView> | undefined;
}

const runOf = (kind: RunKind): RunSignal => (kind === "explain" ? explainRun : attackRun) as RunSignal;

/** Explains the selected picture by the chosen method. */
export function explain(): void {
  const entry = picture.value;
  const of = network.value;
  if (entry?.fitted === undefined || of === undefined) return;
  stop();
  endJob("explain");
  const { target } = address.value;
  const { name: method } = chosenMethod(of);
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
  const of = network.value;
  if (entry?.fitted === undefined || of === undefined) return;
  stop();
  endJob("attack");
  const { target } = address.value;
  const { name } = chosenAttack(of);
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

export function endAllJobs(): void {
  endJob("explain");
  endJob("attack");
  stopGrid();
}

/** Shows the frame `position` of a run; undefined shows the newest one, or the result. */
export function showFrame(run: { value: RunState<unknown> | undefined }, position: number | undefined): void {
  if (run.value !== undefined) run.value = { ...run.value, position };
}
