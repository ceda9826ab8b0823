import { expect, test } from "vitest";
import { parseYaml } from "./yaml.ts";

test("mappings, lists within them and plain values", () => {
  const text = `# PaddleClas
Global:
  name: 'PP-LCNet: x1'   # a remark
  url: http://example.org/a#b
PreProcess:
  ops:
  - ResizeImage:
      resize_short: 256
      short: ~
  - ToCHWImage: null
  -   mean: [0.5, .5, 5e-1]
      order: ''
      names: [a, "b, c", 3, true]
  - Permute
  -
    deep: -1
PostProcess:
  label_list:
    - tench
    - great white shark
    - 0
  flag: yes
`;
  expect(parseYaml(text)).toEqual({
    Global: { name: "PP-LCNet: x1", url: "http://example.org/a#b" },
    PreProcess: {
      ops: [
        { ResizeImage: { resize_short: 256, short: null } },
        { ToCHWImage: null },
        { mean: [0.5, 0.5, 0.5], order: "", names: ["a", "b, c", 3, true] },
        "Permute",
        { deep: -1 },
      ],
    },
    PostProcess: { label_list: ["tench", "great white shark", 0], flag: true },
  });
});

test.each([
  ["numbers as keys", "names:\n  0: ant\n  1: bee\n", { names: { "0": "ant", "1": "bee" } }],
  ["a dictionary in one line", "names: {0: ant, 'a b': 2}\n", { names: { "0": "ant", "a b": 2 } }],
  ["lists of lists", "- - 1\n  - 2\n- 3\n", [[1, 2], 3]],
  ["a document's marks", "---\na: 1\n...\n", { a: 1 }],
  [
    "words that objects have by themselves",
    "__proto__: 1\nconstructor: 2\n",
    JSON.parse('{"__proto__":1,"constructor":2}'),
  ],
])("%s", (_, text, expected) => {
  expect(parseYaml(text)).toEqual(expected);
});

test.each([
  ["nothing", ""],
  ["lines that do not belong together", "a: 1\n    b: 2\n"],
  ["prose", "This is a model.\nIt was trained in 2020.\n"],
  ["an anchor", "&a b\n"],
])("%s is none that is read", (_, text) => {
  expect(parseYaml(text)).toBeUndefined();
});

test("a text of many levels takes no longer than its length", () => {
  const text = Array.from({ length: 2000 }, (_, i) => `${" ".repeat(i)}a:`).join("\n");
  expect(parseYaml(text)).toBeUndefined();
});
