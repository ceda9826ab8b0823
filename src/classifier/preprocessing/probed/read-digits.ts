/**
 * @file Telling the normalization of a network of digits, and the ground that they stand on, from the drawn digits that it reads.
 *
 * Networks of digits are nearly as sure under a wrong normalization as under the right one, and of dark digits on light as of light ones on dark. What they read
 * tells better: of 24 that people have published and 12 others, all but one read 6 to 10 of ten digits under their own normalization, and one of
 * clothes, letters or photographs at most 3.
 */
import type { ImageTensor } from "../../../image/picture.ts";
import type { ModelWarning, PreparedModel } from "../../network/prepare-model.ts";
import { isOfDigitsSize } from "../shown/natural-pictures.ts";
import { drawnDigits } from "./drawn-digits.ts";
import { negative } from "./views.ts";

/** How many of ten drawn digits a network reads under a normalization: light ones on dark ground, and dark ones on light. */
export interface Reading<Name> {
  readonly name: Name;
  readonly light: number;
  readonly dark: number;
}

/** From so many on of ten a network reads digits. */
export const leastRead = 6;
/** Under a normalization that is not ruled out it reads so many, and not so many fewer than under another one. */
const leastPossible = 5;
const mostFewer = 3;
/** By so many more it reads digits on one ground than on the other, if it was trained on that one. */
const leastMore = 4;

interface Asked<Name> {
  readonly name: Name;
  readonly judgements: readonly { readonly first: number }[];
}

interface Shown {
  readonly image: ImageTensor;
  readonly label: undefined;
  readonly picture: undefined;
}

/** What a network reads under each of `candidates`; nothing of a network that takes no small gray pictures, or has no ten classes. `ask` gives the label of each picture. */
export async function readingsOf<Candidate extends { readonly name: Name }, Name>(
  prepared: PreparedModel,
  candidates: readonly Candidate[],
  ask: (candidates: readonly Candidate[], shown: readonly Shown[]) => Promise<readonly Asked<Name>[]>,
): Promise<readonly Reading<Name>[]> {
  if (!isOfDigitsSize(prepared) || prepared.classCount < 10) return [];
  const light = drawnDigits(prepared.height, prepared.width);
  const dark = light.map(negative);
  const asked = await ask(
    candidates,
    [...light, ...dark].map((image) => ({ image, label: undefined, picture: undefined })),
  );
  return asked.map(({ name, judgements }) => {
    const count = (from: number): number =>
      judgements.slice(from, from + 10).filter(({ first }, digit) => first === digit).length;
    return { name, light: count(0), dark: count(10) };
  });
}

/** How many digits it reads on the ground that it reads better. */
export function readingOf({ light, dark }: Reading<unknown>): number {
  return Math.max(light, dark);
}

/** The readings that are not ruled out; undefined where no normalization makes the network read digits. */
export function readersOf<Name>(readings: readonly Reading<Name>[]): readonly Reading<Name>[] | undefined {
  const most = Math.max(0, ...readings.map(readingOf));
  if (most < leastRead) return undefined;
  return readings.filter((one) => readingOf(one) >= Math.max(leastPossible, most - mostFewer));
}

/** "of ten drawn digits it reads 9 under mnist, 4 under symmetric". */
export function describeReadings(readings: readonly Reading<string | undefined>[]): string {
  const sorted = readings.toSorted((a, b) => readingOf(b) - readingOf(a));
  return `of ten drawn digits it reads ${sorted.map((one) => `${readingOf(one)} under ${one.name}`).join(", ")}`;
}

/** What is said where the pictures stand on the other ground than the digits that the network reads. */
export function groundWarning({ light, dark }: Reading<unknown>, images: readonly ImageTensor[]): ModelWarning[] {
  if (Math.abs(light - dark) < leastMore || images.length === 0) return [];
  const readsLight = light > dark;
  const others = images.filter((image) => {
    const ground = groundOf(image);
    return readsLight ? ground > 0.6 : ground < 0.4;
  });
  if (2 * others.length <= images.length) return [];
  const [own, other] = readsLight ? ["light", "dark"] : ["dark", "light"];
  const isOne = images.length === 1;
  const what = isOne
    ? `the picture is ${other} on ${own}`
    : `${others.length} of ${images.length} pictures are ${other} on ${own}`;
  const message = `the network reads ${own} digits on ${other} ground (${Math.max(light, dark)} of ten drawn ones, ${Math.min(light, dark)} of the negatives), and ${what}. Invert ${isOne ? "it" : "them"} (with ImageMagick: magick in.png -negate out.png)`;
  return [{ code: "other-ground", message }];
}

/** The mean of the outermost pixels. */
function groundOf({ data, shape: [, height, width] }: ImageTensor): number {
  let [sum, count] = [0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (y > 0 && y < height - 1 && x > 0 && x < width - 1) continue;
      sum += data[y * width + x];
      count++;
    }
  }
  return sum / count;
}
