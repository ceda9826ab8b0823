import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { afterEach, beforeEach, expect, test } from "vitest";
import { BadInputError, MisuseError } from "../../errors.ts";
import { readModel } from "../../onnx/file/read-model.ts";
import { modelInParts, writeModel } from "../../onnx/file/write-model.ts";
import { type Initializer, initializerOf, type Model, tensorOfInitializer } from "../../onnx/model.ts";
import { parseModel } from "../../onnx/text/parse.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { loadModelFile, weightsFolderOption } from "./load-model.ts";
import { writeModelFile } from "./write-model-file.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "load-model-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** logits = x · w + b with a w of 128 KB, which is left in the file, and a b of 128 bytes, which is not. */
function linear(): Model {
  const model = parseModel(`
    net (float[1, 1024] x) => (float[1, 32] logits) {
      a = MatMul (x, w)
      logits = Add (a, b)
    }`);
  const w = Float32Array.from({ length: 1024 * 32 }, (_, i) => Math.sin(i));
  const b = Float32Array.from({ length: 32 }, (_, i) => i);
  const initializers = new Map<string, Initializer>([
    ["w", initializerOf(floatTensor(w, [1024, 32]))],
    ["b", initializerOf(floatTensor(b, [32]))],
  ]);
  return { ...model, graph: { ...model.graph, initializers } };
}

const x = new ort.Tensor(
  "float32",
  Float32Array.from({ length: 1024 }, (_, i) => Math.cos(i)),
  [1, 1024],
);

async function logitsOf(session: Promise<ort.InferenceSession>): Promise<unknown> {
  const opened = await session;
  const { logits } = await opened.run({ x });
  await opened.release();
  return Array.from(logits.data as Float32Array);
}

function weight(model: Model, name = "w") {
  const initializer = model.graph.initializers.get(name);
  if (initializer === undefined) throw new Error(`no initializer ${name}`);
  return tensorOfInitializer(initializer).data;
}

test("large weights stay in the file, and a derived model as bytes finds them there", async () => {
  const path = join(folder, "m.onnx");
  const bytes = writeModel(linear());
  writeFileSync(path, bytes);
  const loaded = loadModelFile(path);
  expect(loaded).toMatchObject({ path, folder, bytes: bytes.length, weightsFiles: [] });
  expect(loaded.sha256).toBe(createHash("sha256").update(bytes).digest("hex"));
  const { w, b } = Object.fromEntries(loaded.model.graph.initializers);
  expect(w.storage).toMatchObject({ kind: "external", location: "m.onnx", length: 131072 });
  expect(b.storage.kind).toBe("inline");
  expect(weight(loaded.model)).toEqual(weight(linear()));
  const derived = writeModel(loaded.model);
  expect(derived.length).toBeLessThan(1000);
  const expected = await logitsOf(ort.InferenceSession.create(path));
  expect(await logitsOf(ort.InferenceSession.create(derived, weightsFolderOption(loaded.folder)))).toEqual(expected);
  const whole = Buffer.concat([...modelInParts(loaded.model)]);
  expect(whole.length).toBe(bytes.length);
  expect(writeModel(readModel(whole))).toEqual(bytes);
});

test("nothing that is kept holds on to the buffer of the whole file", () => {
  const path = join(folder, "m.onnx");
  writeFileSync(path, writeModel(linear()));
  const seen = new Set<unknown>();
  const held: number[] = [];
  const visit = (value: unknown): void => {
    if (typeof value !== "object" || value === null || seen.has(value)) return;
    seen.add(value);
    if (value instanceof Uint8Array) held.push(value.buffer.byteLength);
    else for (const part of value instanceof Map ? value.values() : Object.values(value)) visit(part);
  };
  visit(loadModelFile(path).model);
  expect(held.length).toBeGreaterThan(0);
  expect(Math.max(...held)).toBeLessThan(1024);
});

test("a model that is a link is known by the file that it leads to", async () => {
  const [blobs, links] = [join(folder, "blobs"), join(folder, "links")];
  mkdirSync(blobs);
  mkdirSync(links);
  writeModelFile(join(blobs, "m.onnx"), linear(), { externalData: "beside" });
  symlinkSync(join(blobs, "m.onnx"), join(links, "model.onnx"));
  symlinkSync(join(blobs, "m.onnx.data"), join(links, "m.onnx.data"));
  const loaded = loadModelFile(join(links, "model.onnx"));
  expect(loaded).toMatchObject({ folder: blobs, path: join(links, "model.onnx") });
  expect(loaded.weightsFiles).toMatchObject([{ location: "m.onnx.data", path: join(blobs, "m.onnx.data") }]);
  const expected = await logitsOf(ort.InferenceSession.create(join(blobs, "m.onnx")));
  const session = ort.InferenceSession.create(writeModel(loaded.model), weightsFolderOption(loaded.folder));
  expect(await logitsOf(session)).toEqual(expected);
});

test("weights beside a link that leads elsewhere are read into memory", () => {
  const [blobs, links] = [join(folder, "blobs"), join(folder, "links")];
  mkdirSync(blobs);
  writeModelFile(join(links, "m.onnx"), linear(), { externalData: "beside" });
  writeFileSync(join(blobs, "m"), readFileSync(join(links, "m.onnx")));
  rmSync(join(links, "m.onnx"));
  symlinkSync(join(blobs, "m"), join(links, "m.onnx"));
  const { model } = loadModelFile(join(links, "m.onnx"));
  expect(model.graph.initializers.get("w")?.storage.kind).toBe("inline");
  expect(weight(model)).toEqual(weight(linear()));
});

test("weights inside, beside and by reference, each found by onnxruntime", async () => {
  const original = join(folder, "original.onnx");
  writeModelFile(original, linear());
  const expected = await logitsOf(ort.InferenceSession.create(original));
  const { model } = loadModelFile(original);
  for (const externalData of ["auto", "inside", "beside", "reference"] as const) {
    const path = join(folder, `${externalData}.onnx`);
    writeModelFile(path, model, { externalData });
    expect(existsSync(`${path}.data`)).toBe(externalData === "beside");
    expect(await logitsOf(ort.InferenceSession.create(path))).toEqual(expected);
    const again = loadModelFile(path);
    expect([weight(again.model), weight(again.model, "b")]).toEqual([weight(linear()), weight(linear(), "b")]);
    if (externalData === "beside") {
      const [file] = again.weightsFiles;
      expect(file).toMatchObject({ location: "beside.onnx.data", path: `${path}.data`, bytes: 131072 });
      expect(file.sha256()).toBe(createHash("sha256").update(readFileSync(file.path)).digest("hex"));
    }
  }
  expect(readdirSync(folder).filter((file) => file.endsWith(".tmp"))).toEqual([]);
});

test("what is wrong with a path is said", () => {
  expect(() => loadModelFile(join(folder, "none.onnx"))).toThrow(MisuseError);
  expect(() => loadModelFile(join(folder, "none.onnx"))).toThrow("there is no such file");
  expect(() => loadModelFile(folder)).toThrow(`${folder}: not an ONNX model, expected a file, got a folder.`);
  expect(() => loadModelFile("/dev/null")).toThrow("got a device or pipe");
  writeFileSync(join(folder, "empty.onnx"), "");
  expect(() => loadModelFile(join(folder, "empty.onnx"))).toThrow("got an empty file");
  writeFileSync(join(folder, "huge.onnx"), "");
  truncateSync(join(folder, "huge.onnx"), 2 ** 31);
  expect(() => loadModelFile(join(folder, "huge.onnx"))).toThrow("the file is too large, expected at most 2 GiB");
});

test("weights that are missing, cut off, links to elsewhere or folders are refused", () => {
  const path = join(folder, "inner", "m.onnx");
  const data = `${path}.data`;
  writeModelFile(path, linear(), { externalData: "beside" });
  const bytes = readFileSync(data);
  rmSync(data);
  expect(() => loadModelFile(path)).toThrow(BadInputError);
  expect(() => loadModelFile(path)).toThrow('the file with its weights is missing: "m.onnx.data"');
  writeFileSync(data, bytes.subarray(0, 1000));
  expect(() => loadModelFile(path)).toThrow(
    'initializer "w": external data beyond the end of m.onnx.data, expected at least 131072 bytes, got 1000',
  );
  rmSync(data);
  mkdirSync(data);
  expect(() => loadModelFile(path)).toThrow("expected a file, got a folder");
  rmSync(data, { recursive: true });
  writeFileSync(join(folder, "elsewhere"), bytes);
  symlinkSync(join(folder, "elsewhere"), data);
  expect(() => loadModelFile(path)).toThrow("external data outside the model's folder");
  rmSync(data);
  writeFileSync(data, bytes);
  const { model } = loadModelFile(path);
  truncateSync(data, 1000);
  expect(() => weight(model)).toThrow("has become shorter since it was loaded, expected 131072 bytes at 0, got 1000");
});

test("weights beyond 2 GiB of a sparse file are reached", () => {
  const path = join(folder, "m.onnx");
  writeModelFile(path, linear(), { externalData: "beside" });
  const { model } = loadModelFile(path);
  const offset = 5 * 2 ** 30;
  const { w, b } = Object.fromEntries(model.graph.initializers);
  const storage = { ...w.storage, offset } as Initializer["storage"];
  const far = { ...model, graph: { ...model.graph, initializers: new Map([["w", { ...w, storage }], ["b", b]]) } }; // biome-ignore format: short
  const bytes = readFileSync(`${path}.data`);
  truncateSync(`${path}.data`, offset);
  writeFileSync(`${path}.data`, bytes, { flag: "a" });
  const target = join(folder, "far.onnx");
  writeModelFile(target, far, { externalData: "reference" });
  const loaded = loadModelFile(target);
  expect(loaded.model.graph.initializers.get("w")?.storage).toMatchObject({ location: "m.onnx.data", offset });
  expect(weight(loaded.model)).toEqual(weight(linear()));
});

test("a file that cannot be written leaves nothing behind", () => {
  const locked = join(folder, "file");
  writeFileSync(locked, "");
  expect(() => writeModelFile(join(locked, "m.onnx"), linear())).toThrow(BadInputError);
  const path = join(folder, "m.onnx");
  mkdirSync(path);
  expect(() => writeModelFile(path, linear())).toThrow(`${path}: cannot be written`);
  expect(readdirSync(folder).sort()).toEqual(["file", "m.onnx"]);
  expect(() => writeModelFile(path, linear(), { external: true } as object)).toThrow(MisuseError);
});
