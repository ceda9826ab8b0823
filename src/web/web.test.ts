import { expect, test } from "vitest";
import { given } from "../../test/given.ts";
import { tinyClassifier } from "../../test/tiny-classifier.ts";
import { writeModel } from "../onnx/file/write-model.ts";
import { referenceRuntime } from "../runtime/reference-runtime.ts";
import { countFrames } from "./count-frames.ts";
import { loadClassifier } from "./load-classifier.ts";
import { loadRuntime, useThreads } from "./load-runtime.ts";
import { browserEnvironment, type ImageEnvironment, readImage, readPicture } from "./read-image.ts";

const bytes = writeModel(tinyClassifier());
const runtime = referenceRuntime;
const serve = (files: Readonly<Record<string, Uint8Array>>) =>
  (async (address: string | URL) => {
    const body = files[String(address)];
    return body === undefined ? new Response("", { status: 404 }) : new Response(body as Uint8Array<ArrayBuffer>);
  }) as typeof globalThis.fetch;

test("a classifier from bytes, from a Blob and from an address is the same", async () => {
  const blob = new Blob([bytes as Uint8Array<ArrayBuffer>]);
  const fetch = serve({ "https://example.org/m.onnx": bytes });
  const sources = [
    bytes,
    bytes.slice().buffer,
    blob,
    "https://example.org/m.onnx",
    new URL("https://example.org/m.onnx"),
  ];
  for (const source of sources) {
    const classifier = await loadClassifier(source, { runtime, fetch });
    expect(classifier.layers.map((layer) => layer.operator)).toContain("MaxPool");
    expect(classifier.guess.name).toBe("unit");
  }
});

test("weights beside the model are passed by name; without them, an error that says so", async () => {
  const { graph, ...rest } = tinyClassifier();
  const [name] = graph.initializers.keys();
  const initializer = given(graph.initializers.get(name));
  if (initializer.storage.kind !== "inline") throw new Error("weights of the tiny classifier are inline");
  const weights = initializer.storage.bytes;
  const storage = {
    kind: "external",
    location: "m.data",
    offset: 0,
    length: weights.length,
    read: () => weights,
  } as const;
  const external = { ...graph, initializers: new Map(graph.initializers).set(name, { ...initializer, storage }) };
  const model = writeModel({ ...rest, graph: external });
  const image = { dtype: "float32", shape: [3, 24, 24], data: new Float32Array(1728).fill(0.3) } as const;
  const whole = await (await loadClassifier(bytes, { runtime })).classify(image);
  const joined = await (await loadClassifier(model, { runtime, externalData: { "m.data": weights } })).classify(image);
  expect(joined.logits).toEqual(whole.logits);
  await expect(loadClassifier(model, { runtime })).rejects.toThrow(/"m.data" are missing.*externalData/);
  const short = { "m.data": weights.subarray(0, 100) };
  await expect(loadClassifier(model, { runtime, externalData: short })).rejects.toThrow(
    /m.data is too short, expected at least/,
  );
});

test("files beside the model say what they say on disk, and one of any name is meant", async () => {
  const encode = (content: object | string): Uint8Array =>
    new TextEncoder().encode(typeof content === "string" ? content : JSON.stringify(content));
  const numbers = { mean: [0.1, 0.2, 0.3], std: [0.5, 0.5, 0.5] };
  const plain = writeModel(tinyClassifier({ metadata: {} }));
  const count = (await loadClassifier(plain, { runtime })).classCount;
  const names = Array.from({ length: count }, (_, index) => `name ${index}`);
  const besideFiles = {
    "labels.txt": encode(names.join("\n")),
    "our pixels.yml": encode("mean: [0.1, 0.2, 0.3]\nstd: [0.5, 0.5, 0.5]\n"),
  };
  const { guess, labels } = await loadClassifier(plain, { runtime, besideFiles });
  expect(labels).toEqual(names);
  expect(guess.preprocessing).toMatchObject(numbers);
  expect(guess.reason).toContain("our pixels.yml");
  const other = await loadClassifier(plain, {
    runtime,
    besideFiles: { "notes.json": encode({ names: ["ant", "bee"] }) },
  });
  expect(other.warnings.map(({ message }) => message).join()).toContain("notes.json");
  const usual = { "preprocess.json": encode(numbers) };
  expect((await loadClassifier(plain, { runtime, besideFiles: usual })).guess.reason).toContain(
    "preprocess.json beside the model",
  );
});

test("what cannot be fetched is an error with its address", async () => {
  const fetch = serve({});
  await expect(loadClassifier("gone.onnx", { runtime, fetch })).rejects.toThrow(
    "gone.onnx: cannot be fetched, got status 404.",
  );
  const broken = (async () => {
    throw new Error("offline");
  }) as typeof globalThis.fetch;
  await expect(loadClassifier("a.onnx", { runtime, fetch: broken })).rejects.toThrow("cannot be fetched (offline)");
  await expect(readPicture("p.png", { fetch, environment: fake(1, 1, []) })).rejects.toThrow(
    "p.png: cannot be fetched",
  );
});

/** An environment whose every picture has the given RGBA bytes. */
function fake(width: number, height: number, rgba: readonly number[]): ImageEnvironment {
  return {
    createImageBitmap: async () => ({ width, height, close() {} }),
    createContext: () => ({ drawImage() {}, getImageData: () => ({ data: Uint8ClampedArray.from(rgba) }) }),
  };
}

test("a picture without its alpha channel, and fitted to a network", async () => {
  const environment = fake(2, 1, [10, 20, 30, 255, 40, 50, 60, 255]);
  const picture = await readPicture(new Uint8Array(1), { environment });
  expect(picture).toEqual({ width: 2, height: 1, channels: 3, data: Uint8Array.of(10, 20, 30, 40, 50, 60) });
  const { input } = await loadClassifier(bytes, { runtime });
  const image = await readImage(new Uint8Array(1), input, { environment });
  expect(image.shape).toEqual([3, 24, 24]);
  expect(image.data[0]).toBeCloseTo(10 / 255, 6);
});

test("the color under transparency is the file's where the browser knows it; what is left out is noted", async () => {
  const rgba = [10, 20, 30, 255, 0, 0, 0, 0, 70, 80, 90, 255];
  const notes: string[][] = [];
  const onNote = (note: string, code: string) => void notes.push([code, note]);
  const environment = {
    ...fake(3, 1, rgba),
    storedPixels: () => Uint8Array.of(10, 20, 30, 255, 40, 50, 60, 0, 70, 80, 90, 255),
    countFrames: async () => 3,
  };
  const known = await readPicture(new Uint8Array(1), { environment, onNote });
  expect(known.data).toEqual(Uint8Array.of(10, 20, 30, 40, 50, 60, 70, 80, 90));
  const forgotten = await readPicture(new Uint8Array(1), { environment: fake(3, 1, rgba), onNote });
  expect(forgotten.data).toEqual(Uint8Array.of(10, 20, 30, 0, 0, 0, 70, 80, 90));
  await readPicture(new Uint8Array(1), { environment: fake(1, 1, [10, 20, 30, 255]), onNote });
  expect(notes).toEqual([
    [
      "transparency",
      expect.stringMatching(/: its transparency is left out, and the colors stored under it are looked at/),
    ],
    ["first-frame", expect.stringMatching(/: only the first of its 3 frames/)],
    ["transparency", expect.stringMatching(/are looked at as black/)],
  ]);
});

test("a drawing in its transparency alone is laid on a ground, whether or not the browser knows the color under it", async () => {
  const notes: string[] = [];
  const onNote = (note: string, code: string) => void notes.push(`${code}: ${note}`);
  const dark = [0, 0, 0, 255, 0, 0, 0, 0, 0, 0, 0, 51];
  const drawn = await readPicture(new Uint8Array(1), { environment: fake(3, 1, dark), onNote });
  expect(drawn.data).toEqual(Uint8Array.of(0, 0, 0, 255, 255, 255, 204, 204, 204));
  // Wholly transparent pixels have another color in the file.
  const stored = Uint8Array.from(dark.map((value, i) => (i === 4 ? 99 : value)));
  const environment = { ...fake(3, 1, dark), storedPixels: () => stored };
  expect(await readPicture(new Uint8Array(1), { environment, onNote })).toEqual(drawn);
  const light = fake(2, 1, [255, 255, 255, 51, 255, 255, 255, 255]);
  const { data } = await readPicture(new Uint8Array(1), { environment: light, onNote });
  expect(data).toEqual(Uint8Array.of(51, 51, 51, 255, 255, 255));
  const onWhite =
    /^transparency: .*: all that shows of it has one dark color, so the drawing is in its transparency: it is laid on white\. For another ground, save it/;
  expect(notes).toEqual([
    expect.stringMatching(onWhite),
    expect.stringMatching(onWhite),
    expect.stringMatching(/one light color.*: it is laid on black\. For another ground/),
  ]);
});

test("frames are counted where the browser decodes them one by one", async () => {
  const gif = new Blob([new TextEncoder().encode("GIF89a")]);
  const asked: string[] = [];
  const decoder = (frameCount: number) =>
    class {
      constructor({ type }: { type: string }) {
        if (frameCount === 0) throw new Error("cannot");
        asked.push(type);
      }
      tracks = { ready: Promise.resolve(), selectedTrack: { frameCount } };
      close(): void {
        asked.push("closed");
      }
    };
  expect(await countFrames(gif, decoder(7))).toBe(7);
  expect(asked).toEqual(["image/gif", "closed"]);
  expect(await countFrames(gif, decoder(0))).toBeUndefined();
  expect(await countFrames(gif, undefined)).toBeUndefined();
  expect(await countFrames(new Blob(["\xff\xd8 a JPEG"]), decoder(7))).toBeUndefined();
});

test("a PNG of 16 bits of which a browser would keep few is refused", async () => {
  const png = (bits: number) =>
    Uint8Array.from({ length: 25 }, (_, i) => [0x89, 0x50, 0x4e, 0x47][i] ?? (i === 24 ? bits : 0));
  const dark = fake(1, 1, [10, 20, 63, 255]);
  await expect(readPicture(png(16), { environment: dark })).rejects.toThrow(
    "its samples use at most 14 of the 16 bits that they have, and a browser keeps the upper eight. Save the picture with 8 bits, or use the command line",
  );
  expect((await readPicture(png(8), { environment: dark })).data).toEqual(Uint8Array.of(10, 20, 63));
  const environment = fake(1, 1, [10, 20, 64, 255]);
  expect((await readPicture(png(16), { environment })).data).toEqual(Uint8Array.of(10, 20, 64));
  const { input } = await loadClassifier(bytes, { runtime });
  const wide = { ...input, scale: 4095 };
  await expect(readImage(png(16), wide, { environment })).rejects.toThrow(
    "the network takes samples of more than 8 bits, and a browser",
  );
  expect((await readImage(png(8), wide, { environment })).shape).toEqual([3, 24, 24]);
});

test("no canvas, no decoder, no such option", async () => {
  expect(() => browserEnvironment({})).toThrow(/no createImageBitmap or OffscreenCanvas/);
  const undecodable = { ...fake(1, 1, []), createImageBitmap: () => Promise.reject(new Error("no")) };
  await expect(readPicture(new Uint8Array(1), { environment: undecodable })).rejects.toThrow(/not a picture/);
  const bare = { ...fake(9, 9, []), createContext: () => null };
  await expect(readPicture(new Uint8Array(1), { environment: bare })).rejects.toThrow("no canvas of 9 × 9 pixels");
  await expect(readPicture(new Uint8Array(1), { enviroment: bare } as object)).rejects.toThrow(
    /Did you mean "environment"/,
  );
});

test("without a runtime onnxruntime-web runs the model (in Node its build for Node), with the threads that were asked for", async () => {
  const ort = await loadRuntime({ threads: 1 });
  expect(ort).toBe(await import("onnxruntime-web"));
  expect(ort.env).toMatchObject({ wasm: { numThreads: 1 } });
  const image = { dtype: "float32", shape: [3, 24, 24], data: new Float32Array(1728).fill(0.3) } as const;
  const classifier = await loadClassifier(bytes, { threads: 1 });
  const { logits } = await classifier.classify(image);
  const { logits: expected } = await (await loadClassifier(bytes, { runtime })).classify(image);
  expect([...logits]).toEqual([...expected].map((logit) => expect.closeTo(logit, 4)));
  await classifier.dispose();
  await expect(loadClassifier(bytes, { threads: 2 })).rejects.toThrow(
    /share their threads, expected 1, as it was first, got 2/,
  );
  expect(() => useThreads(referenceRuntime, 2)).toThrow(
    /no threads to choose here, expected onnxruntime-web, got reference/,
  );
});
