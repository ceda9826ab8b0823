import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema, TensorProto_DataType } from "onnx-buf";
import * as ort from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { expectGradient, expectUnfolded } from "../../../test/expect-unfolded.ts";
import { wave } from "../../../test/run-model.ts";
import { readModel } from "../file/read-model.ts";
import { writeModel } from "../file/write-model.ts";
import type { Model } from "../model.ts";
import { parseModel } from "../text/parse.ts";

/** Whole numbers that look like none in particular. */
const numbers = (count: number, below: number, offset = 0): string =>
  Array.from({ length: count }, (_, i) => ((i * 37 + Math.floor(i / 7) * 11) % below) + offset).join(", ");
const scales = (count: number): string =>
  Array.from({ length: count }, (_, i) => (0.01 + 0.003 * (i % 5)).toFixed(3)).join(", ");

describe("MatMulNBits computes what onnxruntime does, and has a gradient", () => {
  const [K, N] = [40, 3];
  test.each([
    ["4 bits, blocks of 16, the last one cut short", 4, 16, "", ""],
    ["4 bits with packed zero points", 4, 16, "z", `, uint8[6] z = {${numbers(6, 256)}}`],
    ["4 bits with real zero points", 4, 16, "z", `, float[9] z = {${scales(9)}}`],
    ["8 bits", 8, 32, "", ""],
  ])("%s", async (_, bits, size, zero, more) => {
    const blocks = Math.ceil(K / size);
    const bytes = (size * bits) / 8;
    const model =
      parseModel(`<ir_version: 9, opset_import: ["": 21, "com.microsoft": 1]> g (float[2,${K}] x) => (float[2,${N}] y)
      <uint8[${N},${blocks},${bytes}] b = {${numbers(N * blocks * bytes, 256)}}, float[${N * blocks}] s = {${scales(N * blocks)}}${more}>
      { y = com.microsoft.MatMulNBits <K = ${K}, N = ${N}, bits = ${bits}, block_size = ${size}> (x, b, s${zero && `, ${zero}`}) }`);
    const feeds = { x: wave([2, K]) };
    expectGradient(await expectUnfolded(model, feeds), feeds, "x");
  });

  test("weights that are computed are refused", () => {
    const model =
      parseModel(`<ir_version: 9, opset_import: ["": 21, "com.microsoft": 1]> g (float[1,16] x, uint8[1,1,8] b) => (float[1,1] y)
      <float[1] s = {1}> { y = com.microsoft.MatMulNBits <K = 16, N = 1, bits = 4, block_size = 16> (x, b, s) }`);
    return expect(expectUnfolded(model, { x: wave([1, 16]) })).rejects.toThrow(
      "the packed weights are computed, expected initializers",
    );
  });
});

/** Without fusions, some of which compute with fewer bits. */
const plain = { graphOptimizationLevel: "disabled" } as const;

/** The file of `model` with these 8-bit initializers packed as 4-bit ones, the first of each byte in its lower half. */
function packed(model: Model, names: readonly string[], inTypedData = false): Uint8Array {
  const proto = fromBinary(ModelProtoSchema, writeModel(model));
  for (const tensor of proto.graph?.initializer ?? []) {
    if (!names.includes(tensor.name)) continue;
    const isSigned = tensor.dataType === TensorProto_DataType.INT8;
    tensor.dataType = isSigned ? TensorProto_DataType.INT4 : TensorProto_DataType.UINT4;
    const bytes = Uint8Array.from({ length: Math.ceil(tensor.rawData.length / 2) }, (_, i) => {
      return ((tensor.rawData[2 * i] ?? 0) & 15) | (((tensor.rawData[2 * i + 1] ?? 0) & 15) << 4);
    });
    tensor.rawData = bytes;
    if (!inTypedData) continue;
    tensor.int32Data = Array.from(bytes);
    Reflect.deleteProperty(tensor, "rawData");
  }
  return toBinary(ModelProtoSchema, proto);
}

describe("4-bit weights of DequantizeLinear", () => {
  const body = (type: string, block: string, shape: string, count: number, offset: number): Model =>
    parseModel(`<ir_version: 10, opset_import: ["": 21]> g (float[2,15] x) => (float[2,3] y)
      <${type}[15,3] q = {${numbers(45, 16, offset)}}, float[${shape}] s = {${scales(count)}}, ${type}[${shape}] z = {${numbers(count, 7, offset)}}>
      { w = DequantizeLinear <${block}> (q, s, z)  y = MatMul (x, w) }`);

  test.each([
    ["signed, in blocks of 5", body("int8", "axis = 0, block_size = 5", "3,3", 9, -8), false],
    ["unsigned, in blocks of 5", body("uint8", "axis = 0, block_size = 5", "3,3", 9, 0), false],
    ["signed, each column", body("int8", "axis = 1", "3", 3, -8), false],
    ["in typed fields", body("int8", "axis = 1", "3", 3, -8), true],
  ])("%s: what onnxruntime computes", async (_, model, inTypedData) => {
    const file = packed(model, ["q", "z"], inTypedData);
    const feeds = { x: wave([2, 15]) };
    const session = await ort.InferenceSession.create(file, plain);
    const { y } = await session.run({ x: new ort.Tensor("float32", feeds.x.data as Float32Array, [2, 15]) });
    const reference = { y: { dtype: "float32" as const, shape: [2, 3], data: y.data as Float32Array } };
    const read = readModel(file);
    expect(read.graph.initializers.get("q")).toMatchObject({ bits: 4, shape: [15, 3] });
    expectGradient(await expectUnfolded(read, feeds, reference), feeds, "x");
    // Written again, they are bytes, and compute the same.
    const again = await ort.InferenceSession.create(writeModel(read), plain);
    const { y: written } = await again.run({ x: new ort.Tensor("float32", feeds.x.data as Float32Array, [2, 15]) });
    expect(written.data).toEqual(y.data);
    await Promise.all([session.release(), again.release()]);
  });

  test("too few bytes are an error", () => {
    const model = body("int8", "axis = 1", "3", 3, -8);
    const proto = fromBinary(ModelProtoSchema, packed(model, ["q", "z"]));
    for (const tensor of proto.graph?.initializer ?? [])
      if (tensor.name === "q") tensor.rawData = tensor.rawData.subarray(1);
    expect(() => readModel(toBinary(ModelProtoSchema, proto))).toThrow("the data does not fill the shape");
  });

  test("activations of 4 bits are refused by what they are", async () => {
    const model = parseModel(`<ir_version: 10, opset_import: ["": 21]> g (float[2,3] x) => (float[2,3] y)
      <float s = {0.1}, int8 z = {1}> { q = QuantizeLinear (x, s, z)  y = DequantizeLinear (q, s, z) }`);
    const read = readModel(packed(model, ["z"]));
    await expect(expectUnfolded(read, { x: wave([2, 3]) })).rejects.toThrow(
      "values are quantized to 4 bits, which only weights may be: QuantizeLinear (q)",
    );
  });
});
