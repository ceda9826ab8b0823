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
  {
    "data.yaml": "path: ../set\ntrain: images/train\nval: [images/val, val.txt]\nnc: 2\nnames:\n  0: dog\n  1: cat\n",
    "val.txt": "/home/me/set/images/val/b.jpg\n",
    "labels/train/a.txt": "0 0.5 0.5 0.25 0.5\n1 0.1 0.1 0.9 0.1 0.5 0.75\n",
    "labels/val/b.txt": "1 0.5 0.5 1 1 0.875\n",
    ...{ "images/train/a.jpg": picture, "images/val/b.jpg": picture },
  },
  { "classes.txt": "dog\ncat\n", "a.txt": "0 0.5 0.5 0.25 0.5\n", "b.txt": "", "a.jpg": picture, "b.jpg": picture },
  {
    "images.txt": "1 001.dog/a.jpg\n2 002.cat/b.jpg\n",
    "image_class_labels.txt": "1 1\n2 2\n",
    "classes.txt": "1 001.dog\n2 002.cat\n",
    "train_test_split.txt": "1 1\n2 0\n",
    "bounding_boxes.txt": "1 2.0 3.0 10.0 9.5\n2 0.0 0.0 32.0 24.0\n",
    ...{ "images/001.dog/a.jpg": picture, "images/002.cat/b.jpg": picture },
  },
  {
    "annotations/list.txt": "#Image CLASS-ID SPECIES BREED ID\ndog_1 1 2 1\nCat_2 2 1 1\n",
    "annotations/trainval.txt": "dog_1 1 2 1\n",
    "annotations/test.txt": "Cat_2 2 1 1\n",
    "annotations/xmls/dog_1.xml": voc("dog_1", "dog"),
    ...{ "images/dog_1.jpg": picture, "images/Cat_2.jpg": picture },
  },
  {
    ...{ "train/a.xml": voc("a", "dog"), "valid/b.xml": voc("b", "cat") },
    ...{ "train/a.jpg": picture, "valid/b.jpg": picture },
  },
  {
    "train.csv": 'image_id,width,height,bbox,class\na,32,24,"[1.0, 2.0, 10.0, 12.0]",dog\nb,32,24,"[0, 0, 5, 5]",cat\n',
    ...{ "train/a.jpg": picture, "train/b.jpg": picture },
  },
  {
    "via.csv":
      'filename,region_count,region_shape_attributes,region_attributes\na.png,1,"{""name"":""rect"",""x"":1,""y"":2,""width"":9,""height"":8}","{""class"":""dog""}"\n',
    "a.png": picture,
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
