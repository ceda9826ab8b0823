import fc from "fast-check";
import { expect, test } from "vitest";
import { BadInputError, UnsupportedError } from "../../errors.ts";
import { type DataType, dataTypes, type Shape, sizeOf, tensorOf } from "../../tensor/tensor.ts";
import {
  type Attribute,
  type Graph,
  initializerNamed,
  initializerOf,
  type Model,
  tensorOfInitializer,
} from "../model.ts";
import { parseGraph, parseModel } from "./parse.ts";
import { printGraph, printModel } from "./print.ts";

test("a model with everything that the syntax has", () => {
  const model = parseModel(`
    <ir_version: 9, opset_import: ["" : 18, "custom.domain": 2], producer_name: "hand", metadata_props: ["a": "b"]>
    agraph (float[N, ?, 4] X, float[2] W = {1, -2.5}) => (float[N, 10] C, float s, int64[] u)
    <float[2, 1] b = {1.5e-3, inf}, int64[1] axes = {-9223372036854775808}, float[N] T>  # inner values
    {
      T = MatMul (X, W)   # a comment with = and {
      [named] A, B = custom.domain.Op <alpha: float = 1, pads = [1, 1], empty: ints = [], mode = "nearest \\"x\\""> (T, "", b)
      C = Constant () <value = float[2] {1, 2}, names = ["a", "b"], scales = [1, 2.5]>
      s = If <then_branch = inner () => (float y) { y = Neg (T) }, ref: int = @axis> (A)
      "quoted name" = Relu(A)
    }
    <domain: "local", opset_import: ["": 18]>
    twice <gain, bias: float = 0.5> (x, float y) => (z) { z = Add (x, y) }
  `);
  expect(model.irVersion).toBe(9);
  expect(model.opsets).toEqual(new Map([["", 18], ["custom.domain", 2]])); // biome-ignore format: one line
  expect(model.metadata).toEqual(new Map([["a", "b"]]));
  const { graph } = model;
  expect(graph.name).toBe("agraph");
  expect(graph.inputs).toEqual([{ name: "X", dtype: "float32", shape: ["N", undefined, 4] }]);
  expect(graph.outputs).toEqual([
    { name: "C", dtype: "float32", shape: ["N", 10] },
    { name: "s", dtype: "float32", shape: [] },
    { name: "u", dtype: "int64", shape: undefined },
  ]);
  expect([...graph.initializers.keys()]).toEqual(["W", "b", "axes"]);
  expect(tensorOfInitializer(initializerNamed(graph, "b"))).toEqual({
    dtype: "float32",
    shape: [2, 1],
    data: Float32Array.of(1.5e-3, Infinity),
  });
  expect(tensorOfInitializer(initializerNamed(graph, "axes")).data).toEqual(BigInt64Array.of(-(2n ** 63n)));
  expect([...graph.valueInfo.keys()]).toEqual(["T"]);
  expect(graph.nodes.map(({ opType }) => opType)).toEqual(["MatMul", "Op", "Constant", "If", "Relu"]);
  const [, op, constant, branch, relu] = graph.nodes;
  expect(op).toEqual({
    opType: "Op",
    domain: "custom.domain",
    name: "named",
    inputs: ["T", "", "b"],
    outputs: ["A", "B"],
    attributes: {
      alpha: { kind: "float", value: 1 },
      pads: { kind: "ints", value: [1, 1] },
      empty: { kind: "ints", value: [] },
      mode: { kind: "string", value: 'nearest "x"' },
    },
  });
  expect(constant.attributes.names).toEqual({ kind: "strings", value: ["a", "b"] });
  expect(constant.attributes.scales).toEqual({ kind: "floats", value: [1, 2.5] });
  expect(constant.attributes.value.kind).toBe("tensor");
  expect((branch.attributes.then_branch.value as Graph).nodes[0].inputs).toEqual(["T"]);
  expect(branch.attributes.ref).toEqual({ kind: "reference", value: "axis", type: "int" });
  expect(relu.outputs).toEqual(["quoted name"]);
  expect(model.functions).toMatchObject([
    { domain: "local", name: "twice", inputs: ["x", "y"], outputs: ["z"], attributeNames: ["gain"] },
  ]);
  expect(parseModel(printModel(model))).toEqual(model);
});

test.each([
  ["g () => () { x = Relu(y", 'line 1, column 24: cannot be parsed, expected "," or ")", got the end of the text'],
  ["g (float[2 x) => () {}", 'line 1, column 12: cannot be parsed, expected "," or "]", got "x"'],
  [
    "g () => ()\n  {\n x = Relu<a = >(y) }",
    'line 3, column 15: cannot be parsed, expected the value of an attribute, got ">"',
  ],
  ["g (flot[2] x) => () {}", "line 1, column 4: cannot be parsed, expected an element type (float32"],
  ["g () => () <float[3] w = {1, 2}> {}", "line 1, column 26: 2 elements are given, expected 3 elements"],
  ["g () => () { x = Op <pads = []> () }", "expected the type of an empty list"],
  ["g () => () { x = Op <pads: int = 1.5> () }", 'expected a value of type int, got "1.5"'],
  ["g () => () { x = Op <pads: integer = 1> () }", "expected one of float, int, string"],
  ['g () => () <float[2] w = ["location": "w.bin"]> {}', "expected external data as"],
  ["<ir: 8> g () => () {}", "line 1, column 2: cannot be parsed, expected one of ir_version, opset_import"],
  ["g () => () {} %", 'expected the name of a function, got "%"'],
  ['g () => () { x = Relu ("y) }', 'expected an input (or "" for one left out), got """'],
])("%s is refused", (text, message) => {
  expect(() => parseModel(text)).toThrow(BadInputError);
  expect(() => parseModel(text)).toThrow(message);
});

test("external data is a reference that `external` fetches", () => {
  const text = 'g () => () <float[1] w = ["location": "w.bin", "offset": "8", "length": "4"]> {}';
  const external = (location: string, offset: number, length: number) =>
    new Uint8Array(Float32Array.of(location.length, offset, length).buffer).subarray(4, 8);
  const graph = parseGraph(text, { external });
  expect(tensorOfInitializer(initializerNamed(graph, "w")).data).toEqual(Float32Array.of(8));
  expect(printGraph(graph)).toContain('"length": "4"');
  expect(() => parseGraph(text)).toThrow('the text refers to external data in "w.bin"');
});

test("a summary cuts large tensors short and shows opaque attributes", () => {
  const graph = parseGraph("g () => () <float[9] w = {1,2,3,4,5,6,7,8,9}> { x = Relu (w) }");
  expect(printGraph(graph, { summary: true })).toContain("{1, 2, 3, 4, 5, 6, 7, 8, … 9 in all}");
  const attributes = { types: { kind: "opaque", value: {} } } as const;
  const opaque: Graph = { ...graph, nodes: [{ ...graph.nodes[0], attributes }] };
  expect(printGraph(opaque, { summary: true })).toContain("types = …");
  expect(() => printGraph(opaque)).toThrow(UnsupportedError);
});

const name = fc.oneof(fc.stringMatching(/^[a-z_]\w{0,8}$/), fc.string({ minLength: 1, maxLength: 6 }));
const shapeOf = fc.array(fc.nat(3), { maxLength: 3 });
const dimension = fc.oneof(fc.nat(), fc.stringMatching(/^[A-Za-z]\w*$/), fc.constant(undefined));
const numeric = dataTypes.filter((dtype) => dtype !== "string");

function elementOf(dtype: DataType): fc.Arbitrary<number> {
  if (dtype === "float32") return fc.float();
  if (dtype === "float64") return fc.double();
  return fc.nat(dtype === "bool" ? 1 : 100);
}

const tensor = fc
  .tuple(fc.constantFrom(...numeric), shapeOf)
  .chain(([dtype, shape]: [DataType, Shape]) =>
    fc
      .array(elementOf(dtype), { minLength: sizeOf(shape), maxLength: sizeOf(shape) })
      .map((values) => initializerOf(tensorOf(dtype, values, shape))),
  );

const attribute: fc.Arbitrary<Attribute> = fc.oneof(
  fc.record({ kind: fc.constant("float" as const), value: fc.float() }),
  fc.record({ kind: fc.constant("int" as const), value: fc.maxSafeInteger() }),
  fc.record({ kind: fc.constant("string" as const), value: fc.string() }),
  fc.record({ kind: fc.constant("floats" as const), value: fc.array(fc.float(), { maxLength: 3 }) }),
  fc.record({ kind: fc.constant("ints" as const), value: fc.array(fc.integer(), { maxLength: 3 }) }),
  fc.record({ kind: fc.constant("strings" as const), value: fc.array(fc.string(), { maxLength: 3 }) }),
  fc.record({ kind: fc.constant("tensor" as const), value: tensor }),
);

const valueInfo = fc
  .record({ dtype: fc.constantFrom(...numeric, undefined), shape: fc.option(fc.array(dimension), { nil: undefined }) })
  .map(({ dtype, shape }) => ({ dtype, shape: dtype === undefined ? undefined : shape }));

function graphOf(depth: number): fc.Arbitrary<Graph> {
  const leaf = attribute;
  const any = depth === 0 ? leaf : fc.oneof({ arbitrary: leaf, weight: 8 }, {
    arbitrary: graphOf(depth - 1).map((value): Attribute => ({ kind: "graph", value })), weight: 1,
  }); // biome-ignore format: short
  const node = fc.record({
    opType: fc.stringMatching(/^[A-Z]\w{0,6}$/),
    domain: fc.constantFrom("", "custom.domain", "odd-domain.1"),
    name: fc.oneof(fc.constant(""), name),
    inputs: fc.array(fc.oneof(fc.constant(""), name), { maxLength: 3 }),
    outputs: fc.array(fc.oneof(fc.constant(""), name), { maxLength: 2 }),
    attributes: fc.dictionary(fc.stringMatching(/^[a-z]\w{0,6}$/), any, { maxKeys: 3, noNullPrototype: true }),
  });
  const infos = fc
    .uniqueArray(name, { maxLength: 3 })
    .chain((names) => fc.tuple(...names.map((own) => valueInfo.map((type) => ({ name: own, ...type })))));
  return fc
    .record({
      name: fc.oneof(fc.constant(""), name),
      inputs: infos,
      outputs: infos,
      nodes: fc.array(node, { maxLength: 4 }),
      initializers: fc.array(fc.tuple(name, tensor), { maxLength: 3 }).map((entries) => new Map(entries)),
      valueInfo: infos.map((list) => new Map(list.map((info) => [info.name, info]))),
    })
    .map((graph): Graph => graph);
}

test("what is printed parses to the same model", () => {
  const model: fc.Arbitrary<Model> = fc.record({
    irVersion: fc.integer({ min: 3, max: 13 }),
    opsets: fc.dictionary(fc.string(), fc.nat(25)).map((versions) => new Map(Object.entries(versions))),
    producerName: fc.string(),
    producerVersion: fc.string(),
    metadata: fc.dictionary(fc.string(), fc.string()).map((entries) => new Map(Object.entries(entries))),
    graph: graphOf(2),
    functions: fc.constant([]),
  });
  fc.assert(
    fc.property(model, (original) => {
      expect(parseModel(printModel(original))).toEqual(original);
    }),
    { numRuns: 200 },
  );
});
