/** @file Clean images whose logits or features an attack imitates. */
import type { Classifier } from "../../classifier/classifier.ts";
import { checkForm, MisuseError, throwIfAborted } from "../../errors.ts";
import type { ImageTensor } from "../../image/picture.ts";
import { valueOption } from "../../options/option.ts";
import { indexOfLargest } from "../../tensor/vector.ts";
import type { AttackTask, SearchContext } from "../attack.ts";

function areImages(value: unknown): value is readonly ImageTensor[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((image) => {
      const { data, shape } = (image ?? {}) as { readonly data?: unknown; readonly shape?: unknown };
      return data instanceof Float32Array && Array.isArray(shape) && shape.length === 3;
    })
  );
}

/** The images as an option; `fallbackText` says what is imitated without any. */
export function guidesOption(fallbackText: string) {
  return valueOption(
    "Clean images to imitate: for each image the first whose predicted class is the one to reach, or any other than the one to leave.",
    { is: areImages, expected: "a list of images [C, H, W]", fallbackText },
  );
}

/** A clean image with what the classifier says of it. */
export interface Guide {
  readonly pixels: Float32Array;
  readonly logits: Float32Array;
  readonly label: number;
}

/** The guides, classified, in order. Throws a MisuseError for images of another size than the network's. */
export async function openGuides(
  where: string,
  images: readonly ImageTensor[],
  { classifier, batch, signal }: Pick<SearchContext, "classifier" | "batch" | "signal">,
): Promise<readonly Guide[]> {
  checkForm(`${where}: guides`, images, "list");
  const pass = await classifier.forward({ batch });
  checkSizes(where, classifier, images);
  const guides: Guide[] = [];
  for (let from = 0; from < images.length; from += batch) {
    throwIfAborted(signal, where);
    const some = images.slice(from, from + batch).map(({ data }) => data);
    for (const [n, logits] of (await pass.run(some, { signal })).entries()) {
      guides.push({ pixels: some[n], logits: logits.slice(), label: indexOfLargest(logits) });
    }
  }
  return guides;
}

function checkSizes(where: string, { input }: Classifier, images: readonly ImageTensor[]): void {
  const wanted = [input.channelCount, input.height, input.width];
  const wrong = images.find(({ shape }) => shape.some((extent, axis) => extent !== wanted[axis]));
  if (wrong === undefined) return;
  throw new MisuseError({
    where: `${where}: guides`,
    what: "an image does not have the network's size",
    expected: `[${wanted.join(", ")}]`,
    got: `[${wrong.shape.join(", ")}]`,
    advice: "classifier.fit() resizes and crops a picture.",
  });
}

/** The first guide whose class is what the task wants. Throws a MisuseError if there is none. */
export function guideFor(
  where: string,
  guides: readonly Guide[],
  { label, target }: Pick<AttackTask, "label" | "target">,
): Guide {
  const found = guides.find((guide) => (target === undefined ? guide.label !== label : guide.label === target));
  if (found !== undefined) return found;
  throw new MisuseError({
    where: `${where}: guides`,
    what:
      target === undefined
        ? `all images are called class ${label}, which is to be left`
        : `no image is called class ${target}, which is to be reached`,
    expected: "an image of a class to reach",
    advice: "Give images of several classes.",
  });
}

/** The logits of a clean image of another class: the task's own, the largest exchanged with that of the class to reach, or with the next one. */
export function exchangedLogits({ clean, target }: Pick<AttackTask, "clean" | "target">): Float32Array {
  const logits = clean.logits.slice();
  const largest = indexOfLargest(logits);
  const other = target ?? indexOfLargest(logits.map((logit, k) => (k === largest ? Number.NEGATIVE_INFINITY : logit)));
  [logits[largest], logits[other]] = [logits[other], logits[largest]];
  return logits;
}
