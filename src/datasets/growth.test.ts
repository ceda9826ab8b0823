/**
 * Inputs at which work that grows with the square of their size would take hours, so that it cannot end within the runner's limit. No
 * test here asserts a time.
 */
import { expect, test } from "vitest";
import { pretendFiles } from "../../test/pretend-files.ts";
import { memoryFileSource } from "./memory-source.ts";
import { openDataset } from "./open-dataset.ts";
import { baseName, folderName, withoutExtension } from "./paths.ts";
import { parseCsv } from "./syntax/parse-csv.ts";
import { parseXml } from "./syntax/parse-xml.ts";

const many = 2 ** 22;

test.each([
  ["spaces in a document type", `<!DOCTYPE${" ".repeat(many)}`],
  ["spaces in a document type that ends wrongly", `<!DOCTYPE a [${" ".repeat(many)}] x`],
  ["spaces in a tag", `<a${" ".repeat(many)}`],
  ["spaces before a value", `<a b${" ".repeat(many)}<`],
  ["spaces in a closing tag", `<a></a${" ".repeat(many)}`],
  ["a comment without an end", `<!--${"-".repeat(many)}`],
  ["text that is verbatim without an end", `<![CDATA[${"]".repeat(many)}`],
  ["an instruction without an end", `<?${"?".repeat(many)}`],
  ["attributes without an end", `<a${" b='1'".repeat(many / 8)}`],
  ["entities that are none", `<a>${"&".repeat(many)}</a>`],
  ["elements without an end", "<a>".repeat(many / 8)],
])("XML: %s", (_name, text) => {
  expect(() => parseXml(text, "a.xml")).toThrow(/^a\.xml: line/);
});

test.each([
  ["quotes in quotes without an end", `"${'""'.repeat(many / 2)}`],
  ["text in quotes without an end", `"${"a".repeat(many)}`],
  ["quotes and text without an end", `"${'""a'.repeat(many / 4)}`],
])("CSV: %s", (_name, text) => {
  expect(() => parseCsv(text, "a.csv")).toThrow("a.csv: line 1: a field in quotes is not closed");
});

test("CSV: as many fields, rows and line breaks as there may be", () => {
  expect(parseCsv(",".repeat(many), "a.csv")[0].fields.length).toBe(many + 1);
  expect(parseCsv("a\n".repeat(many / 4), "a.csv").length).toBe(many / 4);
  expect(parseCsv("\n".repeat(many), "a.csv")).toEqual([]);
});

test("paths of nothing but slashes and points", () => {
  const slashes = "/".repeat(many);
  expect(baseName(`${slashes}a`)).toBe("a");
  expect(baseName(`a${slashes}`)).toBe("a");
  expect(folderName(`a${slashes}b`).length).toBe(many);
  expect(withoutExtension(".".repeat(many)).length).toBe(many - 1);
});

test("a picture with half a million boxes, each of a class of its own", async () => {
  const boxes = 2 ** 19;
  const rows = Array.from({ length: boxes }, (_, i) => `a.png,0,0,${1 + (i % 90)},${i % 7 === 0 ? 0 : 2},${i}`);
  const source = pretendFiles({ "boxes.csv": `image,x0,y0,x1,y1,label\n${rows.join("\n")}`, "a.png": "90x2" });
  const { images, problems } = await openDataset("data", { source });
  expect(images.length).toBe(boxes - Math.ceil(boxes / 7));
  expect(problems.length).toBe(2 * Math.ceil(boxes / 7));
});

test("a picture with half a million boxes of one class, in COCO's form, read in pieces", async () => {
  const boxes = 2 ** 19;
  const encoder = new TextEncoder();
  const source = memoryFileSource(
    new Map([
      ["data/instances_val.json", ""],
      ["data/a.png", ""],
    ]),
    async () => ({ width: 90, height: 2, channels: 3, data: new Uint8Array(540) }),
  );
  async function* readChunks(): AsyncGenerator<Uint8Array> {
    yield encoder.encode('{"images": [{"id": 1, "file_name": "a.png", "width": 90, "height": 2}], "annotations": [');
    for (let i = 0; i < boxes; i += 1024) {
      const some = Array.from(
        { length: 1024 },
        (_, k) => `{"image_id": 1, "category_id": 1, "bbox": [0, 0, ${1 + ((i + k) % 90)}, 2]}`,
      );
      yield encoder.encode((i === 0 ? "" : ",") + some.join(","));
    }
    yield encoder.encode('], "categories": [{"id": 1, "name": "x"}]}');
  }
  const readText = (): never => expect.unreachable("the file is not to be read as one string");
  const { images } = await openDataset("data/instances_val.json", {
    source: { ...source, readText, readBytes: readText, readChunks },
  });
  expect(images.map(({ boxes: own }) => own?.length)).toEqual([boxes]);
});
