/** @file What one picture says of a network's normalization, where the picture is hardly one. */
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { expect, test } from "vitest";
import { probePreprocessing } from "../src/classifier/preprocessing/probed/probe-preprocessing.ts";
import type { ImageTensor } from "../src/image/picture.ts";
import { loadClassifier } from "../src/node/models/load-classifier.ts";
import { readImage } from "../src/node/pictures/read-input.ts";
import { floatTensor } from "../src/tensor/tensor.ts";
import { given } from "./given.ts";
import { realData, realDataTitle } from "./real-data.ts";

test.skipIf(realData === undefined)(
  `a dark, a pale or an empty picture does not make a network of bytes of one with ImageNet's classes, ${realDataTitle}`,
  async () => {
    const folder = given(realData);
    const classifier = await loadClassifier(join(folder, "models/squeezenet1_1.onnx"), { runtime: ort });
    const names = ["ILSVRC2012_val_00000037.JPEG", "ILSVRC2012_val_00000001.JPEG", "ILSVRC2012_val_00000022.JPEG"];
    const photographs = await Promise.all(
      names.map((name) => readImage(join(folder, "imagenet/images", name), classifier.input)),
    );
    const mapped = ({ data, shape }: ImageTensor, to: (value: number) => number): ImageTensor =>
      floatTensor(data.map(to), shape);
    const [first] = photographs;
    const pictures = [
      ...photographs.map((one) => mapped(one, (value) => 0.1 * value)),
      ...photographs.map((one) => mapped(one, (value) => 0.85 + 0.1 * value)),
      mapped(first, () => 0.08),
      floatTensor(
        first.data.map((_, i) => (i < first.data.length / 3 ? 0.9 : 0.1)),
        first.shape,
      ),
    ];
    for (const picture of pictures) {
      expect((await probePreprocessing(classifier, [picture], { runtime: ort })).name).toBe("imagenet");
    }
  },
);
