/** @file Margin and confidences over the evaluations, drawn by Observable Plot, which is loaded when there is something to draw. */
import type * as PlotLibrary from "@observablehq/plot";
import { useEffect, useRef, useState } from "preact/hooks";
import type { CurvePoint } from "../state/run-state.ts";
import { strings } from "../strings.ts";
import { ClassName } from "./controls.tsx";

const words = strings.curves;

export interface CurvesProps {
  readonly curve: readonly CurvePoint[];
  /** The evaluation that is shown above. */
  readonly at: number | undefined;
  readonly label: string;
  readonly other: string;
}

/** Puts the plot into its place, with what it says in words. */
function show(place: HTMLElement | null, text: string, plot: Element): void {
  plot.setAttribute("aria-hidden", "true");
  place?.setAttribute("aria-label", text);
  place?.replaceChildren(plot);
}

/** Milliseconds between two drawings of curves that grow: plots take as long as an evaluation of a small network, which wants the cores. */
const pause = 100;

/** Two small plots side by side. */
export function Curves(props: CurvesProps) {
  const { curve, at, label, other } = props;
  const [Plot, setPlot] = useState<typeof PlotLibrary>();
  const margin = useRef<HTMLDivElement>(null);
  const confidence = useRef<HTMLDivElement>(null);
  const newest = useRef(props);
  newest.current = props;
  const waiting = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const drawn = useRef(0);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const place = margin.current;
    if (place === null) return;
    // Plots are drawn as wide as their place, so that their letters have one size in every window.
    const observer = new ResizeObserver(([{ contentRect }]) => setWidth(Math.round(contentRect.width)));
    observer.observe(place);
    return () => observer.disconnect();
  }, [curve.length === 0]);
  useEffect(() => {
    let isGone = false;
    void import("@observablehq/plot").then((library) => {
      if (!isGone) setPlot(library);
    });
    return () => {
      isGone = true;
      clearTimeout(waiting.current);
    };
  }, []);
  useEffect(() => {
    if (Plot === undefined || curve.length === 0 || waiting.current !== undefined) return;
    // A step back is shown at once, evaluations a few at a time.
    const wait = at === undefined ? Math.max(0, drawn.current + pause - performance.now()) : 0;
    waiting.current = setTimeout(() => {
      waiting.current = undefined;
      drawn.current = performance.now();
      drawCurves(Plot, newest.current, { margin: margin.current, confidence: confidence.current });
    }, wait);
  }, [Plot, curve, at, width]);
  if (curve.length === 0) return null;
  return (
    <section class="curves" aria-label={words.heading}>
      <figure>
        <figcaption>{words.margin}</figcaption>
        <div ref={margin} class="plot-place" role="img" />
      </figure>
      <figure>
        <figcaption>
          {words.confidence}:{" "}
          <span class="key solid">
            <ClassName name={label} />
          </span>{" "}
          <span class="key dashed">
            <ClassName name={other} />
          </span>
        </figcaption>
        <div ref={confidence} class="plot-place" role="img" />
      </figure>
    </section>
  );
}

function drawCurves(
  Plot: typeof PlotLibrary,
  { curve, at }: CurvesProps,
  places: Readonly<Record<"margin" | "confidence", HTMLElement | null>>,
): void {
  const shown = curve.find(({ evaluation }) => evaluation === at) ?? curve.at(-1);
  if (shown === undefined) return;
  const text = words.text(shown.margin, shown.confidence, shown.other);
  const width = Math.max(220, places.margin?.clientWidth ?? 420);
  const frame = { width, height: 190, marginLeft: 48, marginRight: 12, marginTop: 12, marginBottom: 34 };
  const x = { label: words.evaluation, labelArrow: "none", domain: [1, Math.max(10, curve.length)] } as const;
  const style = { fontSize: "12px", background: "transparent", maxWidth: "100%" };
  const mark = at === undefined ? [] : [Plot.ruleX([at], { stroke: "currentColor", strokeDasharray: "3 3" })];
  show(
    places.margin,
    text,
    Plot.plot({
      ...{ ...frame, x, style, className: "plot" },
      y: { label: null, grid: true, nice: true },
      marks: [
        Plot.ruleY([0], { stroke: "var(--bad)" }),
        ...mark,
        Plot.lineY(curve, { x: "evaluation", y: "margin", stroke: "var(--accent)", strokeWidth: 2 }),
      ],
    }),
  );
  show(
    places.confidence,
    text,
    Plot.plot({
      ...{ ...frame, x, style, className: "plot" },
      y: { label: null, grid: true, domain: [0, 1], percent: false, tickFormat: "%" },
      marks: [
        ...mark,
        Plot.lineY(curve, { x: "evaluation", y: "confidence", stroke: "var(--accent)", strokeWidth: 2 }),
        Plot.lineY(curve, {
          ...{ x: "evaluation", y: "other", stroke: "var(--second)", strokeWidth: 2, strokeDasharray: "6 3" },
        }),
      ],
    }),
  );
}
