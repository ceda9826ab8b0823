/** @file Before and after as one figure: a slider between two pictures of one size. */
import { escapeLine, escapeMarkup } from "../../escape-text.ts";

export interface ComparedPicture {
  /** A data URI, or a path relative to the page, escaped already. */
  readonly source: string;
  readonly alt: string;
  /** Such as "before", and what is said of it. */
  readonly title: string;
  readonly text: string;
}

export interface CompareFigureInput {
  readonly before: ComparedPicture;
  readonly after: ComparedPicture;
  readonly size: { readonly width: number; readonly height: number };
  /** Whether single pixels are to be seen. */
  readonly isPixelated: boolean;
}

/** The figure as HTML; {@link pageScript} and `pageStyle` make it move. */
export function compareFigure({ before, after, size, isPixelated }: CompareFigureInput): string {
  const { width, height } = size;
  const image = ({ source, alt }: ComparedPicture, place: string): string =>
    `<img class="${place}${isPixelated ? " pixels" : ""}" width="${width}" height="${height}" alt="${escapeMarkup(alt)}" loading="lazy" decoding="async" src="${source}">`;
  const end = ({ title, text }: ComparedPicture): string =>
    `<span><b>${escapeMarkup(title)}</b> ${escapeLine(text).replace(/ %$/, "\u00a0%")}</span>`;
  return `<figure class="compare"><div class="tile stack">${image(before, "first")}${image(after, "second")}</div>
<input class="cut" type="range" min="0" max="100" value="50" aria-label="${escapeMarkup(`Where ${before.title} ends and ${after.title} begins, in per cent`)}">
<figcaption class="ends">${end(before)}${end(after)}</figcaption></figure>`;
}
