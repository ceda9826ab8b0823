/** @file Controls that several panels share. */
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { shortNameOf } from "../../classifier/labels/short-names.ts";
import type { ModelWarning } from "../../classifier/network/prepare-model.ts";
import { isolated } from "../../escape-text.ts";
import { withControls } from "../named-controls.ts";
import type { NetworkView, OptionView, TechniqueView } from "../protocol.ts";
import { address, choose, chooseSetting } from "../state/address.ts";
import { type RunState, secondsLeft, shareDone } from "../state/run-state.ts";
import { goOn, stop } from "../state/runs.ts";
import { network, picture } from "../state/signals.ts";
import { groupsOf, secondsOf } from "../state/techniques.ts";
import { strings } from "../strings.ts";

const words = strings.run;

export interface SliderProps {
  readonly label: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  readonly shown: string;
  readonly onInput: (value: number) => void;
}

/** A range with its name and its value. */
export function Slider({ label, value, min, max, step, shown, onInput }: SliderProps) {
  const id = useId();
  return (
    <div class="slider">
      <label for={id}>{label}</label>
      <output for={id}>{shown}</output>
      <input
        id={id}
        type="range"
        {...{ value, min, max, step }}
        aria-valuetext={shown}
        onInput={({ currentTarget }) => onInput(Number(currentTarget.value))}
      />
    </div>
  );
}

/** What must be known before results are trusted; nothing where there is nothing to know. */
export function Warnings({ warnings }: { warnings: readonly ModelWarning[] }) {
  if (warnings.length === 0) return null;
  return (
    <div class="warning" role="note">
      <strong>{strings.model.warnings}</strong>
      <ul>
        {warnings.map(({ message }) => (
          <li key={message}>{withControls(message)}</li>
        ))}
      </ul>
    </div>
  );
}

/** Text beside what it names. */
export function Field({
  label,
  children,
  hint,
}: {
  label: string;
  children: (id: string) => ComponentChildren;
  hint?: string;
}) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children(id)}
      {hint === undefined ? null : <small>{hint}</small>}
    </div>
  );
}

/** The choice of a method or an attack, with what it does. */
export function TechniquePicker({
  label,
  techniques,
  chosen,
  onChoose,
}: {
  label: string;
  techniques: readonly TechniqueView[];
  chosen: TechniqueView;
  onChoose: (name: string) => void;
}) {
  const seconds = secondsOf(chosen);
  const { cost } = chosen;
  const effort = cost === undefined ? "" : words.runs(cost.forward, cost.gradient);
  const time = seconds === undefined ? "" : ` · ${words.takes(seconds)}`;
  return (
    <Field label={label} hint={`${chosen.summary}${effort === "" ? "" : ` (${effort}${time})`}`}>
      {(id) => (
        <select id={id} value={chosen.name} onChange={({ currentTarget }) => onChoose(currentTarget.value)}>
          {groupsOf(techniques).map(([group, some]) => (
            <optgroup key={group} label={words.groups[group]}>
              {some.map(({ name, title }) => (
                <option key={name} value={name}>
                  {title}
                </option>
              ))}
            </optgroup>
          ))}
        </select>
      )}
    </Field>
  );
}

/** The settings of a technique, made from its options. `prefix` is under which they are kept. */
export function SettingsForm({ technique, prefix }: { technique: TechniqueView; prefix: string }) {
  const { settings } = address.value;
  const given = Object.keys(settings).filter((name) => name.startsWith(`${prefix}.`)).length;
  if (technique.options.length === 0) return null;
  return (
    <details class="settings">
      <summary>
        {words.settings}
        {given > 0 ? ` (${given})` : ""}
      </summary>
      <div class="fields">
        {technique.options.map((option) => (
          <Setting
            key={option.name}
            option={option}
            value={settings[`${prefix}.${option.name}`] ?? ""}
            onChange={(value) => chooseSetting(prefix, option.name, value)}
          />
        ))}
      </div>
    </details>
  );
}

interface SettingProps {
  readonly option: OptionView;
  readonly value: string;
  readonly onChange: (value: string) => void;
}

function Setting({ option, value, onChange }: SettingProps) {
  const { name, doc, kind, expected, fallbackText } = option;
  const byDefault = words.byDefault(fallbackText);
  const choices = choicesOf(option);
  return (
    <Field label={readable(name)} hint={`${doc} ${expected.charAt(0).toUpperCase()}${expected.slice(1)}.`}>
      {(id) =>
        choices === undefined ? (
          <input
            id={id}
            type="text"
            inputMode={kind.type === "number" ? "decimal" : "text"}
            autocomplete="off"
            spellcheck={false}
            value={value}
            placeholder={byDefault}
            onChange={({ currentTarget }) => onChange(currentTarget.value.trim())}
          />
        ) : (
          <select id={id} value={value} onChange={({ currentTarget }) => onChange(currentTarget.value)}>
            <option value="">{byDefault}</option>
            {choices.map(([key, text]) => (
              <option key={key} value={key}>
                {text}
              </option>
            ))}
          </select>
        )
      }
    </Field>
  );
}

function choicesOf({ kind }: OptionView): readonly (readonly [value: string, text: string])[] | undefined {
  switch (kind.type) {
    case "word":
      return kind.choices.map((word) => [word, word]);
    case "flag":
      return [
        ["true", words.yes],
        ["false", words.no],
      ];
    case "layer":
      return network.value?.layers
        .filter(({ isSpatial }) => isSpatial)
        .map(({ pattern, shape }) => [pattern, `${pattern} · ${shape.slice(1).join(" × ")}`]);
    default:
      return undefined;
  }
}

/** "perceptualWeight" → "perceptual weight". */
export function readable(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/** The same as it is shown within a line, whose other words and numbers keep their order whichever way the name is read. */
export function ClassName({ name }: { name: string }) {
  return <bdi>{shortNameOf(name)}</bdi>;
}

/** "Why this and not …?": another of the likely classes, or any. */
export function QuestionPicker({ of, lead }: { of: NetworkView; lead: (name: string) => string }) {
  const list = useId();
  const [problem, setProblem] = useState("");
  const input = useRef<HTMLInputElement>(null);
  const { target } = address.value;
  useEffect(() => {
    if (input.current !== null) input.current.value = target === undefined ? "" : shortNameOf(of.classes[target] ?? "");
  }, [target, of]);
  const top = picture.value?.fitted?.top ?? [];
  const [predicted, ...others] = top;
  if (of.isSeparate || predicted === undefined) return null;
  const take = (text: string): void => {
    if (text.trim() === "") {
      pick(undefined);
      return;
    }
    const index = classNamed(of.classes, text);
    setProblem(index === undefined ? words.questionUnknown(text) : "");
    if (index !== undefined) pick(index === predicted.index ? undefined : index);
  };
  const pick = (index: number | undefined): void => {
    setProblem("");
    choose({ target: index });
  };
  return (
    <fieldset class="question">
      <legend>{isolated(lead(shortNameOf(predicted.name)))}</legend>
      <button type="button" class="chip" aria-pressed={target === undefined} onClick={() => pick(undefined)}>
        {words.questionAny}
      </button>
      {others.map(({ index, name }) => (
        <button key={index} type="button" class="chip" aria-pressed={target === index} onClick={() => pick(index)}>
          <ClassName name={name} />
        </button>
      ))}
      <input
        ref={input}
        type="text"
        list={list}
        aria-label={words.questionLabel}
        placeholder={words.questionHint}
        aria-invalid={problem !== ""}
        aria-describedby={problem === "" ? undefined : `${list}-problem`}
        onChange={({ currentTarget }) => take(currentTarget.value)}
      />
      <datalist id={list}>
        {of.classes.map((name) => (
          <option key={name} value={shortNameOf(name)} />
        ))}
      </datalist>
      {problem === "" ? null : (
        <p id={`${list}-problem`} class="problem">
          {problem}
        </p>
      )}
    </fieldset>
  );
}

function classNamed(classes: readonly string[], text: string): number | undefined {
  const wanted = text.trim().toLowerCase();
  if (/^\d+$/.test(wanted) && Number(wanted) < classes.length) return Number(wanted);
  const exact = classes.findIndex(
    (name) => name.toLowerCase() === wanted || shortNameOf(name).toLowerCase() === wanted,
  );
  const near = exact >= 0 ? exact : classes.findIndex((name) => name.toLowerCase().includes(wanted));
  return near >= 0 ? near : undefined;
}

/** Start, stop, go on where it was stopped; and how far it is. */
export function RunBar({
  run,
  kind,
  start,
  label,
  isDisabled,
}: {
  run: RunState<unknown> | undefined;
  kind: "explain" | "attack";
  start: () => void;
  label: string;
  isDisabled: boolean;
}) {
  const isOn = run?.status === "running";
  const isStopped = run?.status === "stopped";
  const share = run && shareDone(run);
  const left = run && isOn ? secondsLeft(run) : undefined;
  const evaluation = run?.curve.length ?? 0;
  return (
    <div class="run-bar">
      {isOn ? (
        <button type="button" onClick={stop}>
          {words.stop}
        </button>
      ) : isStopped ? (
        <>
          <button type="button" class="primary" onClick={() => goOn(kind)}>
            {words.goOn}
          </button>
          <button type="button" disabled={isDisabled} onClick={start}>
            {words.anew}
          </button>
        </>
      ) : (
        <button type="button" class="primary" disabled={isDisabled} onClick={start}>
          {label}
        </button>
      )}
      {isOn || isStopped ? (
        <>
          <progress aria-label={label} value={share} max={1} />
          <span class="soft">
            {isStopped ? words.stopped(evaluation) : share === undefined ? "" : words.progress(share)}
            {left === undefined ? "" : ` · ${words.left(left)}`}
          </span>
        </>
      ) : null}
    </div>
  );
}
