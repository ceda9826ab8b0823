import { describe, expect, test } from "vitest";
import { linesOf, pretendFiles } from "../../../../test/pretend-files.ts";
import { openDataset } from "../../open-dataset.ts";

const classes = { names: ["cat", "dog"], count: 2 };

async function read(files: Readonly<Record<string, unknown>>, path = "data"): Promise<unknown> {
  const texts = Object.entries(files).map(([name, value]) => {
    return [name, typeof value === "string" ? value : JSON.stringify(value)];
  });
  const source = pretendFiles(Object.fromEntries(texts));
  const { images, problems, notes } = await openDataset(path, { source, classes });
  return [images.map(({ id, label, boxes }) => [id, label, boxes]), linesOf(problems), notes];
}

const pictures = { "a.png": "20x10", "b.png": "20x10", "c.png": "20x10" };
const bad = (id: string, region: string): string[] => [
  `malformed-annotation ${id}: region 1: ${JSON.stringify(region.slice(0, 40))} is no region with an area; left out`,
  `no-box ${id}: has no box; left out`,
];
const both = [
  ["a.png#dog", 1, [[2, 1, 5, 3]]],
  ["a.png#cat", 0, [[4, 1, 8, 9]]],
];
const empty = "no-box b.png: has no box; left out";

describe("the VGG Image Annotator's JSON", () => {
  const point = { shape_attributes: { name: "point", cx: 1, cy: 1 }, region_attributes: {} };
  const regions = [
    {
      shape_attributes: { name: "rect", x: 2, y: 1, width: 3, height: 2 },
      region_attributes: { kind: { dog: true, cat: false } },
    },
    {
      shape_attributes: { name: "polygon", all_points_x: [4, 8, 6], all_points_y: [1, 2, 9] },
      region_attributes: { class: "cat", seen: "yes" },
    },
  ];
  const picture = (filename: string, own: unknown): unknown => ({
    filename,
    size: 1,
    regions: own,
    file_attributes: {},
  });
  const all = {
    "a.png1": picture("a.png", regions),
    "b.png1": picture("b.png", []),
    "c.png1": picture("c.png", [point]),
  };
  const problems = [empty, ...bad("c.png", JSON.stringify(point))];

  test("as exported, as a project, or of version 1", async () => {
    const project = { _via_settings: {}, _via_img_metadata: all, _via_attributes: { region: {} } };
    const old = { ...all, "a.png1": picture("a.png", { 0: regions[0], 1: regions[1] }) };
    for (const via of [all, project, old]) {
      expect(await read({ ...pictures, "via.json": via })).toEqual([both, problems, []]);
      expect(await read({ ...pictures, "via.json": via }, "data/via.json")).toEqual([both, problems, []]);
    }
  });

  test("of each part, beside its pictures; without classes, with a note", async () => {
    const region = { shape_attributes: { name: "rect", x: 2, y: 1, width: 3, height: 2 }, region_attributes: {} };
    const via = { "a.png1": picture("a.png", [region]) };
    const parts = { "train/a.png": "20x10", "train/via_region_data.json": via };
    expect(await read({ ...parts, "val/a.png": "20x10", "val/via_region_data.json": via })).toEqual([
      [
        ["train/a.png", undefined, [[2, 1, 5, 3]]],
        ["val/a.png", undefined, [[2, 1, 5, 3]]],
      ],
      [],
      ["No region in the JSON says its class."],
    ]);
  });
});

test("FiftyOne's JSON: shares of the picture's size, classes by number, names without endings", async () => {
  const labels = {
    a: [
      { label: 1, bounding_box: [0.125, 0.25, 0.25, 0.5] },
      { label: 0, bounding_box: [0.25, 0.125, 0.5, 0.5], iscrowd: 0 },
    ],
    b: null,
    c: [{ label: 0, bounding_box: [1, 2] }],
  };
  const json = { classes: ["cat", "dog"], labels };
  const inData = Object.fromEntries(Object.entries(pictures).map(([name, size]) => [`data/${name}`, size]));
  for (const files of [pictures, inData]) {
    const [entries, problems] = (await read({ ...files, "labels.json": json })) as [unknown[], string[]];
    expect(entries).toEqual([
      ["a#dog", 1, [[2.5, 2.5, 7.5, 7.5]]],
      ["a#cat", 0, [[5, 1.25, 15, 6.25]]],
    ]);
    expect(problems).toEqual([
      "no-box b: has no box; left out",
      expect.stringMatching(/^malformed-annotation c: region 1: .* is no region with an area; left out$/),
      "no-box c: has no box; left out",
    ]);
  }
});

test("Create ML's JSON: x and y are the center of the box", async () => {
  const coordinates = { x: 3.5, y: 2, width: 3, height: 2 };
  const incomplete = { label: "dog", coordinates: { x: 1 } };
  for (const key of ["image", "imagefilename"]) {
    const json = [
      {
        [key]: "a.png",
        annotations: [
          { label: "dog", coordinates },
          { label: "cat", coordinates: { x: 6, y: 5, width: 4, height: 8 } },
        ],
      },
      { [key]: "b.png", annotations: [] },
      { [key]: "c.png", annotations: [incomplete] },
    ];
    expect(await read({ ...pictures, "_annotations.createml.json": json })).toEqual([
      both,
      [empty, ...bad("c.png", JSON.stringify(incomplete))],
      [],
    ]);
  }
});

describe("labelme's JSON, one for each picture", () => {
  const shaped = (imagePath: string, ...shapes: readonly unknown[]): unknown => {
    return { version: "5.0.1", flags: {}, shapes, imagePath, imageData: null, imageHeight: 10, imageWidth: 20 };
  };
  const shape = (label: string, shape_type: string, ...points: readonly number[][]): unknown => {
    return { label, points, group_id: null, shape_type, flags: {} };
  };
  const a = [
    shape("dog", "rectangle", [5, 3], [2, 1]),
    shape("cat", "polygon", [4, 1], [8, 2], [6, 9]),
    shape("cat", "circle", [10, 5], [10, 7]),
    shape("cat", "mask", [1, 2], [3, 4]),
  ];
  const boxes = [
    ["a.png#dog", 1, [[2, 1, 5, 3]]],
    [
      "a.png#cat",
      0,
      [
        [4, 1, 8, 9],
        [8, 3, 12, 7],
        [1, 2, 4, 5],
      ],
    ],
  ];

  test("beside it, or in annotations", async () => {
    const jsons = {
      "a.json": shaped("a.png", ...a),
      "b.json": shaped("C:\\pictures\\b.png"),
      "c.json": shaped("old-name.png", shape("dog", "line", [1, 1], [2, 2])),
    };
    const line = JSON.stringify(shape("dog", "line", [1, 1], [2, 2]));
    const problems = [
      empty,
      `malformed-annotation c.png: c.json, region 1: ${JSON.stringify(line.slice(0, 40))} is no region with an area; left out`,
      "no-box c.png: has no box; left out",
    ];
    expect(await read({ ...pictures, ...jsons })).toEqual([boxes, problems, []]);
    const moved = {
      ...Object.fromEntries(Object.entries(pictures).map(([name, text]) => [`images/${name}`, text])),
      "annotations/a.json": shaped("../images/a.png", ...a),
    };
    expect(await read(moved)).toEqual([
      boxes,
      [],
      ["The pictures of a.json are taken from data/images: no other folder in data holds any of them."],
    ]);
  });

  test("in folders of parts; what is damaged is a problem", async () => {
    const files = { "train/a.png": "20x10", "train/a.json": shaped("a.png", ...a), "train/b.json": "{" };
    expect(await read(files)).toEqual([
      boxes.map(([id, ...rest]) => [`train/${id}`, ...rest]),
      ["malformed-annotation b.json: data/train/b.json: is not JSON, or cut short; left out"],
      [],
    ]);
  });

  test("is not looked for among many files of another kind", async () => {
    const others = Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`${index}.json`, "{}"]));
    expect(((await read({ ...pictures, ...others })) as [unknown[]])[0]).toEqual([
      ["a.png", undefined, undefined],
      ["b.png", undefined, undefined],
      ["c.png", undefined, undefined],
    ]);
  });
});

describe("CVAT's XML of pictures", () => {
  const shapes = `<box label="dog" occluded="0" xtl="2.50" ytl="1.00" xbr="5.00" ybr="3.00" z_order="0"></box>
    <polygon label="cat" points="4.00,1.00;8.00,2.00;6.00,9.00"></polygon>
    <ellipse label="cat" cx="10" cy="5" rx="4" ry="2" rotation="90"/>
    <mask label="cat" rle="1" left="1" top="2" width="3" height="4"/>
    <box label="cat" xtl="8" ytl="4" xbr="12" ybr="6" rotation="90.0"/>`;
  const xml = `<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version><meta><task><name>pets</name></task></meta>
  <image id="0" name="a.png" width="20" height="10">${shapes}</image>
  <image id="1" name="b.png" width="20" height="10"><tag label="dog"/></image>
  <image id="2" name="c.png" width="20" height="10"><points label="dog" points="1,1"/></image>
</annotations>`;
  const expected = [
    [
      ["a.png#dog", 1, [[2.5, 1, 5, 3]]],
      [
        "a.png#cat",
        0,
        [
          [4, 1, 8, 9],
          [8, 1, 12, 9],
          [1, 2, 4, 6],
          [9, 3, 11, 7],
        ],
      ],
    ],
    [
      empty,
      `malformed-annotation c.png: shape 1: ${JSON.stringify('{"points":{"label":"dog","points":"1,1"}')} is no shape with an area; left out`,
      "no-box c.png: has no box; left out",
    ],
    [],
  ];

  test("with the pictures in images or beside it", async () => {
    const inImages = Object.fromEntries(Object.entries(pictures).map(([name, text]) => [`images/${name}`, text]));
    for (const files of [pictures, inImages]) {
      expect(await read({ ...files, "annotations.xml": xml })).toEqual(expected);
      expect(await read({ ...files, "annotations.xml": xml }, "data/annotations.xml")).toEqual(expected);
    }
  });
});
