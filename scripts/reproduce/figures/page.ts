/** @file The page of all figures: what each shows, what it was made of, and what the paper says of its own. */
import { escapeMarkup } from "../../../src/escape-text.ts";
import { htmlPage } from "../../../src/report/style/html-page.ts";

export interface FigureEntry {
  readonly number: number;
  readonly title: string;
  /** What the paper says of its figure: what to look for. */
  readonly paper: string;
  /** What is in this one, from left to right or top to bottom, with the numbers that belong to it. */
  readonly here: readonly string[];
  /** Network, data, run and settings. */
  readonly source: string;
  /** Undefined: the figure could not be made, and `here` says why. */
  readonly file?: string;
}

const style =
  ".figure img{display:block;max-width:100%;height:auto;margin:.8em 0;background:#fff}.figure{margin:3em 0}";

/** One HTML page that shows the files beside it. */
export function figuresPage(entries: readonly FigureEntry[], introduction: string): string {
  const sections = entries.map(({ number, title, paper, here, source, file }) => {
    const picture =
      file === undefined ? "" : `<img src="${escapeMarkup(file)}" alt="${escapeMarkup(`Figure ${number}: ${title}`)}">`;
    const paragraph = (name: string, text: string): string => `<p><b>${name}</b> ${escapeMarkup(text)}</p>`;
    return `<section class="figure" id="figure-${number}"><h2>Figure ${number}: ${escapeMarkup(title)}</h2>${picture}
${paragraph("In the paper:", paper)}
${here.map((text) => paragraph("Here:", text)).join("\n")}
${paragraph("Made of:", source)}</section>`;
  });
  return htmlPage({
    title: "Figures 1 to 8 of the paper, made again",
    style,
    body: `<main><h1>Figures 1 to 8 of the paper, made again</h1><p>${escapeMarkup(introduction)}</p>
${sections.join("\n")}</main>`,
  });
}
