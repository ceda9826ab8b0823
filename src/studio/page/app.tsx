/** @file The page. */
import { signal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { address, choose, type Tab, tabs } from "../state/address.ts";
import { threads } from "../state/connection.ts";
import { listenForFiles } from "../state/files.ts";
import { changeProcessor } from "../state/opening.ts";
import { hasGraphics, model, network, picture, problem, ready, runtimeName, say, status } from "../state/signals.ts";
import { strings } from "../strings.ts";
import { Field } from "./controls.tsx";
import { ExplainPanel } from "./explain-panel.tsx";
import { ModelCard } from "./model-card.tsx";
import { PicturesCard } from "./pictures-card.tsx";
import { ThemePicker } from "./theme-picker.tsx";

/** What the first view does not need is loaded when its tab is chosen. */
const loaders: Readonly<Record<Exclude<Tab, "explain">, () => Promise<ComponentType>>> = {
  compare: async () => (await import("./compare-panel.tsx")).ComparePanel,
  attack: async () => (await import("./attack-panel.tsx")).AttackPanel,
  inside: async () => (await import("./inside-panel.tsx")).InsidePanel,
  take: async () => (await import("./take-panel.tsx")).TakePanel,
};
const panels = signal<Partial<Record<Tab, ComponentType>>>({ explain: ExplainPanel });

export function App() {
  const [isOver, setOver] = useState(false);
  useEffect(() => listenForFiles(setOver), []);
  return (
    <>
      <a class="skip" href="#results">
        {strings.skip}
      </a>
      <header class="page-header">
        <div>
          <h1>{strings.title}</h1>
          <p>{strings.lead}</p>
        </div>
        <div class="header-side">
          <details class="privacy">
            <summary>{strings.privacy}</summary>
            <p>{strings.privacyMore}</p>
          </details>
          <span class="soft runtime">
            {runtimeName.value === "" ? strings.starting : strings.runtime(runtimeName.value, threads)}
          </span>
          <ProcessorPicker />
          <ThemePicker />
        </div>
      </header>
      <Notice />
      <div class="columns">
        <aside class="side">
          <PicturesCard />
          <ModelCard />
        </aside>
        <main id="results" tabIndex={-1} aria-busy={!ready.value}>
          <Tabs />
          <Panel />
        </main>
      </div>
      {isOver ? <div class="drop-cover">{strings.dropHere}</div> : null}
    </>
  );
}

/** Where there is a choice. */
function ProcessorPicker() {
  const { processor = "wasm" } = address.value;
  if (!hasGraphics.value && processor === "wasm") return null;
  return (
    <Field label={strings.processor.label}>
      {(id) => (
        <select
          id={id}
          value={processor}
          onChange={({ currentTarget }) => void changeProcessor(currentTarget.value === "webgpu" ? "webgpu" : "wasm")}
        >
          {(["wasm", "webgpu"] as const).map((name) => (
            <option key={name} value={name}>
              {strings.processor[name]}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

/** What happened, read out; what went wrong, shown as well. */
function Notice() {
  return (
    <>
      <div class="unseen" role="status" aria-live="polite">
        {status.value}
      </div>
      <div role="alert" class={problem.value === "" ? "" : "notice"}>
        {problem.value === "" ? null : (
          <>
            <span>{problem.value}</span>
            <button
              type="button"
              onClick={() => {
                problem.value = "";
              }}
            >
              {strings.errors.dismiss}
            </button>
          </>
        )}
      </div>
    </>
  );
}

function Tabs() {
  const { tab } = address.value;
  const move = (event: KeyboardEvent): void => {
    const at = tabs.indexOf(tab);
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    const to = tabs[(next + tabs.length) % tabs.length];
    choose({ tab: to });
    document.getElementById(`tab-${to}`)?.focus();
  };
  return (
    <div class="tabs" role="tablist" aria-label={strings.tabsLabel} onKeyDown={move}>
      {tabs.map((name) => (
        <button
          key={name}
          type="button"
          role="tab"
          id={`tab-${name}`}
          aria-selected={name === tab}
          aria-controls="panel"
          tabIndex={name === tab ? 0 : -1}
          onClick={() => choose({ tab: name })}
        >
          {strings.tabs[name]}
        </button>
      ))}
    </div>
  );
}

/** What is missing where there is nothing to show. */
function whyNothing(): string {
  if (!ready.value && model.value?.status !== "failed") return strings.starting;
  if (network.value === undefined) return model.value?.status === "opening" ? strings.starting : strings.model.needed;
  return strings.pictures.none;
}

function Panel() {
  const { tab } = address.value;
  const Shown = panels.value[tab];
  useEffect(() => {
    if (tab === "explain" || panels.value[tab] !== undefined) return;
    loaders[tab]()
      .then((panel) => {
        panels.value = { ...panels.value, [tab]: panel };
      })
      .catch((error: unknown) => say(error instanceof Error ? error.message : String(error), true));
  }, [tab]);
  return (
    <div role="tabpanel" id="panel" aria-labelledby={`tab-${tab}`} class={`panel panel-${tab}`}>
      {Shown === undefined || network.value === undefined || picture.value === undefined ? (
        <p class="soft waiting">{whyNothing()}</p>
      ) : (
        <Shown />
      )}
    </div>
  );
}
