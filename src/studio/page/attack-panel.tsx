/** @file Attack: the chosen attack on the chosen picture, live; the cone through what it found, and whether a detector would notice. */
import { shortNameOf } from "../../classifier/labels/short-names.ts";
import { usualBox } from "../../localization/localize-map.ts";
import { coneFigure } from "../../report/figures/cone-figure.ts";
import { withControls } from "../named-controls.ts";
import type { AttackView, DetectorView } from "../protocol.ts";
import { choose } from "../state/address.ts";
import { detect, useStatistics } from "../state/attacked-picture.ts";
import { attack } from "../state/runs.ts";
import { attackRun, cone, detector, network, picture, statisticsFile } from "../state/signals.ts";
import { chosenAttack } from "../state/techniques.ts";
import { strings } from "../strings.ts";
import { ClassName, QuestionPicker, RunBar, SettingsForm, TechniquePicker } from "./controls.tsx";
import { Curves } from "./curves.tsx";
import { FileButton } from "./file-button.tsx";
import { Stage, shownOf, Timeline } from "./stage.tsx";

const words = strings.attack;

export function AttackPanel() {
  const of = network.value;
  const entry = picture.value;
  const run = attackRun.value;
  if (of === undefined || entry === undefined) return null;
  const chosen = chosenAttack(of);
  const newest = run?.frames.at(-1);
  return (
    <>
      <div class="controls">
        <TechniquePicker
          label={strings.run.attack}
          techniques={of.attacks}
          chosen={chosen}
          onChoose={(name) => choose({ attack: name })}
        />
        <QuestionPicker of={of} lead={strings.run.goal} />
        <SettingsForm technique={chosen} prefix={`attack-${chosen.name}`} />
        <RunBar
          run={run}
          kind="attack"
          start={attack}
          label={strings.run.attackNow}
          isDisabled={entry.fitted === undefined || chosen.refusal !== undefined}
        />
      </div>
      {chosen.refusal === undefined ? null : (
        <p class="problem">
          {strings.run.refused}: {withControls(chosen.refusal)}
        </p>
      )}
      {run?.error === undefined ? null : <p class="problem">{run.error}</p>}
      {run?.result === undefined ? null : <Finding found={run.result} />}
      <Stage entry={entry} run={run} mapTitle={strings.stage.change} box={usualBox} />
      <Timeline run={attackRun} />
      {run === undefined || newest === undefined ? null : (
        <Curves
          curve={run.curve}
          at={run.position === undefined ? undefined : shownOf(run)?.evaluation}
          label={run.result?.label.name ?? entry.fitted?.top[0]?.name ?? ""}
          other={newest.other.name}
        />
      )}
      {run?.result === undefined ? null : (
        <div class="beside">
          <ConePlot found={run.result} />
          <Detector found={run.result} />
        </div>
      )}
    </>
  );
}

function Finding({ found }: { found: AttackView }) {
  const { label, rounded, lostInRounding, outcomeText, raw, cost, seconds } = found;
  const [badge, tone] = lostInRounding
    ? [words.lost, "bad"]
    : rounded.success
      ? [words.survives, "good"]
      : [words.notFlipped, "soft"];
  const { linf, l2, l0, perceptual } = rounded.distances;
  const facts = [
    [words.numbers.linf, words.levels(linf)],
    [words.numbers.l2, l2.toPrecision(3)],
    [words.numbers.l0, l0.toLocaleString(strings.language)],
    [words.numbers.perceptual, perceptual.toPrecision(2)],
    [words.numbers.runs, `${strings.run.runs(cost.forward, cost.gradient)} · ${strings.seconds(seconds)}`],
  ] as const;
  return (
    <div class="finding">
      <p>
        <bdi>{capitalized(shortNameOf(label.name))}</bdi> ({strings.percent(label.confidence)}) →{" "}
        <ClassName name={raw.label.name} /> ({strings.percent(raw.label.confidence)}). {outcomeText}
      </p>
      <p>
        {words.eightBit}: <strong class={`badge ${tone}`}>{badge}</strong> <ClassName name={rounded.label.name} /> (
        {strings.percent(rounded.label.confidence)})
      </p>
      <dl class="facts">
        {facts.map(([term, text]) => (
          <div key={term}>
            <dt>{term}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function ConePlot({ found }: { found: AttackView }) {
  const { value } = cone;
  if (value?.of !== found.key) return null;
  const { view, error } = value;
  const panel = view && { title: words.coneTitle(shortNameOf(found.label.name)), ...view };
  return (
    <section>
      <h3>{words.cone}</h3>
      <p class="soft">{words.coneLead}</p>
      {error === undefined ? null : <p class="problem">{error}</p>}
      {panel === undefined ? null : (
        // The library's own figure, in which text from outside is escaped.
        <div class="paper" dangerouslySetInnerHTML={{ __html: coneFigure([panel]) }} />
      )}
    </section>
  );
}

function Detector({ found }: { found: AttackView }) {
  const { value } = detector;
  const mine = value?.of === found.key ? value : undefined;
  const { view, error, progress } = mine ?? {};
  const { value: file } = statisticsFile;
  const canTest = file !== undefined || network.value?.canFitDetector === true;
  const isBusy = mine !== undefined && view === undefined && error === undefined;
  return (
    <section class="detector">
      <h3>{words.detector}</h3>
      {canTest ? null : <p class="soft">{words.statisticsNeeded}</p>}
      {isBusy ? (
        <p class="soft">
          <progress value={progress?.done} max={progress?.of ?? 1} aria-label={words.detector} />{" "}
          {progress === undefined ? "" : words.detectProgress[progress.what](progress.done, progress.of)}
        </p>
      ) : (
        <div class="run-bar">
          {canTest && view === undefined ? (
            <button type="button" onClick={() => void detect(found.key)}>
              {words.detect}
            </button>
          ) : null}
          <FileButton
            label={words.statistics}
            accept=".json,application/json"
            onFiles={([given]) => {
              if (given !== undefined) useStatistics({ name: given.name, blob: given });
            }}
          />
        </div>
      )}
      {view === undefined ? null : (
        <>
          <p class="finding">
            {words.detectScore(
              view.score,
              ...view.interval,
              view.cutoff,
              view.score > view.cutoff,
              shortNameOf(view.toward),
            )}
          </p>
          <p class="soft">{statisticsWords(view.statistics, file?.name)}</p>
        </>
      )}
      {error === undefined ? null : <p class="problem">{error}</p>}
    </section>
  );
}

function statisticsWords(from: DetectorView["statistics"], file = ""): string {
  if (from === "file") return words.statisticsOf(file);
  return from === "bundled" ? words.statisticsBundled : words.statisticsFitted;
}
