/** @file Hostile annotations: tables of boxes, VOC's XML, COCO's JSON, folders with lists, in data sets of two or three pictures. */
import { memoryFileSource } from "../../../src/datasets/memory-source.ts";
import { openDataset } from "../../../src/datasets/open-dataset.ts";
import { BadInputError } from "../../../src/errors.ts";
import { evilTexts, integer, mutateBytes, mutateText, pick } from "../mutate.ts";
import { type Input, outcomeOf, type Subject } from "../subject.ts";

/** Pictures are files whose text is a size. */
const picture = "32x24";
const voc = (name: string, kind: string): string =>
  `<annotation><folder>VOC</folder><filename>${name}.jpg</filename><size><width>32</width><height>24</height><depth>3</depth></size>
  <object><name>${kind}</name><difficult>0</difficult><bndbox><xmin>2</xmin><ymin>3</ymin><xmax>20</xmax><ymax>21</ymax></bndbox></object>
  <object><name>cat</name><bndbox><xmin>1.5</xmin><ymin>1</ymin><xmax>9</xmax><ymax>8</ymax></bndbox></object></annotation>`;
const coco = {
  images: [
    { id: 1, file_name: "a.jpg", width: 32, height: 24 },
    { id: 2, file_name: "b.jpg", width: 32, height: 24 },
  ],
  annotations: [
    {
      id: 1,
      image_id: 1,
      category_id: 7,
      bbox: [1, 2, 10, 12],
      area: 120,
      iscrowd: 0,
      segmentation: [[1, 2, 11, 2, 11, 14]],
    },
    {
      id: 2,
      image_id: 2,
      category_id: 8,
      bbox: [0, 0, 5, 5],
      iscrowd: 1,
      segmentation: { counts: [0, 5, 3], size: [24, 32] },
    },
  ],
  categories: [
    { id: 7, name: "dog", supercategory: "animal" },
    { id: 8, name: "cat", supercategory: "animal" },
  ],
};

const datasets: readonly Readonly<Record<string, string>>[] = [
  {
    "boxes.csv": "image,x0,y0,x1,y1,class\na.png,1,2,10,20,dog\nb.png,0,0,32,24,cat\na.png,3,3,9,9,dog\n",
    ...{ "a.png": picture, "b.png": picture },
  },
  { "dog/a.png": picture, "dog/b.png": picture, "cat/c.png": picture, "labels.txt": "dog\ncat\n" },
  {
    "Annotations/a.xml": voc("a", "dog"),
    "Annotations/b.xml": voc("b", "cat"),
    "ImageSets/Main/train.txt": "a\nb\n",
    "ImageSets/Main/dog_train.txt": "a 1\nb -1\n",
    ...{ "JPEGImages/a.jpg": picture, "JPEGImages/b.jpg": picture },
  },
  {
    "annotations/instances_val2017.json": JSON.stringify(coco),
    ...{ "val2017/a.jpg": picture, "val2017/b.jpg": picture },
  },
  {
    "val/ILSVRC2012_val_00000001.JPEG": picture,
    "val/ILSVRC2012_val_00000002.JPEG": picture,
    "bbox/ILSVRC2012_val_00000001.xml": voc("ILSVRC2012_val_00000001", "n01440764"),
    "bbox/ILSVRC2012_val_00000002.xml": voc("ILSVRC2012_val_00000002", "n01443537"),
    "synset_words.txt": "n01440764 tench, Tinca tinca\nn01443537 goldfish, Carassius auratus\n",
    "ILSVRC2012_validation_ground_truth.txt": "1\n2\n",
  },
  {
    "metadata/val/image_ids.txt": "val/a.jpg\nval/b.jpg\n",
    "metadata/val/class_labels.txt": "val/a.jpg,0\nval/b.jpg,1\n",
    "metadata/val/image_sizes.txt": "val/a.jpg,32,24\nval/b.jpg,32,24\n",
    "metadata/val/localization.txt": "val/a.jpg,1,2,20,21\nval/b.jpg,0,0,9,9\n",
    ...{ "val/a.jpg": picture, "val/b.jpg": picture },
  },
];

export function annotationSubject(): Subject {
  const encoder = new TextEncoder();
  return {
    name: "annotations",
    make(random): Input {
      const files = pick(random, datasets) ?? {};
      const texts = Object.entries(files).filter(([, text]) => text !== picture);
      const [hit = ""] = pick(random, texts) ?? [];
      return new Map(
        Object.entries(files).map(([path, text]) => {
          const place = random() < 0.02 ? path.replace(/[^/]+$/, () => pick(random, evilTexts) || "x") : path;
          if (path !== hit) return [place, encoder.encode(text)];
          const bytes = encoder.encode(text);
          return [
            place,
            integer(random, 5) === 0 ? mutateBytes(bytes, random) : encoder.encode(mutateText(text, random)),
          ];
        }),
      );
    },
    use: (input) =>
      outcomeOf(async () => {
        const files = new Map([...input].map(([path, bytes]) => [`data/${path}`, bytes] as const));
        const source = memoryFileSource(files, async (bytes, path) => {
          const [, width, height] = /^(\d{1,4})x(\d{1,4})$/.exec(new TextDecoder().decode(bytes)) ?? [];
          if (height === undefined) throw new BadInputError({ where: path, what: "is no picture" });
          const size = { width: Number(width), height: Number(height) };
          return { ...size, channels: 3, data: new Uint8Array(3 * size.width * size.height) };
        });
        const { images } = await openDataset("data", { source, labels: "predicted" });
        for (const { boxes = [], picture: read } of images) {
          for (const [x0, y0, x1, y1] of boxes) {
            if (!(x0 >= 0 && y0 >= 0 && x1 > x0 && y1 > y0)) throw new Error(`a box that is none: ${[x0, y0, x1, y1]}`);
          }
          await read();
        }
      }),
  };
}
