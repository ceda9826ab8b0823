/** @file Take it along: files, the report, and the command line that does the same. */
import type { Download } from "../protocol.ts";
import { commandLine } from "../state/command-line.ts";
import { attackRun, explainRun, grid, model, network, picture, say } from "../state/signals.ts";
import { download } from "../state/take.ts";
import { strings } from "../strings.ts";

const words = strings.take;

export function TakePanel() {
  const explained = explainRun.value?.result;
  const attacked = attackRun.value?.result;
  const others = Object.values(grid.value).flatMap((cell) => (cell.status === "done" ? [cell.view.key] : []));
  if (explained === undefined && attacked === undefined) return <p>{words.nothing}</p>;
  return (
    <>
      <p>{words.lead}</p>
      {explained === undefined ? null : (
        <section>
          <h3>
            {words.explanation}: {explained.record.methodTitle}
          </h3>
          <div class="run-bar">
            <Save of={[explained.key]} what="overlay" text={words.overlay} />
            <Save of={[explained.key]} what="map" text={words.map} />
            <Save of={[explained.key]} what="npy" text={words.npy} />
            {explained.perturbed === undefined ? null : (
              <Save of={[explained.key]} what="perturbed" text={words.perturbed} />
            )}
            <Save of={[explained.key]} what="record" text={words.record} />
            <Save of={[explained.key]} what="report" text={words.report} isMain />
            {others.length < 2 ? null : <Save of={others} what="report" text={words.reportAll} />}
          </div>
          <Command kind="explain" />
        </section>
      )}
      {attacked === undefined ? null : (
        <section>
          <h3>{words.attack}</h3>
          <div class="run-bar">
            <Save of={[attacked.key]} what="perturbed" text={words.adversarial} />
            <Save of={[attacked.key]} what="record" text={words.record} />
          </div>
          <Command kind="attack" />
        </section>
      )}
      <p class="soft">{words.address}</p>
    </>
  );
}

function Save({
  of,
  what,
  text,
  isMain = false,
}: {
  of: readonly string[];
  what: Download;
  text: string;
  isMain?: boolean;
}) {
  return (
    <button type="button" class={isMain ? "primary" : ""} onClick={() => void download(of, what)}>
      {text}
    </button>
  );
}

function Command({ kind }: { kind: "explain" | "attack" }) {
  const [entry, state, of] = [picture.value, model.value, network.value];
  if (entry === undefined || state === undefined || of === undefined) return null;
  const text = commandLine(kind, entry, state, of);
  return (
    <div class="command">
      <h4>{words.command}</h4>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keys */}
      <pre tabIndex={0}>{text}</pre>
      <button
        type="button"
        onClick={() => {
          void navigator.clipboard.writeText(text).then(() => say(words.copied));
        }}
      >
        {words.copy}
      </button>
    </div>
  );
}
