/** @file Look inside: how far the change moved each layer, and the feature maps of one. */
import { useCallback, useEffect } from "preact/hooks";
import { colorAt } from "../../image/color-map.ts";
import { address } from "../state/address.ts";
import { lookInside, measureLayers } from "../state/layers.ts";
import { lastChange, layerDistances, layerMaps, network, picture } from "../state/signals.ts";
import { strings } from "../strings.ts";
import { Canvas } from "./canvas.tsx";
import { Field } from "./controls.tsx";

const words = strings.inside;

export function InsidePanel() {
  const of = network.value;
  const fitted = picture.value?.fitted;
  const change = lastChange.value;
  const spatial = of?.layers.filter(({ isSpatial }) => isSpatial) ?? [];
  const { layer: wanted } = address.value;
  const layer = spatial.find(({ index }) => index === wanted)?.index ?? spatial[Math.floor(spatial.length / 2)]?.index;
  useEffect(() => {
    if (fitted !== undefined && change !== undefined) void measureLayers();
  }, [fitted, change]);
  useEffect(() => {
    if (fitted !== undefined && layer !== undefined) void lookInside(layer);
  }, [fitted, change, layer]);
  if (of === undefined || fitted === undefined) return null;
  return (
    <>
      <p>{words.lead}</p>
      {change === undefined ? <p class="soft">{words.needsChange}</p> : <DistanceBars chosen={layer} />}
      <div class="controls">
        <Field label={words.layer}>
          {(id) => (
            <select
              id={id}
              value={layer}
              onChange={({ currentTarget }) => void lookInside(Number(currentTarget.value))}
            >
              {spatial.map(({ index, pattern, shape }) => (
                <option key={index} value={index}>
                  {index} · {pattern} · {shape.slice(1).join(" × ")}
                </option>
              ))}
            </select>
          )}
        </Field>
      </div>
      <FeatureMaps hasChange={change !== undefined} />
    </>
  );
}

function DistanceBars({ chosen }: { chosen: number | undefined }) {
  const { view, error } = layerDistances.value ?? {};
  if (error !== undefined) return <p class="problem">{error}</p>;
  if (view === undefined) return <progress aria-label={words.distances} />;
  const most = Math.max(...view.map(({ distance }) => distance), Number.MIN_VALUE);
  return (
    <section>
      <h3>{words.distances}</h3>
      <p class="soft">{words.barsAre}</p>
      <ol class="bars">
        {view.map(({ index, pattern, distance }) => (
          <li key={index}>
            <button
              type="button"
              aria-pressed={index === chosen}
              aria-label={words.bar(pattern, distance.toPrecision(2))}
              onClick={() => void lookInside(index)}
            >
              <span class="bar-name">{pattern}</span>
              <span class="bar-track">
                <span class="bar" style={{ inlineSize: `${100 * Math.sqrt(distance / most)}%` }} />
              </span>
              <span class="bar-number">{distance.toPrecision(2)}</span>
            </button>
          </li>
        ))}
      </ol>
    </section>
  );
}

function FeatureMaps({ hasChange }: { hasChange: boolean }) {
  const { view, error } = layerMaps.value ?? {};
  if (error !== undefined) return <p class="problem">{error}</p>;
  if (view === undefined) return null;
  const { channels, total, width, height } = view;
  return (
    <section>
      <h3>{words.maps(channels.length, total)}</h3>
      <p class="soft">{hasChange ? words.mapsChanged : words.mapsPlain}</p>
      <ul class="feature-maps">
        {channels.map(({ channel, clean, perturbed }) => (
          <li key={channel}>
            <FeatureMap {...{ width, height }} map={clean} text={words.channel(channel)} />
            {perturbed === undefined ? null : <FeatureMap {...{ width, height }} map={perturbed} text="" />}
            <span class="soft">{channel}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

const viridis = Array.from({ length: 256 }, (_, level) => colorAt(level / 255, "viridis").map((value) => 255 * value));

function FeatureMap({ map, width, height, text }: { map: Float32Array; width: number; height: number; text: string }) {
  const draw = useCallback(
    (context: CanvasRenderingContext2D) => {
      const pixels = context.createImageData(width, height);
      for (const [i, value] of map.entries()) {
        pixels.data.set(viridis[Math.round(255 * Math.max(0, Math.min(1, value)))], 4 * i);
        pixels.data[4 * i + 3] = 255;
      }
      context.putImageData(pixels, 0, 0);
    },
    [map, width, height],
  );
  return <Canvas {...{ width, height, draw, text }} />;
}
