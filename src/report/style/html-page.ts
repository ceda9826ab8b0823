/** @file The frame of a page: one HTML file that needs nothing else. */
import { escapeMarkup } from "../../escape-text.ts";
import { pageStyle } from "./page-style.ts";

export interface HtmlPageInput {
  /** As text. */
  readonly title: string;
  /** CSS beyond that of all pages. */
  readonly style: string;
  /** Of the head; a page may do without. */
  readonly script?: string;
  /** HTML. */
  readonly body: string;
}

/** The page, for light and dark and for any width. */
export function htmlPage({ title, style, script, body }: HtmlPageInput): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeMarkup(title)}</title>
<style>${pageStyle}${style}</style>
${script === undefined ? "" : `<script>${script}</script>\n`}</head>
<body>
${body}
</body>
</html>
`;
}
