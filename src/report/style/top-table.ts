/** @file The most probable labels of a picture, and of what became of it, as tables with bars. */
import { escapeMarkup } from "../../escape-text.ts";
import type { LabelRecord } from "../../experiments/records/label-record.ts";
import { percent, shortName } from "./wording.ts";

export interface TopTableInput {
  readonly before: readonly LabelRecord[];
  /** Of the changed picture, where there is one. */
  readonly after: readonly LabelRecord[] | undefined;
  /** The class that is asked about, which is set in bold. */
  readonly asked: number;
}

/** One table, or two side by side, as HTML. */
export function topTables({ before, after, asked }: TopTableInput): string {
  const table = (when: string, kind: string, classes: readonly LabelRecord[]): string => {
    const rows = classes.map(
      ({ index, name, confidence }) =>
        `<tr${index === asked ? ' class="asked"' : ""}><th scope="row" title="${escapeMarkup(name)}">${escapeMarkup(shortName(name))}</th><td class="bar ${kind}"><span style="width:${(100 * confidence).toFixed(1)}%"></span></td><td class="value">${percent(confidence)}</td></tr>`,
    );
    const time = when === "" ? "" : ` <b>${when}</b>`;
    return `<table class="confidences"><caption>The ${classes.length} most probable labels${time}</caption><colgroup><col class="name"><col><col class="number"></colgroup><tbody>${rows.join("")}</tbody></table>`;
  };
  if (after === undefined) return `<div class="tops">${table("", "before", before)}</div>`;
  return `<div class="tops">${table("before", "before", before)}${table("after", "after", after)}</div>`;
}
