import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { realData, realDataTitle } from "../../../test/real-data.ts";
import { imagenetLabels } from "../../classifier/labels/imagenet.ts";
import { sizedPicture } from "../../classifier/preprocessing/fit-picture.ts";
import { BadInputError } from "../../errors.ts";
import { encodeNpy } from "../../tensor/npy.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { encodePng } from "../pictures/write-image.ts";
import { nodeFileSource } from "./file-source.ts";
import { loadDataset } from "./load-dataset.ts";

const folder = mkdtempSync(join(tmpdir(), "file-source-"));
beforeAll(async () => {
  mkdirSync(join(folder, "cat"));
  const pixels = { create: { width: 6, height: 4, channels: 3, background: "#ff0000" } } as const;
  // A camera held upright: viewers turn this into 4 × 6.
  await sharp(pixels).withMetadata({ orientation: 6 }).jpeg().toFile(join(folder, "cat/turned.jpg"));
  writeFileSync(join(folder, "cat/broken.jpg"), "no picture");
  symlinkSync(join(folder, "cat"), join(folder, "dog"));
  symlinkSync(join(folder, "gone"), join(folder, "dangling"));
});
afterAll(() => rmSync(folder, { recursive: true }));

test("lists, texts and bytes; links are followed", async () => {
  const entries = (await nodeFileSource.list(folder)).map(({ name, kind }) => `${kind} ${name}`).sort();
  expect(entries).toEqual(["file dangling", "folder cat", "folder dog"]);
  expect(await nodeFileSource.exists(join(folder, "dog"))).toBe("folder");
  expect(await nodeFileSource.exists(join(folder, "dog/broken.jpg"))).toBe("file");
  expect(await nodeFileSource.exists(join(folder, "gone"))).toBeUndefined();
  expect(await nodeFileSource.readText(join(folder, "cat/broken.jpg"))).toBe("no picture");
  expect([...(await nodeFileSource.readBytes(join(folder, "cat/broken.jpg")))]).toEqual([...Buffer.from("no picture")]);
});

test("what cannot be read is named", async () => {
  const gone = join(folder, "gone.txt");
  await expect(nodeFileSource.readText(gone)).rejects.toThrow(
    `${gone}: no such file, expected a file of the data set.`,
  );
  await expect(nodeFileSource.readBytes(folder)).rejects.toThrow(
    `${folder}: is a folder, expected a file of the data set.`,
  );
  await expect(nodeFileSource.list(join(folder, "cat/broken.jpg"))).rejects.toThrow("is not a folder");
  await expect(nodeFileSource.readPictureSize(join(folder, "cat/broken.jpg"))).rejects.toThrow(BadInputError);
});

test("pictures are taken as stored, since boxes refer to that, and so is their size", async () => {
  const path = join(folder, "cat/turned.jpg");
  expect(await nodeFileSource.readPicture(path)).toMatchObject({ width: 6, height: 4, channels: 3 });
  expect(await nodeFileSource.readPictureSize(path)).toEqual({ width: 6, height: 4 });
});

test("of as many bands as the network takes, from a TIFF", async () => {
  mkdirSync(join(folder, "bands/a"), { recursive: true });
  const raw = { width: 6, height: 4, channels: 4 } as const;
  const samples = Uint8Array.from({ length: 96 }, (_, i) => (i * 7) % 256);
  await sharp(samples, { raw }).tiff({ compression: "none" }).toFile(join(folder, "bands/a/four.tiff"));
  const read = async (channelCount: number) => {
    const { images } = await loadDataset(join(folder, "bands"), { reading: { channelCount } });
    return await images[0]?.picture();
  };
  expect(await read(4)).toMatchObject({ channels: 4, data: samples });
  expect(await read(3)).toMatchObject({ channels: 3 });
  await expect(read(5)).rejects.toThrow(
    /four\.tiff: the picture does not have the network's number of channels, expected 5/,
  );
});

test("arrays, where there are no pictures beside them, and what was concluded of each", async () => {
  mkdirSync(join(folder, "arrays/a"), { recursive: true });
  const bands = Uint8Array.from({ length: 120 }, (_, i) => (i * 11) % 256);
  const array = (name: string, tensor: Tensor): void =>
    writeFileSync(join(folder, "arrays/a", name), encodeNpy(tensor));
  array("bytes.npy", { dtype: "uint8", shape: [5, 4, 6], data: bands });
  array("dark.npy", { dtype: "uint16", shape: [5, 4, 6], data: Uint16Array.from(bands, (value) => 16 * value) });
  array("real.npy", { dtype: "float32", shape: [4, 6, 5], data: new Float32Array(120).fill(0.5) });
  const { images } = await loadDataset(join(folder, "arrays"), { reading: { channelCount: 5 } });
  expect(images.map(({ id }) => id)).toEqual(["a/bytes.npy", "a/dark.npy", "a/real.npy"]);
  const concluded: string[][] = [];
  const pictures = [];
  for (const { picture } of images) {
    const notes: string[] = [];
    pictures.push(await picture({ onNote: (text) => notes.push(text) }));
    concluded.push(notes);
  }
  for (const picture of pictures) expect(picture).toMatchObject({ width: 6, height: 4, channels: 5 });
  // Planes become pixels of five numbers.
  expect(Array.from(pictures[0]?.data.subarray(0, 5) ?? [])).toEqual([0, 24, 48, 72, 96].map((at) => bands[at]));
  expect(pictures[2]?.data.every((value) => value === 128)).toBe(true);
  expect(concluded.map((notes) => notes.length)).toEqual([0, 1, 0]);
  expect(concluded[1]?.[0]).toMatch(/dark\.npy: its 16-bit samples reach only \d+, so they are taken as 12 bits/);
  // Beside pictures they are mostly maps.
  await sharp(bands, { raw: { width: 6, height: 5, channels: 4 } })
    .png()
    .toFile(join(folder, "arrays/a/p.png"));
  const { images: mixed } = await loadDataset(join(folder, "arrays"), { reading: { channelCount: 4 } });
  expect(mixed.map(({ id }) => id)).toEqual(["a/p.png"]);
});

test("a link to a folder above is not followed for ever, and each picture is there once", async () => {
  const root = join(folder, "circle");
  mkdirSync(join(root, "a/b"), { recursive: true });
  mkdirSync(join(root, "c"));
  writeFileSync(join(root, "a/b/1.png"), "");
  writeFileSync(join(root, "c/2.png"), "");
  symlinkSync(join(root, "a"), join(root, "a/b/again"));
  const { images, notes } = await loadDataset(root);
  expect(images.map(({ id }) => id)).toEqual(["a/b/1.png", "c/2.png"]);
  expect(notes).toEqual(["Pictures in hidden folders, or in links that lead in a circle, are passed over: a/b/again."]);
});

test("a folder on disk; a broken picture is found out when it is asked for", async () => {
  const { images } = await loadDataset(folder, { classes: { names: ["dog", "cat"], count: 2 } });
  expect(images.map(({ id, label }) => [id, label])).toEqual([
    ["cat/broken.jpg", 1],
    ["cat/turned.jpg", 1],
    ["dog/broken.jpg", 0],
    ["dog/turned.jpg", 0],
  ]);
  await expect(images[0].picture()).rejects.toThrow(`${join(folder, "cat/broken.jpg")}: is not a picture`);
  expect(await images[1].picture()).toMatchObject({ width: 6, height: 4 });
});

describe.skipIf(realData === undefined)(realDataTitle, () => {
  const classes = { names: imagenetLabels, count: 1000 };

  test("forty images of ImageNet: labels as in val.txt, boxes inside, pictures of their size", async () => {
    const root = join(realData ?? "", "imagenet");
    const { images, problems } = await loadDataset(root, { classes });
    expect([images.length, problems]).toEqual([40, []]);
    const lines = readFileSync(join(root, "val.txt"), "utf8").trim().split("\n");
    expect(images.map(({ id, label }) => `${id}.JPEG ${label}`)).toEqual(lines);
    const [first] = images;
    // 111 108 441 193 in LOC_val_solution.csv, last pixels included.
    expect(first.boxes).toEqual([[111, 108, 442, 194]]);
    expect(images.reduce((sum, { boxes }) => sum + (boxes ?? []).length, 0)).toBe(
      readFileSync(join(root, "LOC_val_solution.csv"), "utf8").match(/n\d{8}/g)?.length,
    );
    for (const { boxes, picture } of images.slice(0, 5)) {
      const { width, height } = sizedPicture(await picture());
      expect(boxes?.every(([, , x1, y1]) => x1 <= width && y1 <= height)).toBe(true);
    }
    const labelsAlone = await loadDataset(root, { classes, annotations: join(root, "val.txt") });
    expect(labelsAlone.images.map(({ label }) => label)).toEqual(images.map(({ label }) => label));
  });

  test("CIFAR-10: as many records as the files hold, all classes about equally often", async () => {
    const { images, problems } = await loadDataset(join(realData ?? "", "cifar10"));
    expect(problems).toEqual([]);
    const counts = { train: Array(10).fill(0), test: Array(10).fill(0) };
    for (const { label, split } of images) counts[split === "train" ? "train" : "test"][label ?? -1]++;
    expect(counts.train.reduce((a, b) => a + b)).toBe(5000);
    expect(counts.test.reduce((a, b) => a + b)).toBe(2000);
    expect(Math.min(...counts.test)).toBeGreaterThan(150);
    const first = await loadDataset(`cifar10:${join(realData ?? "", "cifar10")}`, { first: 10 });
    expect(first.images.map(({ split }) => split)).toEqual([...Array(10).fill("train"), ...Array(10).fill("test")]);
  });
});

test("what a data set names outside of its folder, or links to there, is read only where that is allowed", async () => {
  const inside = join(folder, "set");
  mkdirSync(join(inside, "images"), { recursive: true });
  const png = await encodePng({ width: 4, height: 4, channels: 3, data: new Uint8Array(48).fill(7) });
  for (const path of ["secret.png", "set/images/own.png"]) writeFileSync(join(folder, path), png);
  symlinkSync(join(folder, "secret.png"), join(inside, "images/linked.png"));
  const rows = ["own.png", "linked.png", "../../secret.png", join(folder, "secret.png")].map(
    (name) => `${name},0,0,2,2`,
  );
  writeFileSync(join(inside, "boxes.csv"), ["image,x0,y0,x1,y1", ...rows].join("\n"));
  const { images, problems } = await loadDataset(inside);
  expect(images.map(({ id }) => id)).toEqual(["linked.png", "own.png"]);
  expect(problems.map(({ image, message }) => `${image}: ${message}`)).toEqual(
    ["../../secret.png", join(folder, "secret.png")].map(
      (name) => `${name}: leads out of ${inside}/images, which --follow (the option \`follow\`) allows; left out`,
    ),
  );
  const [linked, own] = images;
  expect(await own.picture()).toMatchObject({ width: 4 });
  await expect(linked.picture()).rejects.toThrow(/linked.png: leads out of the data set, to .*secret.png.* --follow/);
  const all = await loadDataset(inside, { follow: true });
  expect(all.problems).toEqual([]);
  expect(await Promise.all(all.images.map(async ({ picture }) => sizedPicture(await picture()).width))).toEqual([
    4, 4, 4, 4,
  ]);
});
