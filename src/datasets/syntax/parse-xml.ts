/**
 * @file Annotation files in XML: elements, attributes, text, comments and CDATA, which is all that ILSVRC, Pascal VOC and CVAT use.
 *
 * The HTML-minded parsers that run both in Node and in browsers close what a file leaves open, and so read a file that was cut
 * short as one with fewer boxes. This one refuses it.
 */
import { BadInputError } from "../../errors.ts";

export interface XmlElement {
  readonly name: string;
  readonly children: readonly XmlElement[];
  /** The text directly in the element, without white space around it. */
  readonly text: string;
  /** Absent where there are none. */
  readonly attributes?: Readonly<Record<string, string>>;
}

const token =
  /<!--[\s\S]*?-->|<!\[CDATA\[([\s\S]*?)\]\]>|<\?[\s\S]*?\?>|<!DOCTYPE[^>[]*(?:\[[^\]]*\]\s*)?>|<\/([^\s<>/]+)\s*>|<([^\s<>/!?]+)((?:\s+[^\s=<>/]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>|([^<]+)/y;

const entities: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

const attribute = /([^\s=]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g;

interface OpenElement extends XmlElement {
  readonly children: XmlElement[];
  text: string;
}

/**
 * The root element of the document `text`.
 *
 * Throws a BadInputError on behalf of `where` with the line if the document is not well-formed or ends too early.
 */
export function parseXml(text: string, where: string): XmlElement {
  const source = text.replace(/^\uFEFF/, "");
  const complain = (what: string, at: number): BadInputError =>
    new BadInputError({ where, what: `line ${source.slice(0, at).split("\n").length}: ${what}`, expected: "XML" });
  const document: OpenElement = { name: "", children: [], text: "" };
  const open: OpenElement[] = [document];
  token.lastIndex = 0;
  while (token.lastIndex < source.length) {
    const at = token.lastIndex;
    const match = token.exec(source);
    if (match === null) throw complain("this is no tag, or one that is cut short", at);
    const [, verbatim, closing, opening, written, isEmpty, characters] = match;
    const inner = open[open.length - 1];
    if (verbatim !== undefined) inner.text += verbatim;
    else if (characters !== undefined) inner.text += decoded(characters, (what) => complain(what, at));
    else if (opening !== undefined) {
      const attributes = attributesIn(written, (what) => complain(what, at));
      const element: OpenElement = { name: opening, children: [], text: "", ...(attributes && { attributes }) };
      inner.children.push(element);
      if (isEmpty === "") open.push(element);
    } else if (closing !== undefined) {
      if (closing !== inner.name)
        throw complain(`</${closing}> closes nothing${inner.name === "" ? "" : `; <${inner.name}> is open`}`, at);
      inner.text = inner.text.trim();
      open.pop();
    }
  }
  if (open.length > 1)
    throw complain(`<${open[open.length - 1].name}> is not closed: the file is cut short`, source.length);
  if (document.children.length !== 1 || document.text.trim() !== "") throw complain("there is not one root element", 0);
  return document.children[0];
}

function attributesIn(
  written: string,
  complain: (what: string) => BadInputError,
): Readonly<Record<string, string>> | undefined {
  if (written === "") return undefined;
  const found = [...written.matchAll(attribute)].map(([, name, double, single]) => {
    return [name, decoded(double ?? single, complain)] as const;
  });
  return Object.fromEntries(found);
}

function decoded(text: string, complain: (what: string) => BadInputError): string {
  return text.replace(/&([^;\s&]*);?/g, (whole, name: string) => {
    const code = /^#(?:x([0-9a-f]+)|(\d+))$/i.exec(name);
    const point = code === null ? undefined : Number.parseInt(code[1] ?? code[2], code[1] === undefined ? 10 : 16);
    if (whole.endsWith(";")) {
      if (point !== undefined && point > 0 && point <= 0x10ffff) return String.fromCodePoint(point);
      if (Object.hasOwn(entities, name)) return entities[name];
    }
    throw complain(`${JSON.stringify(whole)} is no entity`);
  });
}

/** The first child of this name, if there is one. */
export function childOf(element: XmlElement, name: string): XmlElement | undefined {
  return element.children.find((child) => child.name === name);
}
