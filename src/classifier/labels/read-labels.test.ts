import { describe, expect, test } from "vitest";
import { parseModel } from "../../onnx/text/parse.ts";
import { findLabel, fitLabels } from "./labels.ts";
import { parseLiteral } from "./literal.ts";
import { readLabels } from "./read-labels.ts";
import { labelSources, resolveLabels } from "./resolve-labels.ts";

const three = ["tabby", "fox", "red panda"];

describe("names are read in the forms that files have", () => {
  test.each([
    ["lines", "tabby\nfox\nred panda\n"],
    ["numbers and a space", "0 tabby\n1 fox\n2 red panda\n"],
    ["numbers and a colon", "0: tabby\n1: fox\n2: red panda"],
    ["numbers and a comma", "0,tabby\n1,fox\n2,red panda\n"],
    ["a list of YAML", '# classes\n- tabby\n- "fox"\n- red panda\n'],
    ["numbers with tabs", "0\ttabby\n1\tfox\n2\tred panda\n"],
    ["numbers in brackets", "[0] tabby\n[1] fox\n[2] red panda\n"],
    ["numbers and stops, from 1", "1. tabby\n2. fox\n3. red panda\n"],
    ["numbers and hyphens", "0 - tabby\n1 - fox\n2 - red panda\n"],
    ["numbers behind", "tabby 0\nfox 1\nred panda 2\n"],
    ["numbers in another order", "2 red panda\n0 tabby\n1 fox\n"],
    ["WordNet numbers", "n02123045 tabby\nn02119789 fox\nn02509815 red panda\n"],
    ["a table", "id,name\n1,fox\n0,tabby\n2,red panda\n"],
    ["a table with quotes", 'class_index;class_name;note\r\n0;tabby;"a; b"\r\n1;fox;\r\n2;"red panda";\r\n'],
    ["a table of a label and a name", "label,name\n0,tabby\n1,fox\n2,red panda\n"],
    ["a table of names and folders", "folder;name\nn02123045;tabby\nn02119789;fox\nn02509815;red panda\n"],
    ["arrows", "0 -> tabby\n1 -> fox\n2 => red panda\n"],
    ["a list of a program, without its brackets", "'tabby',\n'fox',\n'red panda'\n"],
    ["quotes", '"tabby"\n"fox"\n"red panda"\n'],
    ["commas behind", "tabby,\nfox,\nred panda,\n"],
    ["YAML's list under another key", "classes:\n- tabby\n- fox\n- red panda\n"],
    ["YAML's list in one line under another key", "labels: [tabby, fox, red panda]\n"],
    ["objects by their numbers", '{"1": {"name": "fox"}, "0": {"name": "tabby"}, "2": {"name": "red panda"}}'],
    [
      "objects with class_id and class_name",
      '[{"class_id": 1, "class_name": "fox"}, {"class_id": 0, "class_name": "tabby"}, {"class_id": 2, "class_name": "red panda"}]',
    ],
    [
      "objects with a description, which stands behind other words",
      '[{"index": 1, "code": "D21", "description": "fox"}, {"index": 0, "code": "D13", "description": "tabby"}, {"index": 2, "code": "D2", "description": "red panda"}]',
    ],
    [
      "objects with a title",
      '[{"title": "tabby", "description": "a cat"}, {"title": "fox", "description": "a dog"}, {"title": "red panda", "description": "neither"}]',
    ],
    [
      "objects with a name behind their description",
      '[{"description": "a cat", "title": "Cat", "label": "tabby"}, {"description": "a dog", "title": "Dog", "label": "fox"}, {"description": "neither", "title": "Panda", "label": "red panda"}]',
    ],
    ["a list within another object", '{"data": {"path": "x", "classes": ["tabby", "fox", "red panda"]}}'],
    ["a dictionary within a label map", '{"label_map": {"fox": 1, "tabby": 0, "red panda": 2}}'],
    ["a JSON list", '["tabby", "fox", "red panda"]'],
    ["a JSON dictionary", '{"0": "tabby", "2": "red panda", "1": "fox"}'],
    ["Keras' class indices", '{"tabby": 0, "red panda": 2, "fox": 1}'],
    [
      "Keras' class_index.json",
      '{"0": ["n02123045", "tabby"], "1": ["n02119789", "fox"], "2": ["n02509815", "red panda"]}',
    ],
    ["Hugging Face", '{"model_type": "vit", "id2label": {"0": "tabby", "1": "fox", "2": "red panda"}, "label2id": {}}'],
    ["only label2id", '{"label2id": {"fox": 1, "tabby": 0, "red panda": 2}}'],
    ["label2id with numbers as strings", '{"label2id": {"fox": "1", "tabby": "0", "red panda": "2"}}'],
    ["timm", '{"architecture": "x", "label_names": ["tabby", "fox", "red panda"]}'],
    ["Python", "{0: 'tabby', 1: \"fox\", 2: 'red panda'}"],
    ["Python behind a word", "Classes: ['tabby', 'fox', 'red panda']"],
    ["Python behind a word, in several lines", "class_names = [\n  'tabby',\n  'fox',\n  'red panda',\n]\n"],
    ["Python's dictionary behind its name", "class_to_idx = {'fox': 1, 'tabby': 0, 'red panda': 2}\n"],
    ["YAML's list", "path: x\nnames:\n- tabby\n- fox # a\n- 'red panda'\nnc: 3\n"],
    ["YAML's dictionary", "names:\n  0: tabby\n  1: fox\n  2: red panda\n\nother: 1\n"],
    ["YAML in one line", "nc: 3\nnames: [tabby, fox, 'red panda']\n"],
    [
      "a label map",
      "item {\n id: 1\n name: 'tabby'\n}\nitem { id: 2 name: 'fox' }\nitem { id: 3 name: 'red panda' }\n",
    ],
  ])("%s", (_, text) => {
    expect(readLabels(text, "f")).toEqual(three);
  });

  test("names that begin with numbers are no numbering", () => {
    expect(readLabels("7 up\n3 musketeers\n5th avenue\n", "f")).toEqual(["7 up", "3 musketeers", "5th avenue"]);
    expect(readLabels("0\n1\n2\n", "f")).toEqual(["0", "1", "2"]);
    expect(readLabels("a, b\nc, d\n", "f")).toEqual(["a, b", "c, d"]);
    expect(readLabels("text, book\nlamp, light\n", "f")).toEqual(["text, book", "lamp, light"]);
  });

  const ten = Array.from({ length: 10 }, (_, index) => index);
  test.each([
    ["grades", ten.map((i) => `grade ${i}`)],
    ["stages, from 1", ten.map((i) => `stage ${i + 1}`)],
    ["stars", ten.map((i) => `${i} stars`)],
    ["one and more", ["1 star", "2 stars"]],
    ["levels downwards", ten.map((i) => `level ${9 - i}`)],
    ["cards", ["3 of clubs", "4 of clubs", "2 of hearts", "1 of hearts"]],
    ["some with another word", ["stage 1", "stage 2", "relapse 3"]],
    ["commas", ["grade,0", "grade,1", "grade,2"]],
    ["ranges with a hyphen", ["0 - 1 years", "1 - 2 years", "2 - 3 years"]],
    ["ranges in words", ["0 to 1", "1 to 4", "2 or more"]],
    ["a single line", ["type 1"]],
  ])("numbers that tell names apart are parts of them: %s", (_, names) => {
    expect(readLabels(names.join("\n"), "f")).toEqual(names);
  });

  test("numbers with a mark say the order, also of names that occur twice", () => {
    expect(readLabels("0: tabby", "f")).toEqual(["tabby"]);
    expect(readLabels("1 - 7 up\n2 - cola\n0 - tea", "f")).toEqual(["tea", "7 up", "cola"]);
    expect(readLabels("2: other\n0: other\n1: fox\n", "f")).toEqual(["0: other", "1: fox", "2: other"]);
  });

  test("one name that occurs twice among hundreds makes no numbers parts of names", () => {
    const names = ["crane", ...Array.from({ length: 298 }, (_, index) => `bird of ${index} colors`), "crane"];
    expect(readLabels(names.map((name, index) => `${index} ${name}`).join("\n"), "f")).toEqual(names);
  });

  test("what has gaps, or no names, is said", () => {
    expect(() => readLabels('{"0": "a", "2": "b"}', "f.json")).toThrow(/^f\.json: .* gaps .* got 0, then 2\.$/);
    expect(() => readLabels('{"weights": {"a": {}}}', "f.json")).toThrow("there are no class names in it");
    expect(() => readLabels('["", ""]', "f.json")).toThrow(
      "f.json: the names of the classes are empty, expected a name for each class, got 2 empty names.",
    );
    expect(readLabels('["", "b"]', "f.json")).toEqual(["", "b"]);
  });
});

test("literals of JSON and Python keep the order of their keys", () => {
  expect(parseLiteral("{1: 'a', 0: (True, None, -1.5e2)}")).toEqual({
    entries: [
      ["1", "a"],
      ["0", [true, null, -150]],
    ],
  });
  expect(parseLiteral("'it\\'s \\u00e9'")).toBe("it's é");
  for (const text of ["{0: }", "[1, 2", "{'a' 1}", "", "abc", "[".repeat(100)])
    expect(parseLiteral(text)).toBeUndefined();
});

describe("where names come from", () => {
  const resolve = (
    header: string,
    { classCount = 3, where = "net.onnx", height = 224, channels = 3, given = undefined as string[] | undefined } = {},
  ) => {
    const model = parseModel(
      `<ir_version: 8, opset_import: ["": 18]${header}> g (float[1,3,8,8] x) => (float[1,3] y) { y = Relu (x) }`,
    );
    const names = labelSources(given, model, where);
    return resolveLabels({ ...names, model, where, classCount, channels, height, width: height });
  };
  const metadata = (key: string, text: string): string => `, metadata_props: ["${key}": ${JSON.stringify(text)}]`;

  test.each([
    ["names", "{0: 'tabby', 1: 'fox', 2: 'red panda'}"],
    ["config", '{"model_type": "vit", "id2label": {"0": "tabby", "1": "fox", "2": "red panda"}}'],
    ["classes", '["tabby", "fox", "red panda"]'],
    ["labels", "tabby\nfox\nred panda"],
    ["class_names", "tabby,fox,red panda"],
    ["class_to_idx", '{"fox": 1, "tabby": 0, "red panda": 2}'],
    ["label2id", "{'red panda': 2, 'tabby': 0, 'fox': 1}"],
    ["label_map", '{"0": "tabby", "1": "fox", "2": "red panda"}'],
    ["idx2label", '{"0": "tabby", "1": "fox", "2": "red panda"}'],
    ["class_to_index", '{"fox": 1, "tabby": 0, "red panda": 2}'],
    ["label_list", "tabby,fox,red panda"],
    ["character", "tabby\nfox\nred panda"],
  ])("metadata %s", (key, text) => {
    expect(resolve(metadata(key, text))).toMatchObject({ labels: three, reason: `the model's metadata (${key})` });
  });

  test.each([
    ["num_classes", "3"],
    ["input_names", "x"],
    ["output_names", "y"],
    ["n_classes", "a,b,c"],
    ["feature_names", "a,b,c"],
    ["my_labels", "3"],
    ["class_names", "x"],
    ["character", "a\nb\nc\nd"],
    ["vocab", "vocab.txt"],
    ["alphabet", "{"],
  ])("metadata that names no classes: %s = %s", (key, text) => {
    expect(resolve(metadata(key, text))).toEqual({
      labels: undefined,
      reason: "nothing names the classes",
      warnings: [],
    });
  });

  test("symbols are taken last, where they are as many as the classes", () => {
    const angles = metadata("character", "0\n90\n180");
    expect(resolve(angles).labels).toEqual(["0", "90", "180"]);
    const both = `, metadata_props: ["character": ${JSON.stringify("a\nb\nc")}, "names": "tabby,fox,red panda"]`;
    expect(resolve(both).labels).toEqual(three);
  });

  test("bars and numbers part names as commas do", () => {
    expect(resolve(metadata("classes", "hot dog|cat|fox")).labels).toEqual(["hot dog", "cat", "fox"]);
    expect(resolve(metadata("classes", "2:blue,1:green,0:red")).labels).toEqual(["red", "green", "blue"]);
  });

  test("numbers that are names, as of folders, go by what the dictionary is called or by their order", () => {
    const folders = '{"0": 0, "1": 1, "10": 2, "2": 3}';
    const four = { classCount: 4 };
    for (const key of ["class_to_idx", "label2id", "class_indices", "classes"]) {
      expect(resolve(metadata(key, folders), four).labels).toEqual(["0", "1", "10", "2"]);
    }
    expect(resolve(metadata("label2id", '{"7": 1, "9": 0, "8": 2}')).labels).toEqual(["9", "7", "8"]);
    expect(resolve(metadata("id2label", '{"0": "7", "1": "9", "2": "8"}')).labels).toEqual(["7", "9", "8"]);
    expect(readLabels(folders, "class_indices.json")).toEqual(["0", "1", "10", "2"]);
    expect(readLabels("2:blue, 1:green, 0:red\n", "labels.txt")).toEqual(["red", "green", "blue"]);
  });

  test("another source that calls a class otherwise is said, synonyms and cases are not", () => {
    const beside = (names: readonly string[]) => [
      { names, reason: "labels.txt beside the model", where: "f", isGiven: false },
    ];
    const warningsOf = (names: readonly string[]): readonly object[] => {
      const header = metadata("names", "{0: 'tabby, tabby cat', 1: 'fox', 2: 'red panda'}");
      const model = parseModel(
        `<ir_version: 8, opset_import: ["": 18]${header}> g (float[1,3,8,8] x) => (float[1,3] y) { y = Relu (x) }`,
      );
      const rest = { model, where: "net.onnx", classCount: 3, channels: 3, height: 224, width: 224 };
      return resolveLabels({ ...labelSources(undefined, model, "net.onnx", beside(names)), ...rest }).warnings;
    };
    expect(warningsOf(["Tabby", "Fox", "red_panda"])).toEqual([]);
    expect(warningsOf(["tabby", "wolf", "red panda"])).toEqual([
      {
        code: "names-disagree",
        message: expect.stringMatching(/calls class 1 "wolf".*names\) calls it "fox": the former is used/),
      },
    ]);
  });

  test("what began with ImageNet's weights has other classes, and Darknet's own weights another order", () => {
    const thousand = { classCount: 1000 };
    const tuned = metadata("description", "fine-tuned from ImageNet weights on 1000 products");
    expect(resolve(tuned, thousand).labels).toBeUndefined();
    expect(resolve("", { ...thousand, where: "darknet19.onnx" }).warnings).toEqual([
      { code: "names-may-be-others", message: expect.stringContaining("0 is the kit fox") },
    ]);
  });

  test("names that do not fit are not used, and said", () => {
    expect(resolve(metadata("names", "{0: 'a', 1: 'b'}"))).toMatchObject({
      labels: undefined,
      warnings: [
        { code: "labels-do-not-fit", message: expect.stringContaining("names 2 classes, and the model has 3") },
      ],
    });
    expect(() => resolve("", { given: ["a"] })).toThrow("expected 3 lines, one per class, got 1");
  });

  test.each([
    ["gaps", "{0: 'a', 2: 'b', 3: 'c'}", "the numbers of the classes have gaps or occur twice"],
    ["objects that begin late", '[{"id": 5, "name": "a"}, {"id": 6, "name": "b"}]', "begin late"],
    ["empty names", '["", " ", ""]', "the names of the classes are empty"],
  ])("metadata that cannot be used is a warning: %s", (_, text, why) => {
    const unusable = { code: "unusable-metadata", message: expect.stringContaining(why) };
    for (const key of ["names", "labels"]) {
      expect(resolve(metadata(key, text))).toEqual({
        labels: undefined,
        reason: "nothing names the classes",
        warnings: [unusable],
      });
    }
  });

  test("ImageNet's names only where something says so", () => {
    const thousand = { classCount: 1000 };
    expect(resolve("", thousand)).toMatchObject({
      labels: undefined,
      reason: expect.stringContaining("--labels imagenet"),
    });
    expect(resolve("", { ...thousand, where: "a/faces-1000.onnx" }).labels).toBeUndefined();
    expect(resolve("", { ...thousand, where: "a/bitmap.onnx" }).labels).toBeUndefined();
    for (const where of ["a/resnet50.onnx", "C:\\m\\mobilenetv2-12.onnx", "vit_b_16.onnx", "squeezenet1_1.onnx"]) {
      const { labels, reason } = resolve("", { ...thousand, where });
      expect(labels?.[281]).toBe("tabby, tabby cat");
      expect(reason).toMatch(/^ImageNet's: the file is called /);
    }
    expect(resolve("", { ...thousand, where: "resnet50.onnx", channels: 1 }).labels).toBeUndefined();
    expect(resolve(metadata("description", "trained on ImageNet"), { classCount: 1001 }).labels?.[0]).toBe(
      "background",
    );
    expect(resolve("", { classCount: 10, height: 32, where: "resnet20.onnx" }).labels).toBeUndefined();
    expect(resolve("", { classCount: 10, height: 32, where: "cifar10_resnet20.onnx" }).labels?.[3]).toBe("cat");
    expect(resolve("", { classCount: 10, height: 32, where: "cifar100.onnx" }).labels).toBeUndefined();
  });
});

test("one name is what a decision says yes to", () => {
  expect(fitLabels(["cat"], 2, "f")).toEqual(["not cat", "cat"]);
});

test("a name that two classes bear is refused with both numbers", () => {
  const names = ["crane", "truck", "crane", "maillot", "maillot, tank suit", "Tank_Suit"];
  expect(() => findLabel("crane", names, 6)).toThrow(
    /2 classes have the name "crane", expected the number of one: 0 \(crane\), 2 \(crane\)/,
  );
  expect(() => findLabel("maillot", names, 6)).toThrow("3 (maillot), 4 (maillot, tank suit)");
  expect(() => findLabel("tank suit", names, 6)).toThrow("4 (maillot, tank suit), 5 (Tank_Suit)");
  expect(findLabel("maillot, tank suit", names, 6)).toBe(4);
  expect(findLabel("TRUCK", names, 6)).toBe(1);
});
