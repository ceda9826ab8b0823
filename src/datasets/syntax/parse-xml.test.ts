import fc from "fast-check";
import { expect, test } from "vitest";
import { BadInputError } from "../../errors.ts";
import { parseBoxAnnotation } from "../box-annotation.ts";
import { parseXml, type XmlElement } from "./parse-xml.ts";

const annotation = `<?xml version="1.0" encoding="utf-8"?>
<!-- made by hand -->
<annotation verified="yes">
  <folder>val</folder>
  <size><width>500</width><height>375</height><depth>3</depth></size>
  <object>
    <name>n01751748</name><difficult>0</difficult>
    <bndbox><xmin>111</xmin><ymin>108</ymin><xmax>441</xmax><ymax>193</ymax></bndbox>
  </object>
  <object>
    <name>n01751748</name><difficult>1</difficult>
    <part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></part>
    <bndbox><xmax>45.70</xmax><xmin>1</xmin><ymin>2</ymin><ymax>30</ymax></bndbox>
  </object>
</annotation>
`;

test("an annotation: both ends of a box included, counted from 0 or from 1", () => {
  expect(parseBoxAnnotation(annotation, "a.xml", 0)).toEqual({
    size: { width: 500, height: 375 },
    objects: [
      { name: "n01751748", isDifficult: false, box: [111, 108, 442, 194], written: [111, 108, 441, 193] },
      { name: "n01751748", isDifficult: true, box: [1, 2, 46.7, 31], written: [1, 2, 45.7, 30] },
    ],
    isOfficial: true,
    hasEdges: true,
  });
  expect(parseBoxAnnotation(annotation, "a.xml", 1).objects.map(({ box }) => box)).toEqual([
    [110, 107, 441, 193],
    [0, 1, 45.7, 30],
  ]);
});

test("an annotation cut short anywhere is refused, never read as one with fewer boxes", () => {
  const whole = annotation.trimEnd();
  for (let length = 0; length < whole.length; length += 3) {
    expect(() => parseBoxAnnotation(whole.slice(0, length), "a.xml", 0)).toThrow(BadInputError);
  }
});

test.each([
  ["<a/>", "the root element is <a>"],
  ["<annotation><object><bndbox/></object></annotation>", "object 1 has no name"],
  ["<annotation><object><name>x</name></object></annotation>", "object 1 has no bndbox"],
  [
    "<annotation><object><name>x</name><bndbox><xmin>1</xmin><ymin>a</ymin></bndbox></object></annotation>",
    "ymin of object 1 is no number",
  ],
  ["<annotation>\n</annotations>", "line 2: </annotations> closes nothing; <annotation> is open"],
  ["<annotation></annotation><annotation/>", "there is not one root element"],
  ["<annotation>&nbsp;</annotation>", '"&nbsp;" is no entity'],
  ["<annotation x=1/>", "line 1: this is no tag"],
  ["<annotation x='&nbsp;'/>", '"&nbsp;" is no entity'],
])("%j: %s", (text, message) => {
  expect(() => parseBoxAnnotation(text, "a.xml", 0)).toThrow(`a.xml: `);
  expect(() => parseBoxAnnotation(text, "a.xml", 0)).toThrow(message);
});

test("a size of zeros, as some files of ILSVRC have it, is none", () => {
  const text = "<annotation><size><width>0</width><height>0</height></size></annotation>";
  expect(parseBoxAnnotation(text, "a.xml", 0)).toEqual({
    size: undefined,
    objects: [],
    isOfficial: false,
    hasEdges: false,
  });
});

test("doctype, CDATA, comments, entities, empty elements and attributes", () => {
  const text = `<!DOCTYPE a [<!ELEMENT a ANY>]><a x = "1>" y='"&lt;'><!-- <b> --><b/>&lt;&#65;&#x42;&amp;<![CDATA[<&>]]></a>`;
  expect(parseXml(text, "a.xml")).toEqual({
    name: "a",
    children: [{ name: "b", children: [], text: "" }],
    text: "<AB&<&>",
    attributes: { x: "1>", y: '"<' },
  });
});

test("what is written is read", () => {
  const { element } = fc.letrec<{ element: XmlElement }>((tie) => ({
    element: fc.record({
      name: fc.stringMatching(/^[a-z][a-z0-9_.-]{0,5}$/),
      children: fc.oneof({ maxDepth: 3 }, fc.constant([]), fc.array(tie("element"), { maxLength: 3 })),
      text: fc.string({ maxLength: 6 }).map((text) => text.trim()),
    }),
  }));
  const escaped = (text: string): string => text.replace(/[<>&]/g, (character) => `&#${character.codePointAt(0)};`);
  const written = ({ name, children, text }: XmlElement): string =>
    `<${name}>\n${escaped(text)}${children.map(written).join("")} </${name}>`;
  fc.assert(
    fc.property(element, (tree) => {
      expect(parseXml(written(tree), "a.xml")).toEqual(tree);
    }),
  );
});
