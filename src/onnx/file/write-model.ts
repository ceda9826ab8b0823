/**
 * @file Writing ONNX files.
 *
 * Each message starts as a copy of the one that its record was read from, and what the record holds is written over it: a
 * model that was only read comes out as it went in, and every field that the records do not know survives.
 */
import { create, type Message, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import {
  type AttributeProto,
  AttributeProtoSchema,
  type FunctionProto,
  FunctionProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type OperatorSetIdProto,
  OperatorSetIdProtoSchema,
  StringStringEntryProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type TensorShapeProto,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "onnx-buf";
import { checkForm, MisuseError } from "../../errors.ts";
import { toInt64 } from "../int64.ts";
import type {
  Attribute,
  Attributes,
  Dimension,
  FunctionDefinition,
  Graph,
  Initializer,
  Model,
  Node,
  ValueInfo,
} from "../model.ts";
import { copyMessage, setField } from "./messages.ts";
import { attributeKinds, normalizeDomain, readValueInfo, textOf } from "./read-model.ts";
import { numberOfDataType, protoOfInitializer } from "./tensor-proto.ts";

/** Protobuf's limit on one file. */
const largestFile = 2 ** 31 - 1;

/**
 * The bytes of an ONNX file that holds `model`. Initializers with external storage are written as references to their
 * files; tensors inside of nodes and of subgraphs are always written with their data. Integers beyond 64 bits (Infinity
 * too) become the nearest 64-bit one. Throws a MisuseError if the file would exceed protobuf's 2 GiB.
 */
export function writeModel(model: Model): Uint8Array {
  checkForm("writeModel: model", model, ["graph", "opsets"]);
  checkSize(
    "writeModel",
    [...model.graph.initializers.values()].filter(({ storage }) => storage.kind === "inline"),
  );
  return toBinary(ModelProtoSchema, protoOfModel(model));
}

/**
 * The bytes of an ONNX file that holds `model` with all its weights, in parts that follow one another. External weights are
 * read one at a time, and none is copied: a model that fits into memory once can be written. The graph's weights come last
 * in the file, which is the one difference to what {@link writeModel} makes of weights in memory.
 * Throws a MisuseError if the file would exceed protobuf's 2 GiB.
 */
export function* modelInParts(model: Model): Generator<Uint8Array> {
  const initializers = [...model.graph.initializers];
  checkSize("modelInParts", [...model.graph.initializers.values()]);
  const proto = protoOfModel(model);
  const { graph: graphProto = create(GraphProtoSchema) } = proto;
  const graph = toBinary(GraphProtoSchema, Object.assign(copyMessage(graphProto), { initializer: [] }));
  Reflect.deleteProperty(proto, "graph");
  const heads = initializers.map(([name, initializer]) => headOf(name, initializer));
  const fieldSizes = heads.map((head, i) => head.byteLength + sizeOfStorage(initializers[i][1]));
  const weights = fieldSizes.map((size) => fieldHeader(GraphProtoSchema.field.initializer.number, size));
  const bytes = weights.reduce((sum, header, i) => sum + header.byteLength + fieldSizes[i], graph.byteLength);
  yield toBinary(ModelProtoSchema, proto);
  yield fieldHeader(ModelProtoSchema.field.graph.number, bytes);
  yield graph;
  for (const [i, [, { storage }]] of initializers.entries()) {
    yield weights[i];
    yield heads[i];
    if (storage.kind !== "strings") yield storage.kind === "inline" ? storage.bytes : storage.read();
  }
}

/** A weight's message up to its bytes, which are its last field. */
function headOf(name: string, initializer: Initializer): Uint8Array {
  const size = sizeOfStorage(initializer);
  if (initializer.storage.kind === "strings") return toBinary(TensorProtoSchema, protoOfInitializer(name, initializer));
  const empty = { ...initializer, storage: { kind: "inline", bytes: new Uint8Array() } } as const;
  const proto = protoOfInitializer(name, empty);
  Reflect.deleteProperty(proto, "rawData");
  return concatenate([toBinary(TensorProtoSchema, proto), fieldHeader(TensorProtoSchema.field.rawData.number, size)]);
}

/** What stands before a field of `size` bytes: number, wire type and length. */
function fieldHeader(number: number, size: number): Uint8Array {
  return new BinaryWriter().tag(number, WireType.LengthDelimited).uint32(size).finish();
}

function concatenate([first, second]: readonly [Uint8Array, Uint8Array]): Uint8Array {
  const whole = new Uint8Array(first.byteLength + second.byteLength);
  whole.set(first);
  whole.set(second, first.byteLength);
  return whole;
}

/** The bytes of an initializer's elements where they are; 0 for strings, which have none of their own. */
export function sizeOfStorage({ storage }: Initializer): number {
  if (storage.kind === "strings") return 0;
  return storage.kind === "inline" ? storage.bytes.byteLength : storage.length;
}

function checkSize(where: string, initializers: readonly Initializer[]): void {
  const size = initializers.reduce((sum, initializer) => sum + sizeOfStorage(initializer), 0);
  if (size <= largestFile) return;
  throw new MisuseError({
    where,
    what: "the weights do not fit into one file",
    expected: "less than 2 GiB",
    got: `${size} bytes`,
    advice: "Write them as external data beside the model.",
  });
}

/** A copy of the origin if it is a message of `typeName`, otherwise `fresh`: records made by hand have none. */
function begin<T extends Message>(origin: unknown, fresh: T): T {
  const message = origin as T | undefined;
  return message?.$typeName === fresh.$typeName ? copyMessage(message) : fresh;
}

function protoOfModel(model: Model): ModelProto {
  const proto = begin(model.origin, create(ModelProtoSchema));
  setField(proto, "irVersion", BigInt(model.irVersion));
  setField(proto, "producerName", model.producerName);
  setField(proto, "producerVersion", model.producerVersion);
  proto.opsetImport = protosOfOpsets(model.opsets, proto.opsetImport);
  proto.metadataProps = [...model.metadata].map(
    ([key, value]) =>
      proto.metadataProps.find((entry) => entry.key === key && entry.value === value) ??
      create(StringStringEntryProtoSchema, { key, value }),
  );
  proto.graph = protoOfGraph(model.graph, { inner: false, inputsListWeights: model.irVersion < 4 });
  proto.functions = model.functions.map(protoOfFunction);
  return proto;
}

function protosOfOpsets(
  opsets: ReadonlyMap<string, number>,
  before: readonly OperatorSetIdProto[],
): OperatorSetIdProto[] {
  return [...opsets].map(([domain, version]) => {
    const known = before.find((entry) => normalizeDomain(entry.domain) === domain);
    const proto = known === undefined ? create(OperatorSetIdProtoSchema, { domain }) : copyMessage(known);
    setField(proto, "version", BigInt(version));
    return proto;
  });
}

interface GraphContext {
  /** Whether the graph belongs to a node's attribute, where runtimes do not look for external data. */
  readonly inner: boolean;
  /** Whether weights must be listed as inputs too: IR versions before 4. */
  readonly inputsListWeights: boolean;
}

function protoOfGraph(graph: Graph, { inner, inputsListWeights }: GraphContext): GraphProto {
  const proto = begin(graph.origin, create(GraphProtoSchema));
  const { input, output, valueInfo } = proto;
  setField(proto, "name", graph.name);
  proto.node = graph.nodes.map(protoOfNode);
  proto.initializer = [...graph.initializers].map(([name, initializer]) =>
    protoOfInitializer(name, initializer, { inline: inner }),
  );
  const weights = inputsListWeights
    ? [...graph.initializers].map(([name, { dtype, shape }]): ValueInfo => ({ name, dtype, shape }))
    : [];
  proto.input = inOrderOf(input, protosOfValueInfo([...graph.inputs, ...weights], input));
  proto.output = protosOfValueInfo(graph.outputs, output);
  proto.valueInfo = protosOfValueInfo([...graph.valueInfo.values()], valueInfo);
  return proto;
}

/** `protos` with those whose names are in `before` first and in that order: it interleaved weights and inputs. */
function inOrderOf(before: readonly ValueInfoProto[], protos: readonly ValueInfoProto[]): ValueInfoProto[] {
  const position = new Map(before.map(({ name }, index) => [name, index]));
  return protos.toSorted((a, b) => (position.get(a.name) ?? before.length) - (position.get(b.name) ?? before.length));
}

function protosOfValueInfo(infos: readonly ValueInfo[], before: readonly ValueInfoProto[]): ValueInfoProto[] {
  const known = new Map(before.map((proto) => [proto.name, proto]));
  return infos.map((info) => {
    const original = known.get(info.name);
    if (original !== undefined && sameInfo(readValueInfo(original), info)) return original;
    const proto = original === undefined ? create(ValueInfoProtoSchema, { name: info.name }) : copyMessage(original);
    const declared = original?.type?.value;
    const shapeBefore = declared?.case === "tensorType" ? declared.value.shape : undefined;
    if (info.dtype === undefined) return proto;
    const tensor = create(TypeProto_TensorSchema, { elemType: numberOfDataType(info.dtype) });
    if (info.shape !== undefined) tensor.shape = protoOfShape(info.shape, shapeBefore);
    proto.type = create(TypeProtoSchema, { value: { case: "tensorType", value: tensor } });
    return proto;
  });
}

function sameInfo(a: ValueInfo, b: ValueInfo): boolean {
  if (a.dtype !== b.dtype || a.shape?.length !== b.shape?.length) return false;
  return a.shape === undefined || a.shape.every((extent, axis) => extent === b.shape?.[axis]);
}

/** A shape message; an axis keeps its denotation (such as DATA_CHANNEL) where the number of axes stays. */
function protoOfShape(shape: readonly Dimension[], before: TensorShapeProto | undefined): TensorShapeProto {
  const denotations = before?.dim.length === shape.length ? before.dim.map(({ denotation }) => denotation) : [];
  const dim = shape.map((extent, axis) => {
    const dimension = create(TensorShapeProto_DimensionSchema);
    if (typeof extent === "number") dimension.value = { case: "dimValue", value: BigInt(extent) };
    else if (extent !== undefined) dimension.value = { case: "dimParam", value: extent };
    if (denotations[axis]) dimension.denotation = denotations[axis];
    return dimension;
  });
  return create(TensorShapeProtoSchema, { dim });
}

function protoOfNode(node: Node): NodeProto {
  const proto = begin(node.origin, create(NodeProtoSchema));
  setField(proto, "opType", node.opType);
  setField(proto, "name", node.name);
  if (normalizeDomain(proto.domain) !== node.domain) proto.domain = node.domain;
  proto.input = [...node.inputs];
  proto.output = [...node.outputs];
  proto.attribute = protosOfAttributes(node.attributes, proto.attribute);
  return proto;
}

function protosOfAttributes(attributes: Attributes, before: readonly AttributeProto[]): AttributeProto[] {
  return Object.entries(attributes).map(([name, attribute]) => {
    const original = before.find((proto) => proto.name === name);
    return protoOfAttribute(name, attribute, original);
  });
}

const typesOfKinds = new Map([...attributeKinds].map(([type, kind]) => [kind as Attribute["kind"], type]));

function protoOfAttribute(name: string, attribute: Attribute, before: AttributeProto | undefined): AttributeProto {
  if (attribute.kind === "opaque") return attribute.value as AttributeProto;
  const proto = before === undefined ? create(AttributeProtoSchema, { name }) : copyMessage(before);
  if (before !== undefined) clearValues(proto);
  const kind = attribute.kind === "reference" ? attribute.type : attribute.kind;
  const type = (kind && typesOfKinds.get(kind)) ?? proto.type;
  setField(proto, "type", type);
  switch (attribute.kind) {
    case "reference":
      proto.refAttrName = attribute.value;
      break;
    case "float":
      proto.f = attribute.value;
      break;
    case "int":
      proto.i = int64(attribute.value, before?.i);
      break;
    case "string":
      proto.s = new TextEncoder().encode(attribute.value);
      break;
    case "floats":
      proto.floats = [...attribute.value];
      break;
    case "ints":
      proto.ints = attribute.value.map((value, i) => int64(value, before?.ints[i]));
      break;
    case "strings":
      proto.strings = attribute.value.map((value, i) => {
        const bytes = before?.strings[i];
        return bytes !== undefined && textOf(bytes) === value ? bytes : new TextEncoder().encode(value);
      });
      break;
    case "tensor":
      proto.t = protoOfInitializer(tensorNameOf(attribute.value), attribute.value, { inline: true });
      break;
    case "graph":
      proto.g = protoOfGraph(attribute.value, { inner: true, inputsListWeights: false });
      break;
  }
  return proto;
}

/** A tensor within an attribute needs no name; one that it was read with is kept. */
function tensorNameOf({ origin }: Initializer): string {
  return (origin as TensorProto | undefined)?.name ?? "";
}

function clearValues(proto: AttributeProto): void {
  for (const field of ["f", "i", "s", "t", "g", "refAttrName", "sparseTensor", "tp"]) {
    Reflect.deleteProperty(proto, field);
  }
  proto.floats = [];
  proto.ints = [];
  proto.strings = [];
  proto.tensors = [];
  proto.graphs = [];
  proto.sparseTensors = [];
  proto.typeProtos = [];
}

/** `value` as a 64-bit integer: exactly the one that was read where that still reads as `value`, else the nearest one. */
function int64(value: number, before: bigint | undefined): bigint {
  if (before !== undefined && Number(before) === value) return before;
  if (Number.isInteger(value) || Math.abs(value) === Infinity) return toInt64(value);
  throw new MisuseError({
    where: "writeModel",
    what: "an integer attribute does not hold an integer",
    expected: "an integer",
    got: String(value),
  });
}

function protoOfFunction(definition: FunctionDefinition): FunctionProto {
  const proto = begin(definition.origin, create(FunctionProtoSchema));
  setField(proto, "name", definition.name);
  if (normalizeDomain(proto.domain) !== definition.domain) proto.domain = definition.domain;
  proto.input = [...definition.inputs];
  proto.output = [...definition.outputs];
  proto.attribute = [...definition.attributeNames];
  proto.attributeProto = protosOfAttributes(definition.attributeDefaults, proto.attributeProto);
  proto.node = definition.nodes.map(protoOfNode);
  proto.opsetImport = protosOfOpsets(definition.opsets, proto.opsetImport);
  return proto;
}
