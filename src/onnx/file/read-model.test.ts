import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
  TensorProto_DataType,
  TensorProtoSchema,
} from "onnx-buf";
import { describe, expect, test } from "vitest";
import { BadInputError, PerceptualBallError, UnsupportedError } from "../../errors.ts";
import { createRandom } from "../../random/random.ts";
import { initializerNamed, tensorOfInitializer } from "../model.ts";
import { parseModel } from "../text/parse.ts";
import { readModel } from "./read-model.ts";
import { writeModel } from "./write-model.ts";

const models = join(
  process.env.PERCEPTUAL_BALL_DATA ?? resolve(import.meta.dirname, "../../../../shared/data"),
  "models",
);
const published = existsSync(models) ? readdirSync(models).filter((file) => file.endsWith(".onnx")) : [];

const small = parseModel(`
  <ir_version: 8, opset_import: ["" : 13, "com.example": 1], producer_name: "test">
  net (float[N, 2, 6, 6] x) => (float[N, 3] logits)
  <float[3, 2, 3, 3] w = {${Array.from({ length: 54 }, (_, i) => i / 8).join(", ")}}, int64[2] shape = {0, -1},
   float[N, 3, 4, 4] y>
  {
    [conv] y = Conv <strides = [1, 1], auto_pad = "VALID"> (x, w)
    [act] z = LeakyRelu <alpha = 0.25> (y)
    p = GlobalAveragePool (z)
    c = Constant <value = float[1] {2}> ()
    q = com.example.Scale <names = ["a"], factors = [1.5], body: graph = b (float t) => (float u) { u = Neg (t) }> (p, c)
    logits = Reshape (q, shape)
  }
  <domain: "com.example", opset_import: ["": 13]>
  Scale <names, factors, body> (a, b) => (c) { c = Mul (a, b) }
`);
const smallBytes = writeModel(small);

/** The message in `bytes`, changed by `change`, as bytes. */
function changed(change: (proto: ModelProto) => void, bytes = smallBytes): Uint8Array {
  const proto = fromBinary(ModelProtoSchema, bytes.slice());
  change(proto);
  return toBinary(ModelProtoSchema, proto);
}

function graphOf({ graph }: ModelProto): GraphProto {
  if (graph === undefined) throw new Error("the model has no graph");
  return graph;
}

describe("round trip", () => {
  test.skipIf(published.length === 0)("published models come out as the bytes that went in, weights uncopied", () => {
    for (const file of published) {
      const bytes = new Uint8Array(readFileSync(join(models, file)));
      const model = readModel(bytes, { where: file });
      for (const { storage } of model.graph.initializers.values()) {
        expect(storage.kind === "inline" && storage.bytes.buffer === bytes.buffer).toBe(true);
      }
      expect(Buffer.compare(writeModel(model), bytes)).toBe(0);
    }
  });

  test("a model made by hand reads back as the records it was made of", () => {
    const { origin, ...model } = readModel(smallBytes);
    expect(origin).toBeDefined();
    expect(model).toMatchObject({
      ...small,
      graph: { ...small.graph, nodes: expect.anything() },
      functions: expect.anything(),
    });
    expect(writeModel(readModel(smallBytes))).toEqual(smallBytes);
  });

  test("unknown fields and everything that the records do not hold survive at every level", () => {
    const unknown = (no: number) => [{ no, wireType: 2, data: Uint8Array.of(2, 0xca, 0xfe) }];
    const bytes = changed((proto) => {
      const graph = graphOf(proto);
      proto.docString = "a model";
      proto.domain = "org.example";
      proto.modelVersion = 7n;
      proto.$unknown = unknown(1000);
      graph.$unknown = unknown(1001);
      graph.docString = "a graph";
      graph.quantizationAnnotation.push({
        $typeName: "onnx.TensorAnnotation",
        tensorName: "w",
        quantParameterTensorNames: [],
      });
      graph.sparseInitializer.push({
        $typeName: "onnx.SparseTensorProto",
        dims: [4n],
        values: create(TensorProtoSchema, { name: "s" }),
      });
      graph.input[0].docString = "pixels";
      graph.input[0].$unknown = unknown(1002);
      graph.node[0].docString = "a node";
      graph.node[0].overload = "o";
      graph.node[0].$unknown = unknown(1003);
      graph.node[0].attribute[0].docString = "an attribute";
      graph.node[0].attribute[0].$unknown = unknown(1004);
      graph.initializer[0].docString = "a weight";
      graph.initializer[0].$unknown = unknown(1005);
      const [{ t }, { g }] = [graph.node[3].attribute[0], graph.node[4].attribute[2]];
      if (t === undefined || g === undefined) throw new Error("the model has another form");
      t.$unknown = unknown(1006);
      g.$unknown = unknown(1007);
      g.node[0].$unknown = unknown(1008);
      proto.functions[0].docString = "a function";
      proto.functions[0].$unknown = unknown(1009);
      proto.functions[0].node[0].$unknown = unknown(1010);
      proto.opsetImport[0].$unknown = unknown(1011);
      proto.trainingInfo.push({ $typeName: "onnx.TrainingInfoProto", initializationBinding: [], updateBinding: [] });
      for (const owner of [graph, graph.node[0], graph.initializer[0]]) {
        owner.metadataProps.push({ $typeName: "onnx.StringStringEntryProto", key: "k", value: "v" });
      }
    });
    expect(Buffer.compare(writeModel(readModel(bytes.slice())), bytes)).toBe(0);
  });

  test("64-bit integers survive where they are unchanged and clamp where they are not", () => {
    const ends = [2n ** 63n - 1n, -(2n ** 63n), 2n ** 62n + 1n];
    const bytes = changed((proto) => {
      const attribute = graphOf(proto).node[0].attribute[0];
      attribute.ints = ends;
    });
    const model = readModel(bytes);
    const intsOf = (written: Uint8Array) => graphOf(fromBinary(ModelProtoSchema, written)).node[0].attribute[0].ints;
    expect(intsOf(writeModel(model))).toEqual(ends);
    const [conv, ...rest] = model.graph.nodes;
    const wide = { ...conv, attributes: { strides: { kind: "ints", value: [2 ** 63, -Infinity, 2 ** 40] } } } as const;
    const rewritten = writeModel({ ...model, graph: { ...model.graph, nodes: [wide, ...rest] } });
    expect(intsOf(rewritten)).toEqual([2n ** 63n - 1n, -(2n ** 63n), 2n ** 40n]);
  });

  test("what a pass changes is written, what it leaves keeps its origin", () => {
    const model = readModel(changed((proto) => { graphOf(proto).node[1].docString = "kept"; })); // biome-ignore format: short
    const { graph } = model;
    const nodes = graph.nodes.map((node) =>
      node.name === "act" ? { ...node, opType: "Relu", inputs: ["w2"], attributes: {} } : node,
    );
    const inputs = [{ ...graph.inputs[0], shape: [1, 2, 6, 6] }];
    const [w] = graph.initializers.values();
    const proto = fromBinary(
      ModelProtoSchema,
      writeModel({ ...model, graph: { ...graph, nodes, inputs, initializers: new Map([["w2", w]]) } }),
    );
    expect(graphOf(proto).node[1]).toMatchObject({ opType: "Relu", input: ["w2"], attribute: [], docString: "kept" });
    expect(graphOf(proto).initializer.map(({ name }) => name)).toEqual(["w2"]);
    expect(graphOf(proto).input[0].type?.value.value).toMatchObject({
      shape: { dim: [1n, 2n, 6n, 6n].map((value) => ({ value: { case: "dimValue", value } })) },
    });
  });

  test("what a value and its axes are denoted to be is read, and written back", () => {
    const bytes = changed((proto) => {
      const { type } = graphOf(proto).input[0];
      if (type?.value.case !== "tensorType" || type.value.value.shape === undefined) throw new Error("no tensor");
      type.denotation = "IMAGE";
      type.value.value.shape.dim[0].denotation = "DATA_BATCH";
    });
    const [input] = readModel(bytes).graph.inputs;
    expect(input.denotation).toBe("IMAGE");
    expect(input.axisDenotations?.[0]).toBe("DATA_BATCH");
    expect(readModel(writeModel(readModel(bytes))).graph.inputs[0]).toEqual(input);
    expect(readModel(changed(() => {})).graph.inputs[0]).not.toHaveProperty("axisDenotations");
  });

  test("weights that are listed as inputs are no inputs, and are listed again where IR version 3 wants them", () => {
    const bytes = changed((proto) => {
      const { input } = graphOf(proto);
      for (const [index, name] of ["shape", "w"].entries()) {
        const type = {
          case: "tensorType" as const,
          value: { $typeName: "onnx.TypeProto.Tensor" as const, elemType: index === 0 ? 7 : 1 },
        };
        input.unshift({
          $typeName: "onnx.ValueInfoProto",
          name,
          docString: "",
          metadataProps: [],
          type: { $typeName: "onnx.TypeProto", denotation: "", value: type },
        });
      }
    });
    const model = readModel(bytes);
    expect(model.graph.inputs.map(({ name }) => name)).toEqual(["x"]);
    const namesOf = (written: Uint8Array) =>
      graphOf(fromBinary(ModelProtoSchema, written)).input.map(({ name }) => name);
    expect(namesOf(writeModel(model))).toEqual(["x"]);
    expect(namesOf(writeModel({ ...model, irVersion: 3 }))).toEqual(["w", "shape", "x"]);
  });
});

describe("tensors", () => {
  function tensorOf(init: MessageInitShape<typeof TensorProtoSchema>): TensorProto {
    return create(TensorProtoSchema, { name: "t", dims: [2n], ...init });
  }

  function readTensor(proto: TensorProto) {
    const bytes = changed(({ graph }) => {
      graph?.initializer.push(proto);
    });
    const model = readModel(bytes, { external: () => new Uint8Array(8) });
    const initializer = initializerNamed(model.graph, "t");
    expect(tensorOfInitializer(initializerNamed(readModel(writeModel(model)).graph, "t"))).toEqual(
      tensorOfInitializer(initializer),
    );
    return tensorOfInitializer(initializer).data;
  }

  test.each([
    ["float32", { dataType: TensorProto_DataType.FLOAT, floatData: [0.5, -1] }, Float32Array.of(0.5, -1)],
    ["float64", { dataType: TensorProto_DataType.DOUBLE, doubleData: [0.1, -1] }, Float64Array.of(0.1, -1)],
    [
      "float16",
      { dataType: TensorProto_DataType.FLOAT16, int32Data: [0x3c00, 0xc000] },
      Uint16Array.of(0x3c00, 0xc000),
    ],
    ["bfloat16", { dataType: TensorProto_DataType.BFLOAT16, int32Data: [0x3f80, 0] }, Uint16Array.of(0x3f80, 0)],
    ["int8", { dataType: TensorProto_DataType.INT8, int32Data: [-3, 4] }, Int8Array.of(-3, 4)],
    ["uint8", { dataType: TensorProto_DataType.UINT8, int32Data: [200, 4] }, Uint8Array.of(200, 4)],
    ["int16", { dataType: TensorProto_DataType.INT16, int32Data: [-300, 4] }, Int16Array.of(-300, 4)],
    ["uint16", { dataType: TensorProto_DataType.UINT16, int32Data: [60000, 4] }, Uint16Array.of(60000, 4)],
    ["int32", { dataType: TensorProto_DataType.INT32, int32Data: [-70000, 4] }, Int32Array.of(-70000, 4)],
    ["uint32", { dataType: TensorProto_DataType.UINT32, uint64Data: [2n ** 31n, 4n] }, Uint32Array.of(2 ** 31, 4)],
    ["int64", { dataType: TensorProto_DataType.INT64, int64Data: [2n ** 62n, -1n] }, BigInt64Array.of(2n ** 62n, -1n)],
    [
      "uint64",
      { dataType: TensorProto_DataType.UINT64, uint64Data: [2n ** 63n, 1n] },
      BigUint64Array.of(2n ** 63n, 1n),
    ],
    ["bool", { dataType: TensorProto_DataType.BOOL, int32Data: [1, 0] }, Uint8Array.of(1, 0)],
    ["raw", { dataType: TensorProto_DataType.INT16, rawData: Uint8Array.of(1, 0, 0, 128) }, Int16Array.of(1, -32768)],
    [
      "string",
      { dataType: TensorProto_DataType.STRING, stringData: [Uint8Array.of(97), Uint8Array.of(0xc3, 0xa9)] },
      ["a", "é"],
    ],
  ])("%s elements are read", (_, init, expected) => {
    expect(readTensor(tensorOf(init))).toEqual(expected);
  });

  test("strings that are not UTF-8 keep their bytes", () => {
    const bytes = changed(({ graph }) => {
      graph?.initializer.push(
        tensorOf({ dims: [1n], dataType: TensorProto_DataType.STRING, stringData: [Uint8Array.of(255, 1)] }),
      );
    });
    expect(Buffer.compare(writeModel(readModel(bytes.slice())), bytes)).toBe(0);
  });

  test("external data is fetched by `external`, and written as the reference it was", () => {
    const external = (entries: Record<string, string>) =>
      tensorOf({
        dataType: TensorProto_DataType.FLOAT,
        dataLocation: TensorProto_DataLocation.EXTERNAL,
        externalData: Object.entries(entries).map(([key, value]) => ({
          $typeName: "onnx.StringStringEntryProto",
          key,
          value,
        })),
      });
    const bytes = changed(({ graph }) => {
      graph?.initializer.push(external({ location: "dir/w.bin", offset: "8", checksum: "c", length: "8" }));
    });
    const asked: unknown[] = [];
    const model = readModel(bytes.slice(), {
      external: (...range) => {
        asked.push(range);
        return new Uint8Array(Float32Array.of(3, 4).buffer);
      },
    });
    expect(asked).toEqual([]);
    expect(tensorOfInitializer(initializerNamed(model.graph, "t")).data).toEqual(Float32Array.of(3, 4));
    expect(asked).toEqual([["dir/w.bin", 8, 8]]);
    const written = graphOf(fromBinary(ModelProtoSchema, writeModel(model))).initializer[2];
    expect(Object.fromEntries(written.externalData.map(({ key, value }) => [key, value]))).toEqual({
      location: "dir/w.bin",
      offset: "8",
      length: "8",
      checksum: "c",
    });
    expect(() => readModel(bytes)).toThrow('readModel: the weights are in other files: "dir/w.bin"');
    const short = initializerNamed(readModel(bytes, { external: () => new Uint8Array(7) }).graph, "t");
    expect(() => tensorOfInitializer(short)).toThrow("is cut off, expected 8 bytes, got 7");
    for (const location of [
      "/etc/passwd",
      "../w.bin",
      "a/../../w.bin",
      "C:\\w.bin",
      "a\\..\\..\\w",
      "\\\\host\\w",
      "",
      "a\0b",
    ]) {
      const outside = changed(({ graph }) => {
        graph?.initializer.push(external({ location }));
      });
      expect(() => readModel(outside, { external: () => new Uint8Array(8) })).toThrow(
        "external data outside the model's folder",
      );
    }
    const impossible: Record<string, string>[] = [
      { offset: "-1" },
      { offset: "1e3" },
      { length: "99999999999999999999" },
    ];
    for (const entries of impossible) {
      const bad = changed(({ graph }) => {
        graph?.initializer.push(external({ location: "w.bin", ...entries }));
      });
      expect(() => readModel(bad, { external: () => new Uint8Array(8) })).toThrow(
        "of external data, expected a number of bytes",
      );
    }
  });

  test.each([
    ["a negative extent", { dims: [-2n], dataType: 1 }, "impossible shape"],
    ["an overflowing product", { dims: [2n ** 40n, 2n ** 40n], dataType: 1 }, "impossible shape"],
    ["an extent beyond 2^53", { dims: [0n, 2n ** 60n], dataType: 1 }, "impossible shape"],
    ["too few bytes", { rawData: new Uint8Array(7), dataType: 1 }, "expected 8 bytes for float32 [2], got 7"],
    ["too many elements", { floatData: [1, 2, 3], dataType: 1 }, "expected 2 elements for float32 [2], got 3"],
    ["no data", { dims: [2n ** 40n], dataType: 1 }, "expected 4398046511104 bytes for float32 [1099511627776], got 0"],
    ["too few strings", { dataType: 8 }, "expected 2 strings"],
  ])("%s is an error that names the initializer", (_, init, message) => {
    const bytes = changed(({ graph }) => {
      graph?.initializer.push(tensorOf(init));
    });
    expect(() => readModel(bytes, { where: "m.onnx" })).toThrow(BadInputError);
    expect(() => readModel(bytes, { where: "m.onnx" })).toThrow('m.onnx: initializer "t": ');
    expect(() => readModel(bytes)).toThrow(message);
  });

  test("element types without arrays are refused, all of them at once", () => {
    const bytes = changed(({ graph }) => {
      graph?.initializer.push(tensorOf({ dataType: TensorProto_DataType.COMPLEX64 }));
      graph?.initializer.push(tensorOf({ name: "u", dataType: TensorProto_DataType.FLOAT8E4M3FN }));
    });
    expect(() => readModel(bytes)).toThrow(UnsupportedError);
    expect(() => readModel(bytes)).toThrow(
      /2 initializers cannot be read: "t" \(elements of type COMPLEX64.*"u" \(.*FLOAT8E4M3FN/,
    );
  });
});

describe("bad input", () => {
  const text = (content: string) => new TextEncoder().encode(content);
  test.each([
    ["an empty file", new Uint8Array()],
    ["a git-LFS pointer", text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n")],
    ["an HTML page", text("<!DOCTYPE html>\n<html><body>404</body></html>")],
    ["an XML document", text('<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>')],
    ["a JPEG picture", Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0, 16, 74, 70)],
    ["a PNG picture", Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10)],
    ["a zip archive", Uint8Array.of(0x50, 0x4b, 3, 4, 20, 0)],
    ["a gzip archive", Uint8Array.of(0x1f, 0x8b, 8, 0)],
    ["an HDF5 file", Uint8Array.of(0x89, 0x48, 0x44, 0x46)],
    ["a pickled checkpoint", Uint8Array.of(0x80, 2, 0x8a, 10)],
    ["a TensorFlow Lite model", Uint8Array.of(28, 0, 0, 0, 84, 70, 76, 51)],
    ["a safetensors file", text('\x40\0\0\0\0\0\0\0{"w":')],
    ["a JSON document", text('{"ir_version": 8}')],
    ["a text file", text("hello, world\n")],
  ])("%s is recognized", (kind, bytes) => {
    expect(() => readModel(bytes, { where: "model.onnx" })).toThrow(BadInputError);
    expect(() => readModel(bytes, { where: "model.onnx" })).toThrow(`model.onnx: not an ONNX model, got ${kind}`);
  });

  test("a graph and an operator set are required", () => {
    const without = (change: (proto: ModelProto) => void) => () => readModel(changed(change));
    expect(without((proto) => { proto.graph = undefined; })).toThrow("there is no graph in it"); // biome-ignore format: short
    expect(without((proto) => { proto.opsetImport = []; })).toThrow("the model names no operator set"); // biome-ignore format: short
    expect(
      without((proto) => {
        proto.opsetImport.push({ $typeName: "onnx.OperatorSetIdProto", domain: "ai.onnx", version: 17n });
      }),
    ).toThrow('two versions of operator set "ai.onnx", expected one, got 13 and 17');
    expect(
      without((proto) => {
        graphOf(proto).initializer.push(graphOf(proto).initializer[0]);
      }),
    ).toThrow('initializer "w": defined twice');
    expect(
      without((proto) => {
        const { attribute } = graphOf(proto).node[0];
        attribute.push(attribute[0]);
      }),
    ).toThrow("Conv (conv): attribute strides is given twice");
  });

  test("truncated anywhere, it is an error of one line or a smaller model", () => {
    let refused = 0;
    for (let length = 0; length < smallBytes.length; length++) {
      refused += outcomeOf(smallBytes.slice(0, length)) === "refused" ? 1 : 0;
    }
    expect(refused).toBeGreaterThan(smallBytes.length * 0.8);
  });

  test("a length of 4 GB in a file of a few bytes is refused without allocating", () => {
    const huge = Uint8Array.of(0x08, 8, 0x3a, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x0a);
    expect(() => readModel(huge)).toThrow(BadInputError);
    const deep = new Uint8Array(5000).fill(0x3a);
    expect(() => readModel(deep)).toThrow(BadInputError);
  });

  test("mutated files are refused with our errors, or read as models that can be written", () => {
    const random = createRandom(20);
    const below = (bound: number) => Math.floor(random() * bound);
    const seeds = [smallBytes, writeModel(parseModel("g (float[1] a) => (float[1] b) { b = Relu (a) }"))];
    const counts = { refused: 0, read: 0 };
    for (let round = 0; round < 4000; round++) {
      const bytes = Array.from(seeds[round % seeds.length]);
      const mutations = 1 + below(4);
      for (let i = 0; i < mutations; i++) bytes[below(bytes.length)] = below(256);
      if (round % 4 === 0) bytes.splice(below(bytes.length), below(20));
      if (round % 4 === 1) bytes.splice(below(bytes.length), 0, ...bytes.slice(0, below(20)));
      counts[outcomeOf(Uint8Array.from(bytes))]++;
    }
    expect(counts.refused).toBeGreaterThan(100);
    expect(counts.read).toBeGreaterThan(100);
  });
});

function outcomeOf(bytes: Uint8Array): "refused" | "read" {
  try {
    writeModel(readModel(bytes, { external: (_location, _offset, length) => new Uint8Array(Math.min(length, 1000)) }));
    return "read";
  } catch (error) {
    if (!(error instanceof PerceptualBallError)) throw error;
    expect(error.message).not.toContain("\n");
    return "refused";
  }
}
