/** @file All methods beside each other on one picture. */
import { useCallback, useEffect, useMemo } from "preact/hooks";
import { usualBox } from "../../localization/localize-map.ts";
import type { ThresholdRule } from "../../localization/threshold.ts";
import { withControls } from "../named-controls.ts";
import type { PixelsView, TechniqueView } from "../protocol.ts";
import { shareOf, withShare } from "../slider-rule.ts";
import { address, choose } from "../state/address.ts";
import { localized, overlayOf, smoothed } from "../state/display.ts";
import { fillCell, fillCheapCells, stopGrid } from "../state/grid.ts";
import { explain } from "../state/runs.ts";
import { type GridCell, grid, network, picture } from "../state/signals.ts";
import { groupsOf, pace, secondsOf } from "../state/techniques.ts";
import { strings } from "../strings.ts";
import { Canvas, imageDataOf } from "./canvas.tsx";
import { BoxOutline, MapSliders } from "./stage.tsx";

const words = strings.compare;

export function ComparePanel() {
  const of = network.value;
  const entry = picture.value;
  const fitted = entry?.fitted;
  const known = pace.value !== undefined;
  useEffect(() => {
    if (fitted !== undefined && known) fillCheapCells();
  }, [fitted, known]);
  if (of === undefined || fitted === undefined) return null;
  const cells = grid.value;
  const isBusy = Object.values(cells).some(({ status }) => status === "running" || status === "waiting");
  const missing = of.methods.filter(({ name, refusal }) => refusal === undefined && cells[name] === undefined);
  return (
    <>
      <p>{words.lead}</p>
      <div class="run-bar">
        <button
          type="button"
          disabled={missing.length === 0}
          onClick={() => {
            for (const { name } of missing) void fillCell(name);
          }}
        >
          {words.runAll}
        </button>
        {isBusy ? (
          <button type="button" onClick={stopGrid}>
            {words.stop}
          </button>
        ) : null}
      </div>
      <MapSliders />
      {groupsOf(of.methods).map(([group, methods]) => (
        <section key={group}>
          <h2>{strings.run.groups[group]}</h2>
          <ul class="grid">
            {methods.map((method) => (
              <li key={method.name}>
                <Cell method={method} cell={cells[method.name]} pixels={fitted.pixels} />
              </li>
            ))}
          </ul>
        </section>
      ))}
    </>
  );
}

function Cell({ method, cell, pixels }: { method: TechniqueView; cell: GridCell | undefined; pixels: PixelsView }) {
  const { name, title, refusal, cost } = method;
  const seconds = secondsOf(method);
  return (
    <article class="cell">
      <h3>{title}</h3>
      {cell?.status === "done" ? (
        <button
          type="button"
          class="picture-button"
          aria-label={words.show(title)}
          onClick={() => {
            choose({ method: name, tab: "explain" });
            explain();
          }}
        >
          <MapThumb map={cell.view.map} pixels={pixels} rule={method.box ?? usualBox} />
        </button>
      ) : (
        <div class="cell-empty">
          {refusal === undefined ? (
            cell === undefined ? (
              <>
                <button type="button" onClick={() => void fillCell(name)} aria-label={`${words.run}: ${title}`}>
                  {words.run}
                </button>
                <span class="soft">
                  {seconds === undefined
                    ? cost && strings.run.runs(cost.forward, cost.gradient)
                    : strings.run.takes(seconds)}
                </span>
              </>
            ) : (
              <CellState cell={cell} />
            )
          ) : (
            <p class="soft">{withControls(refusal)}</p>
          )}
        </div>
      )}
      <p class="soft">{cell?.status === "done" ? strings.seconds(cell.view.record.seconds) : method.summary}</p>
    </article>
  );
}

function CellState({ cell }: { cell: Exclude<GridCell, { status: "done" }> }) {
  if (cell.status === "failed") return <p class="problem">{cell.error}</p>;
  const { progress, started } = cell;
  if (progress === undefined || started === undefined || progress.of === 0) return <span>{words.waiting}</span>;
  const share = progress.done / progress.of;
  const elapsed = (performance.now() - started) / 1000;
  return (
    <>
      <progress value={share} max={1} aria-label={strings.run.progress(share)} />
      <span class="soft">{share > 0.03 ? strings.run.left((elapsed * (1 - share)) / share) : ""}</span>
    </>
  );
}

function MapThumb({ map, pixels, rule: own }: { map: Float32Array; pixels: PixelsView; rule: ThresholdRule }) {
  const { opacity, sigma, alpha } = address.value;
  const { width, height } = pixels;
  const smooth = useMemo(() => smoothed(map, width, height, sigma), [map, width, height, sigma]);
  const rule = alpha === undefined ? own : withShare(own, alpha);
  const { box } = useMemo(
    () => localized(map, width, height, sigma, rule),
    [map, width, height, sigma, rule.kind, shareOf(rule)],
  );
  const draw = useCallback(
    (context: CanvasRenderingContext2D) => context.putImageData(imageDataOf(overlayOf(pixels, smooth, opacity)), 0, 0),
    [pixels, smooth, opacity],
  );
  return (
    <div class="frame">
      <Canvas {...{ width, height, draw }} text="" />
      {box === undefined ? null : <BoxOutline {...{ box, width, height }} />}
    </div>
  );
}
