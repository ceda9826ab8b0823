import { expect, test } from "vitest";
import { withControls } from "./named-controls.ts";

test.each([
  [
    "a guess. Say how its pixels are prepared: --preprocessing, or --mean, --std, --scale and --channels",
    "a guess. Say how its pixels are prepared: “Normalization”, or “Mean”, “Standard deviation”, “Scale” and “Order of channels” (Under “Change preprocessing, labels, logits”.)",
  ],
  [
    "Give the names with --labels (the option labels).",
    "Give the names with “Labels”. (Under “Change preprocessing, labels, logits”.)",
  ],
  [
    "--resize pad shows all of it in a frame, --resize exact distorted.",
    "--resize pad shows all of it in a frame, --resize exact distorted. (--resize: on the command line, not in this page.)",
  ],
  ["see what the model does, such as --method occlusion", "see what the model does, such as “Method” occlusion"],
  [
    'its weights in "a.data" are missing. Pass the files beside the model as the option externalData.',
    'its weights in "a.data" are missing. Drop the model and its weights together, or the weights now.',
  ],
  [
    "there is no such limit: perceptual-ball explain picture.jpg --model huge.onnx --low-memory",
    "there is no such limit: perceptual-ball explain picture.jpg --model huge.onnx --low-memory",
  ],
  ["no flag at all, not in a--name either", "no flag at all, not in a--name either"],
])("%s", (message, expected) => {
  expect(withControls(message)).toBe(expected);
});
