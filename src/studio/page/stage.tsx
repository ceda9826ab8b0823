/** @file What is looked at: the map over the picture, before and after, the map; with the sliders that change how it is drawn. */
import type { Signal } from "@preact/signals";
import { useCallback, useMemo, useState } from "preact/hooks";
import { squaresInside } from "../../localization/energy-inside.ts";
import type { ThresholdRule } from "../../localization/threshold.ts";
import type { AttackView, ExplanationView, PixelsView } from "../protocol.ts";
import { shareOf, withShare } from "../slider-rule.ts";
import { address, choose } from "../state/address.ts";
import { differenceOf, heatOf, localized, overlayOf, spotlightOf } from "../state/display.ts";
import type { RunState } from "../state/run-state.ts";
import { showFrame } from "../state/runs.ts";
import type { PictureEntry } from "../state/signals.ts";
import { strings } from "../strings.ts";
import { Canvas, imageDataOf } from "./canvas.tsx";
import { Slider } from "./controls.tsx";

const words = strings.stage;

type AnyRun = RunState<ExplanationView> | RunState<AttackView>;

/** The map and the picture that a run shows: those of the chosen frame, of the result, or of the newest frame. */
export function shownOf(
  run: AnyRun | undefined,
): { map: Float32Array; perturbed?: PixelsView; evaluation?: number } | undefined {
  if (run === undefined) return undefined;
  const frame = run.position === undefined ? undefined : run.frames[run.position];
  if (frame !== undefined) return { map: frame.map, perturbed: frame.pixels, evaluation: frame.evaluation };
  if (run.result !== undefined) return { map: run.result.map, perturbed: run.result.perturbed };
  const newest = run.frames.at(-1);
  return newest && { map: newest.map, perturbed: newest.pixels, evaluation: newest.evaluation };
}

export interface StageProps {
  readonly entry: PictureEntry;
  readonly run: AnyRun | undefined;
  readonly mapTitle: string;
  /** How the map becomes a box, as far as no slider was moved. */
  readonly box: ThresholdRule;
}

export function Stage({ entry, run, mapTitle, box: ownRule }: StageProps) {
  const picture = entry.fitted?.pixels;
  const { opacity, sigma, alpha } = address.value;
  const shown = shownOf(run);
  const map = shown?.map;
  const rule = alpha === undefined ? ownRule : withShare(ownRule, alpha);
  const share = shareOf(rule);
  const found = useMemo(
    () =>
      picture === undefined || map === undefined
        ? undefined
        : localized(map, picture.width, picture.height, sigma, rule),
    [picture, map, sigma, rule.kind, share],
  );
  if (picture === undefined) return null;
  const { name } = entry.file;
  const { box } = found ?? {};
  const boxText =
    found === undefined || map === undefined
      ? ""
      : box === undefined
        ? words.noBox
        : words.box(...box, squaresInside({ ...found.smooth, data: map as Float32Array<ArrayBuffer> }, box));
  return (
    <div class="stage-area">
      <div class="stage">
        <Overlay {...{ picture, found, opacity, name, boxText }} />
        {shown?.perturbed === undefined ? (
          found === undefined ? null : (
            <Spotlight picture={picture} component={found.component.data} />
          )
        ) : (
          <BeforeAfter before={picture} after={shown.perturbed} name={name} />
        )}
        {found === undefined ? null : <Heat map={found} title={mapTitle} text={words.mapText(boxText)} />}
      </div>
      <p class="box-text">{boxText}</p>
      <MapSliders rule={rule} />
    </div>
  );
}

/** How maps are drawn. Without a `rule`, the threshold of several methods, each in its own way. */
export function MapSliders({ rule }: { rule?: ThresholdRule }) {
  const { opacity, sigma, alpha } = address.value;
  const share = rule === undefined ? (alpha ?? 0.5) : shareOf(rule);
  const shown =
    rule !== undefined ? words.shares[rule.kind](share) : alpha === undefined ? words.own : words.all(alpha);
  return (
    <div class="sliders">
      <Slider
        {...{ label: words.opacity, value: opacity, min: 0, max: 1, step: 0.01, shown: strings.percent(opacity) }}
        onInput={(value) => choose({ opacity: value })}
      />
      <Slider
        {...{ label: words.blur, value: sigma, min: 0, max: 12, step: 0.25, shown: `σ ${sigma} px` }}
        onInput={(value) => choose({ sigma: value })}
      />
      <div class="own-threshold">
        <Slider
          {...{ label: words.threshold, value: share, min: 0, max: 1, step: 0.01, shown }}
          onInput={(value) => choose({ alpha: value })}
        />
        {alpha === undefined ? null : (
          <button type="button" class="quiet" onClick={() => choose({ alpha: undefined })}>
            {words.ownAgain}
          </button>
        )}
      </div>
    </div>
  );
}

type Found = ReturnType<typeof localized>;

function Overlay({
  picture,
  found,
  opacity,
  name,
  boxText,
}: {
  picture: PixelsView;
  found: Found | undefined;
  opacity: number;
  name: string;
  boxText: string;
}) {
  const draw = useCallback(
    (context: CanvasRenderingContext2D) => {
      const pixels = found === undefined ? picture : overlayOf(picture, found.smooth, opacity);
      context.putImageData(imageDataOf(pixels), 0, 0);
    },
    [picture, found, opacity],
  );
  const { width, height } = picture;
  return (
    <figure>
      <div class="frame">
        <Canvas {...{ width, height, draw }} text={words.overlayText(name, boxText)} />
        {found?.box === undefined ? null : <BoxOutline box={found.box} width={width} height={height} />}
      </div>
      <figcaption>{words.overlay}</figcaption>
    </figure>
  );
}

/** White within black, so that it shows on any ground. */
export function BoxOutline({
  box: [x0, y0, x1, y1],
  width,
  height,
}: {
  box: readonly [number, number, number, number];
  width: number;
  height: number;
}) {
  const place = {
    x: x0,
    y: y0,
    width: x1 - x0,
    height: y1 - y0,
    fill: "none",
    "vector-effect": "non-scaling-stroke",
  } as const;
  return (
    <svg class="outline" viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
      <rect {...place} stroke="#000" stroke-width="5" />
      <rect {...place} stroke="#fff" stroke-width="2.5" />
    </svg>
  );
}

function Heat({ map, title, text }: { map: Found; title: string; text: string }) {
  const [height, width] = map.smooth.shape;
  const draw = useCallback(
    (context: CanvasRenderingContext2D) => context.putImageData(imageDataOf(heatOf(map.smooth)), 0, 0),
    [map.smooth],
  );
  return (
    <figure>
      <div class="frame">
        <Canvas {...{ width, height, draw, text }} />
      </div>
      <figcaption>{title}</figcaption>
    </figure>
  );
}

function Spotlight({ picture, component }: { picture: PixelsView; component: ArrayLike<number> }) {
  const draw = useCallback(
    (context: CanvasRenderingContext2D) => context.putImageData(imageDataOf(spotlightOf(picture, component)), 0, 0),
    [picture, component],
  );
  return (
    <figure>
      <div class="frame">
        <Canvas width={picture.width} height={picture.height} draw={draw} text={words.spotlight} />
      </div>
      <figcaption>{words.spotlight}</figcaption>
    </figure>
  );
}

/** The picture as it was and as it is now, on either side of a line; or the difference. */
function BeforeAfter({ before, after, name }: { before: PixelsView; after: PixelsView; name: string }) {
  const [at, setAt] = useState(50);
  const [isDifference, setDifference] = useState(false);
  const [factor, setFactor] = useState(20);
  const draw = useCallback(
    (context: CanvasRenderingContext2D) => {
      if (isDifference) {
        context.putImageData(imageDataOf(differenceOf(before, after, factor)), 0, 0);
        return;
      }
      const split = Math.round((at / 100) * before.width);
      context.putImageData(imageDataOf(after), 0, 0);
      if (split > 0) context.putImageData(imageDataOf(before), 0, 0, 0, 0, split, before.height);
    },
    [before, after, at, isDifference, factor],
  );
  return (
    <figure>
      <div class="frame">
        <Canvas
          width={before.width}
          height={before.height}
          draw={draw}
          text={isDifference ? words.difference : words.perturbedText(name, at)}
        />
        {isDifference ? null : <div class="divider" style={{ insetInlineStart: `${at}%` }} />}
      </div>
      <figcaption>{isDifference ? words.difference : words.perturbed}</figcaption>
      {isDifference ? (
        <Slider
          {...{
            label: words.amplify,
            value: factor,
            min: 1,
            max: 100,
            step: 1,
            shown: `${factor} ×`,
            onInput: setFactor,
          }}
        />
      ) : (
        <Slider {...{ label: words.swipe, value: at, min: 0, max: 100, step: 1, shown: `${at} %`, onInput: setAt }} />
      )}
      <label class="check">
        <input
          type="checkbox"
          checked={isDifference}
          onChange={({ currentTarget }) => setDifference(currentTarget.checked)}
        />
        {words.showDifference}
      </label>
    </figure>
  );
}

/** Steps through the evaluations of a run. */
export function Timeline({ run }: { run: Signal<AnyRun | undefined> }) {
  const { value } = run;
  if (value === undefined || value.frames.length < 2) return null;
  const last = value.frames.length - 1;
  const isEnd = value.position === undefined;
  const at = value.position ?? last;
  const show = (position: number): void => showFrame(run, Math.max(0, Math.min(last, position)));
  const text =
    isEnd && value.result !== undefined ? strings.run.result : strings.run.evaluation(value.frames[at].evaluation);
  return (
    <div class="timeline">
      <button type="button" aria-label={strings.run.previous} onClick={() => show(at - 1)} disabled={at === 0}>
        ◀
      </button>
      <Slider {...{ label: strings.run.timeline, value: at, min: 0, max: last, step: 1, shown: text, onInput: show }} />
      <button type="button" aria-label={strings.run.next} onClick={() => show(at + 1)} disabled={isEnd || at === last}>
        ▶
      </button>
      <button type="button" onClick={() => showFrame(run, undefined)} disabled={isEnd}>
        {strings.run.newest}
      </button>
    </div>
  );
}
