import { beforeEach, expect, test, vi } from "vitest";
import { pretendFiles } from "../../test/pretend-files.ts";
import { tensorToPicture } from "../image/picture.ts";
import { renderScene, scenesClasses, scenesSeeds } from "../scenes/scenes.ts";
import type { Dataset } from "./dataset.ts";
import { type OpenDatasetOptions, openDataset } from "./open-dataset.ts";
import { scenesDatasetSeeds } from "./scenes-dataset.ts";

const renderings = vi.hoisted(() => ({ count: 0 }));
vi.mock(import("../scenes/scenes.ts"), async (load) => {
  const actual = await load();
  return {
    ...actual,
    renderScene(options) {
      renderings.count++;
      return actual.renderScene(options);
    },
  };
});
beforeEach(() => {
  renderings.count = 0;
});

function open(spec: string, options: Omit<OpenDatasetOptions, "source"> = {}): Promise<Dataset> {
  return openDataset(spec, { source: pretendFiles({}), sceneSize: 24, ...options });
}

test("scenes with their exact mask and box, of seeds that the bundled classifier has not seen", async () => {
  const { images, problems, classNames, name } = await open("scenes:3");
  expect([name, classNames, problems]).toEqual(["scenes", scenesClasses, []]);
  const used: readonly number[] = Object.values(scenesSeeds);
  expect(Object.values(scenesDatasetSeeds).every((seed) => !used.includes(seed))).toBe(true);
  for (const [index, image] of images.entries()) {
    const scene = renderScene({ seed: scenesDatasetSeeds.test, index, size: 24 });
    expect(image).toMatchObject({ label: scene.label, className: scene.className, boxes: [scene.box], split: "test" });
    expect(image.id).toBe(`scene-${scenesDatasetSeeds.test}-${index}`);
    expect(await image.picture()).toEqual(tensorToPicture(scene.image));
    expect(await image.mask?.()).toEqual({ dtype: "bool", shape: [24, 24], data: scene.mask });
  }
});

test("nothing is rendered before it is asked for, and the first scenes do not depend on how many there are", async () => {
  const { images } = await open("scenes:3000", { sceneSize: 96 });
  expect(images.length).toBe(3000);
  expect(renderings.count).toBe(0);
  await images[7].picture();
  expect(renderings.count).toBe(1);
  // Picture, mask and box are of one rendering.
  await images[7].mask?.();
  expect([images[7].boxes?.length, renderings.count]).toEqual([1, 1]);
  expect(images[1].boxes).toEqual((await open("scenes:2", { sceneSize: 96 })).images[1].boxes);
  expect((await open("scenes")).images.length).toBe(200);
});

test("scenes of a usual set are rendered once, however often and in whatever order they are asked for", async () => {
  const { images } = await open("scenes:200", { sceneSize: 16 });
  for (const { boxes } of images) expect(boxes).toHaveLength(1);
  for (const image of images) await Promise.all([image.picture(), image.mask?.()]);
  for (const { picture } of images.slice(0, 5)) await picture();
  expect(renderings.count).toBe(200);
  // A second opening of the same set has them too.
  await (await open("scenes:200", { sceneSize: 16 })).images[0].picture();
  expect([renderings.count, images.length]).toEqual([200, 200]);
});

test("scenes for training are others", async () => {
  const [train] = (await open("scenes:1", { split: "train" })).images;
  const [judged] = (await open("scenes:1", { split: "test" })).images;
  expect([train.split, judged.split]).toEqual(["train", "test"]);
  expect(train.id).not.toBe(judged.id);
  expect((await train.picture()).data).not.toEqual((await judged.picture()).data);
});

test("labels are the classifier's", async () => {
  const reversed = { names: scenesClasses.toReversed(), count: 10 };
  const [own, other] = [await open("scenes:10"), await open("scenes:10", { classes: reversed })];
  expect(other.images.map(({ label }) => 9 - (label ?? Number.NaN))).toEqual(own.images.map(({ label }) => label));
  const predicted = await open("scenes:10", { classes: { names: ["x"], count: 1 }, labels: "predicted" });
  expect(predicted.images.map(({ label }) => label)).toEqual(Array(10).fill(undefined));
  await expect(open("scenes:10", { classes: { names: ["x"], count: 1 } })).rejects.toThrow(
    "scenes:10: the data set has no usable image. 10 problems in the data: 10 × class that the model does not have",
  );
});

test.each(["scenes:0", "scenes:x", "scenes:-1", "scenes:", "scenes:1.5", "scenes:1e3"])(
  "%s is misuse",
  async (spec) => {
    await expect(open(spec)).rejects.toThrow("scenes: value out of range, expected an integer from 1 to 1000000");
  },
);

test("an unknown split is misuse", async () => {
  await expect(open("scenes", { split: "val" })).rejects.toThrow("scenes: split: unknown value");
});
