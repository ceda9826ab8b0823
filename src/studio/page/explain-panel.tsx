/** @file Explain: the chosen method on the chosen picture, live. */
import { isolated } from "../../escape-text.ts";
import { withControls } from "../named-controls.ts";
import { choose } from "../state/address.ts";
import { explain } from "../state/runs.ts";
import { explainRun, network, picture } from "../state/signals.ts";
import { boxRuleOf, chosenMethod } from "../state/techniques.ts";
import { strings } from "../strings.ts";
import { QuestionPicker, RunBar, SettingsForm, TechniquePicker } from "./controls.tsx";
import { Curves } from "./curves.tsx";
import { Stage, shownOf, Timeline } from "./stage.tsx";

const words = strings.run;

export function ExplainPanel() {
  const of = network.value;
  const entry = picture.value;
  const run = explainRun.value;
  if (of === undefined || entry === undefined) return null;
  const method = chosenMethod(of);
  const newest = run?.frames.at(-1);
  return (
    <>
      <div class="controls">
        <TechniquePicker
          label={words.method}
          techniques={of.methods}
          chosen={method}
          onChoose={(name) => {
            choose({ method: name });
            explain();
          }}
        />
        <QuestionPicker of={of} lead={words.question} />
        <SettingsForm technique={method} prefix={method.name} />
        <RunBar
          run={run}
          kind="explain"
          start={explain}
          label={words.explain}
          isDisabled={entry.fitted === undefined || method.refusal !== undefined}
        />
      </div>
      {method.refusal === undefined ? null : (
        <p class="problem">
          {words.refused}: {withControls(method.refusal)}
        </p>
      )}
      {run?.error === undefined ? null : <p class="problem">{run.error}</p>}
      {run?.result === undefined || run.position !== undefined ? null : (
        <p class="finding">{isolated(run.result.sentence)}</p>
      )}
      <Stage entry={entry} run={run} mapTitle={strings.stage.map} box={boxRuleOf(run?.technique ?? method.name)} />
      <Timeline run={explainRun} />
      {run === undefined || newest === undefined ? null : (
        <Curves
          curve={run.curve}
          at={run.position === undefined ? undefined : shownOf(run)?.evaluation}
          label={run.result?.record.label.name ?? entry.fitted?.top[0]?.name ?? ""}
          other={newest.other.name}
        />
      )}
    </>
  );
}
