/** @file The model: opening one, what was found out about it, and what one knows better. */
import { useEffect, useId, useState } from "preact/hooks";
import { shortNameOf } from "../../classifier/labels/short-names.ts";
import { withControls } from "../named-controls.ts";
import type { ModelChoices, ModelView, NetworkView } from "../protocol.ts";
import { takeFiles, takeLink } from "../state/files.ts";
import { changeChoices } from "../state/opening.ts";
import { type ModelState, model } from "../state/signals.ts";
import { strings } from "../strings.ts";
import { Field, Warnings } from "./controls.tsx";
import { FileButton } from "./file-button.tsx";

const words = strings.model;

export function ModelCard() {
  const state = model.value;
  const view = state?.view;
  return (
    <section class="card" aria-labelledby="model-heading">
      <h2 id="model-heading">{words.heading}</h2>
      {state === undefined ? null : (
        <p class="model-name">
          <strong>{state.file.name}</strong>{" "}
          {state.status === "opening" ? (
            <span class="badge soft">{words.opening("")}</span>
          ) : view === undefined || state.status === "failed" ? (
            <span class="badge bad">{words.doesNot}</span>
          ) : (
            <span class={`badge ${view.inspection.works ? "good" : "bad"}`}>
              {view.inspection.works ? words.works : words.doesNot}
            </span>
          )}
        </p>
      )}
      {state?.error === undefined ? null : <p class="problem">{state.error}</p>}
      {view === undefined || view.inspection.works ? null : (
        <p class="problem">{withControls(view.inspection.verdict)}</p>
      )}
      {view?.network === undefined ? null : <Network view={view} network={view.network} />}
      {state === undefined ? null : <Choices key={state.file.name} state={state} />}
      <FileButton
        label={words.choose}
        accept=".onnx,.data,.bin,.txt,.json,.csv,.tsv,.names,.pbtxt,.yaml,.yml,application/octet-stream"
        onFiles={(files) => void takeFiles(files)}
      />
      <LinkForm />
    </section>
  );
}

function Network({ view, network }: { view: ModelView; network: NetworkView }) {
  const { input, classes, warnings, preprocessing, preprocessingName, preprocessingReason, layers } = network;
  const { facts } = words;
  const names = classes.slice(0, 3).map(shortNameOf).join(", ");
  const { notes } = view.inspection;
  const pixels = `${preprocessingName ?? words.custom} (${preprocessingReason})`;
  const rows = [
    [facts.classes, `${classes.length}: ${names}${classes.length > 3 ? ", …" : ""}`],
    [facts.names, network.labelsReason],
    [facts.input, `${input.channels} × ${input.height} × ${input.width}`],
    [facts.pixels, network.isOrderAssumed ? `${pixels}; ${words.assumedOrder(preprocessing.channels)}` : pixels],
    [facts.resize, `${network.geometry} (${network.geometryReason})`],
    [facts.output, network.head],
    [facts.layers, words.layers(layers.length)],
    [facts.weights, view.inspection.parameters.toLocaleString(strings.language)],
    [facts.producer, view.inspection.producer],
    [facts.file, `${words.size(view.bytes)}, SHA-256 ${view.sha256.slice(0, 12)}…`],
    ...(notes.length > 0 ? ([[facts.notes, withControls(notes.join("; "))]] as const) : []),
  ] as const;
  return (
    <>
      <Warnings warnings={warnings} />
      <details>
        <summary>
          {words.classes(classes.length)}, {input.height} × {input.width}, {preprocessingName ?? words.custom}
        </summary>
        <dl class="facts">
          {rows.map(([term, text]) => (
            <div key={term}>
              <dt>{term}</dt>
              <dd>{text}</dd>
            </div>
          ))}
        </dl>
      </details>
      <details>
        <summary>{words.layersHeading}</summary>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keys */}
        <section class="scroller" tabIndex={0} aria-label={words.layersHeading}>
          <table>
            <thead>
              <tr>
                <th scope="col">{words.layerTable.index}</th>
                <th scope="col">{words.layerTable.pattern}</th>
                <th scope="col">{words.layerTable.shape}</th>
                <th scope="col">{words.layerTable.parameters}</th>
              </tr>
            </thead>
            <tbody>
              {layers.map(({ index, pattern, name, shape, parameters }) => (
                <tr key={index}>
                  <td>{index}</td>
                  <td title={name}>{pattern}</td>
                  <td>{shape.slice(1).join(" × ")}</td>
                  <td>{parameters === 0 ? "" : parameters.toLocaleString(strings.language)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      </details>
    </>
  );
}

const normalizationNames = ["imagenet", "unit", "symmetric", "caffe", "bytes", "mnist"] as const;

/** What the user knows better than was found out. */
function Choices({ state }: { state: ModelState }) {
  const [draft, setDraft] = useState<ModelChoices>(state.choices);
  const [isCustom, setCustom] = useState(false);
  const list = useId();
  // Files that are dropped choose as well.
  useEffect(() => {
    setDraft(state.choices);
    if (state.choices.normalization !== undefined) setCustom(false);
  }, [state.choices]);
  const network = state.view?.network;
  const found = network?.preprocessing;
  const put = (some: Partial<ModelChoices>): void => setDraft({ ...draft, ...some });
  const text =
    (key: "mean" | "std" | "logits" | "inputSize", placeholder = "") =>
    (id: string) => (
      <input
        id={id}
        type="text"
        autocomplete="off"
        spellcheck={false}
        value={draft[key] ?? ""}
        placeholder={placeholder}
        list={key === "logits" ? list : undefined}
        onInput={({ currentTarget }) => put({ [key]: currentTarget.value })}
      />
    );
  const word = (key: "scale" | "channels", choices: readonly string[]) => (id: string) => (
    <select
      id={id}
      value={draft[key] ?? ""}
      onChange={({ currentTarget }) => put({ [key]: currentTarget.value || undefined })}
    >
      <option value="">{words.asFound}</option>
      {choices.map((choice) => (
        <option key={choice} value={choice}>
          {choice}
        </option>
      ))}
    </select>
  );
  return (
    <details>
      <summary>{words.change}</summary>
      <form
        class="fields"
        onSubmit={(event) => {
          event.preventDefault();
          void changeChoices(draft);
        }}
      >
        <Field label={words.normalization}>
          {(id) => (
            <select
              id={id}
              value={isCustom ? "custom" : (draft.normalization ?? "")}
              onChange={({ currentTarget: { value } }) => {
                const name = normalizationNames.find((one) => one === value);
                setCustom(value === "custom");
                const next = {
                  ...draft,
                  normalization: name,
                  mean: undefined,
                  std: undefined,
                  scale: undefined,
                  channels: undefined,
                };
                setDraft(next);
                // The prediction follows at once.
                if (value !== "custom") void changeChoices(next);
              }}
            >
              <option value="">{words.asFound}</option>
              {normalizationNames.map((name) => (
                <option key={name} value={name}>
                  {name}
                </option>
              ))}
              <option value="custom">{words.custom}</option>
            </select>
          )}
        </Field>
        {isCustom ? (
          <>
            <Field label={words.mean}>{text("mean", found?.mean.join(", "))}</Field>
            <Field label={words.std}>{text("std", found?.std.join(", "))}</Field>
            <Field label={words.scale}>{word("scale", ["1", "255", "symmetric"])}</Field>
            <Field label={words.channels}>{word("channels", ["rgb", "bgr"])}</Field>
          </>
        ) : null}
        <Field label={words.labels} hint={words.labelsHint}>
          {(id) => (
            <textarea
              id={id}
              rows={2}
              spellcheck={false}
              value={draft.labels ?? ""}
              onInput={({ currentTarget }) => put({ labels: currentTarget.value, labelsFile: undefined })}
            />
          )}
        </Field>
        <Field label={words.logits}>{text("logits")}</Field>
        <datalist id={list}>
          {network?.otherLogits.map((name) => (
            <option key={name} value={name} />
          ))}
        </datalist>
        <Field label={words.inputSize}>{text("inputSize", "224")}</Field>
        <div class="run-bar">
          <button type="submit" class="primary">
            {words.apply}
          </button>
          <button
            type="button"
            onClick={() => {
              setDraft({});
              setCustom(false);
              void changeChoices({});
            }}
          >
            {words.reset}
          </button>
        </div>
      </form>
    </details>
  );
}

function LinkForm() {
  const [text, setText] = useState("");
  return (
    <details>
      <summary>{words.link}</summary>
      <form
        class="link-form"
        onSubmit={(event) => {
          event.preventDefault();
          if (text.trim() !== "") void takeLink(text);
        }}
      >
        <Field label={words.linkLabel}>
          {(id) => (
            <input
              id={id}
              type="text"
              inputMode="url"
              value={text}
              onInput={({ currentTarget }) => setText(currentTarget.value)}
            />
          )}
        </Field>
        <button type="submit">{words.linkOpen}</button>
      </form>
    </details>
  );
}
