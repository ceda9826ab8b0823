/** @file Networks that are in wide use and whose files do not say how: known by what a file and its values are called, and by their form. */
import type { Model } from "../onnx/model.ts";
import type { NameSource } from "./labels/resolve-labels.ts";
import { ofTeachableMachine } from "./preprocessing/read-config.ts";
import { type StatedBeside, statedBy } from "./preprocessing/source.ts";

export interface KnownNetwork {
  readonly stated: StatedBeside;
  readonly names?: NameSource;
}

/** What PaddlePaddle's exporters call values. */
const paddleValue = /^(softmax_\d+\.tmp_\d+|save_infer_model\/scale_\d+\.tmp_\d+|p2o\..*)$/;

/** Other networks of two classes of the same makers, which take pictures of other sizes. */
const othersOfPaddle = /lcnet|text_?line|table|doc/;

/** What is known of `model`, whose path is `where`, by its form; undefined of nearly all models. It counts after all that anything states. */
export function knownNetwork(model: Model, where: string): KnownNetwork | undefined {
  if (isTextDirection(model, where)) return textDirection;
  return isTeachable(model) ? teachable : undefined;
}

/** Teachable Machine's networks of pictures, brought here by way of Keras: what its page trains keeps the names that TensorFlow.js gave its layers. */
const teachable: KnownNetwork = {
  stated: {
    stated: ofTeachableMachine,
    reason: "Teachable Machine's networks, of which this is one by the names of its layers",
    isIncidental: true,
  },
};

const teachableLayers = ["model1/Conv1", "global_average_pooling2d_GlobalAveragePooling2D1", "dense_Dense2"];

function isTeachable({ graph: { nodes } }: Model): boolean {
  const names = nodes.flatMap(({ name = "", outputs }) => [name, ...outputs]);
  return teachableLayers.every((layer) => names.some((name) => name.includes(layer)));
}

const reason = "PaddleOCR's classifier of upright and turned text, which this is by its name and form";

/**
 * PaddleOCR's and RapidOCR's direction classifier takes lines of text of 48 x 192 as OpenCV reads them, and leaves both sides open: at 224 x 224 it is
 * little better than chance.
 */
const textDirection: KnownNetwork = {
  stated: {
    stated: {
      ...statedBy("symmetric"),
      channels: "bgr",
      inputSize: [48, 192],
      geometry: (height, width) => ({ resize: { kind: "exact", width, height }, interpolation: "bilinear" }),
    },
    reason,
    isIncidental: true,
  },
  names: { names: ["0", "180"], reason, where: "PaddleOCR", isGiven: false, isIncidental: true },
};

function isTextDirection({ graph }: Model, where: string): boolean {
  const file = (where.split(/[\\/]/).at(-1) ?? "").toLowerCase().replace(/\.[a-z]+$/, "");
  const isCalled = /ppocr/.test(file) && /cls/.test(file);
  const mayBeCalled = /^cls$|_cls_infer$/.test(file);
  if ((!isCalled && !mayBeCalled) || othersOfPaddle.test(file)) return false;
  const [{ shape = [] } = {}, ...more] = graph.inputs;
  const isOpen = (extent: unknown): boolean => typeof extent !== "number" || extent <= 0;
  const isOfLines = shape.length === 4 && shape[1] === 3 && isOpen(shape[2]) && isOpen(shape[3]);
  const isOfTwo = graph.outputs.some(({ shape: scores }) => scores?.length === 2 && scores[1] === 2);
  if (more.length > 0 || !isOfLines || !isOfTwo) return false;
  return isCalled || graph.nodes.some(({ outputs }) => outputs.some((name) => paddleValue.test(name)));
}
