import fc from "fast-check";
import { parseHTML } from "linkedom";
import { expect, test } from "vitest";
import { escapeAddress, escapeLine, escapeMarkup, isolated, printable, printableJson } from "./escape-text.ts";

/** Everything a terminal or a browser obeys, and halves of characters. */
const hostile = ["\u0000", "\u0007", "\u001b[2J", "\u007f", "\u009b31m", "\u200e", "\u202e", "\u2066", "\u061c", "\u2028", "\ufeff", "\u{e0041}", "\ud800", "\udc00", "\uffff"]; // biome-ignore format: a list

test("what cannot be seen is written out, on one line, and the rest is left alone", () => {
  expect(printable("a\tb\r\nc")).toBe("a\\tb\\r\\nc");
  expect(printable("\u001b]0;title\u0007")).toBe("\\u{1b}]0;title\\u{7}");
  expect(printable("exe.\u202egpj")).toBe("exe.\\u{202e}gpj");
  for (const text of ["tabby, tabby cat", "éßŁ語 ℓ∞ ½", "\u{1f469}\u200d\u{1f52c}", "می\u200cخواهم", ""]) {
    expect(printable(text)).toBe(text);
  }
  for (const text of hostile) {
    const shown = printable(`x${text}y`);
    expect(shown).toMatch(/^x\\u\{[0-9a-f]+\}.*y$/);
    expect(printable(shown)).toBe(shown);
  }
});

test("nothing that is shown holds a control, a separator, a bidirectional character or half a character", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.constantFrom(...hostile), (text, more) => {
      for (const shown of [printable(text + more), escapeMarkup(more + text), printableJson({ [text]: more })]) {
        expect(shown).not.toMatch(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u);
      }
    }),
  );
});

test("words from right to left are kept apart from numbers, brackets and arrows, and from nothing of their own", () => {
  const [hebrew, arabic] = ["חיפושית זבל", "قطة سوداء، صغيرة"];
  expect(isolated(`${hebrew} (98 %) → ${arabic.split("،")[0]} 55 %`)).toBe(
    `\u2068${hebrew}\u2069 (98 %) → \u2068قطة سوداء\u2069 55 %`,
  );
  expect(isolated("/pictures/תמונה-של כלב.png")).toBe("/pictures/\u2068תמונה-של כלב\u2069.png");
  expect(isolated("می\u200cخواهم")).toBe("\u2068می\u200cخواهم\u2069");
  // What is left out of a name is at its own end.
  expect(isolated("חיפושית… 7 %")).toBe("\u2068חיפושית…\u2069 7 %");
  // Points above and below letters are theirs.
  expect(isolated("שָׁלוֹם 7")).toBe("\u2068שָׁלוֹם\u2069 7");
  for (const text of ["tabby 87 %", "éßŁ語 ½", ""]) expect(isolated(text)).toBe(text);
  expect(escapeLine(`<${hebrew}> & 5`)).toBe(`&lt;\u2068${hebrew}\u2069&gt; &amp; 5`);
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(escapeLine(text).replace(/[\u2068\u2069]/g, "")).toBe(escapeMarkup(text));
    }),
  );
});

test("markup stays text, between tags and in quotes of either kind", () => {
  const text = `<script>"&'</script>\u0001`;
  expect(escapeMarkup(text)).toBe("&lt;script&gt;&quot;&amp;&#39;&lt;/script&gt;\\u{1}");
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (any) => {
      const { document } = parseHTML(
        `<p title="${escapeMarkup(any)}" lang='${escapeMarkup(any)}'>${escapeMarkup(any)}</p>`,
      );
      const paragraph = document.querySelector("p");
      const shown = printable(any);
      expect(paragraph?.textContent).toBe(shown);
      expect([paragraph?.getAttribute("title"), paragraph?.getAttribute("lang")]).toEqual([shown, shown]);
      expect(paragraph?.children).toHaveLength(0);
    }),
  );
});

test("JSON keeps its value", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom(...hostile), fc.constantFrom(undefined, 2), (value, more, space) => {
      const text = printableJson([value, more, { [more]: 1 }], space);
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify([value, more, { [more]: 1 }])));
    }),
  );
  expect(printableJson("\u202e\u{e0041}")).toBe('"\\u202e\\udb40\\udc41"');
  expect(() => printableJson(undefined)).toThrow(TypeError);
});

test("addresses", () => {
  expect(escapeAddress("c t/100%#1?.png")).toBe("c%20t/100%25%231%3F.png");
  expect(escapeAddress(`a"b/\ud800'`)).toBe("a%22b/%EF%BF%BD&#39;");
});
