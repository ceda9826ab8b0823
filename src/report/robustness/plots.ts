/** @file The figure of the robustness experiment. */
import { checkForm } from "../../errors.ts";
import type { RobustnessSummary } from "../../experiments/robustness/summary.ts";
import { curvePlot } from "../figures/plots.ts";
import { normText } from "./tables.ts";

/** A plot with the name of its file, without the ending. */
export interface RobustnessPlot {
  readonly name: string;
  readonly title: string;
  readonly caption: string;
  readonly svg: string;
}

/** For each norm, robust accuracy of every attack over the radius, from no attack on, with bands of 95 %. None where nothing was attacked. */
export async function robustnessPlots(summary: RobustnessSummary): Promise<RobustnessPlot[]> {
  checkForm("robustnessPlots: summary", summary, ["model", "data", "curves"]);
  const plots: RobustnessPlot[] = [];
  for (const norm of new Set(summary.curves.map((curve) => curve.norm))) {
    const curves = summary.curves.filter((curve) => curve.norm === norm);
    // In ℓ∞ radii are read in levels of a picture.
    const scale = norm === "linf" ? 255 : 1;
    plots.push({
      name: `robust-accuracy-${norm}`,
      title: `Robust accuracy in ${normText(norm)}.`,
      caption: "Of all pictures, those classified rightly and not flipped within ε; bands are 95 % intervals.",
      svg: await curvePlot({
        curves: curves.map(({ name, accuracy, radii }) => ({
          name,
          points: [{ epsilon: 0, robust: accuracy }, ...radii].map(({ epsilon, robust: { value, low, high } }) => ({
            ...{ x: scale * epsilon, y: value, low, high },
          })),
        })),
        x: { label: norm === "linf" ? "ε in levels of 255" : "ε in pixels of [0, 1]" },
        y: { label: "robust accuracy", domain: [0, 1], isPercent: true },
        width: 620,
        height: 400,
      }),
    });
  }
  return plots;
}
