/**
 * @file Reading ONNX files.
 *
 * Weights stay views of the given bytes. What the records do not hold – documentation, metadata of nodes, annotations,
 * training information, fields of versions to come – stays in each record's `origin` and is written back by `writeModel`.
 */
import { fromBinary } from "@bufbuild/protobuf";
import {
  type AttributeProto,
  AttributeProto_AttributeType as AttributeType,
  type FunctionProto,
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  type OperatorSetIdProto,
  type TensorProto,
  type ValueInfoProto,
} from "onnx-buf";
import { BadInputError, checkForm, checkKeys, UnsupportedError } from "../../errors.ts";
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
import type { ExternalReader } from "./external-data.ts";
import { recognizeFile } from "./recognize-file.ts";
import { dataTypeOfNumber, initializerOfProto } from "./tensor-proto.ts";

export interface ReadModelOptions {
  /** How messages call the source, such as the file's path. Default: "readModel". */
  readonly where?: string;
  /**
   * Fetches `length` bytes at `offset` of the file at `location`, relative to the model's folder. Default: none, so that
   * a model with external data is an error.
   */
  readonly external?: (location: string, offset: number, length: number) => Uint8Array;
}

/**
 * The model that `bytes` encode. Initializers that are listed among the graph's inputs as well (as files before IR
 * version 4 must) are weights and no inputs. Attributes of an operator that no supported operator has are kept as `opaque`.
 *
 * Throws a BadInputError that says what the bytes look like if they are no ONNX model, where they are damaged, or that
 * there is external data but no way to read it; an UnsupportedError for weights of a type without arrays.
 */
export function readModel(bytes: Uint8Array, options: ReadModelOptions = {}): Model {
  checkForm("readModel: bytes", bytes, "numbers");
  checkKeys("readModel", options, ["where", "external"]);
  const { where = "readModel", external } = options;
  return modelOfProto(parseModelProto(bytes, where), where, external && externalReaderOf(external));
}

/** The protobuf message that `bytes` encode, with a graph and operator sets in it; throws as {@link readModel} does. */
export function parseModelProto(bytes: Uint8Array, where: string): ModelProto {
  let proto: ModelProto;
  try {
    proto = fromBinary(ModelProtoSchema, bytes);
  } catch (cause) {
    throw unreadable(bytes, where, cause);
  }
  if (proto.graph === undefined || proto.graph.node.length + proto.graph.output.length === 0) {
    throw unreadable(bytes, where, new Error("there is no graph in it"));
  }
  if (proto.opsetImport.length === 0) {
    throw new BadInputError({
      where,
      what: "the model names no operator set",
      expected: "at least one opset_import",
      advice: "The file is damaged or older than ONNX 1.0; export it again.",
    });
  }
  return proto;
}

function unreadable(bytes: Uint8Array, where: string, cause: unknown): BadInputError {
  const look = recognizeFile(bytes);
  if (look !== undefined) {
    const { name, advice } = look;
    return new BadInputError({ where, what: "not an ONNX model", got: name, advice }, { cause });
  }
  const reason = cause instanceof Error ? cause.message.replace(/\s+/g, " ") : String(cause);
  return new BadInputError(
    {
      where,
      what: `not an ONNX model, or a damaged one: ${reason}`,
      got: `${bytes.length} bytes`,
      advice: "Export or download it again.",
    },
    { cause },
  );
}

function externalReaderOf(external: NonNullable<ReadModelOptions["external"]>): ExternalReader {
  return (location, offset, length, where) => {
    const read = (): Uint8Array => {
      const bytes = external(location, offset, length);
      if (bytes.byteLength === length) return bytes;
      throw new BadInputError({
        where,
        what: `external data in ${location} at ${offset} is cut off`,
        expected: `${length} bytes`,
        got: String(bytes.byteLength),
        advice: "Download the file again.",
      });
    };
    return { kind: "external", location, offset, length, read };
  };
}

/** What is passed down while reading: how messages name the place, and how external data is reached. */
interface Context {
  readonly where: string;
  readonly external: ExternalReader;
}

/**
 * The model that `proto` describes, which is used up: it and its parts become the records' origins, emptied of what the
 * records hold. Without `external` every reference to external data is gathered into one BadInputError.
 */
export function modelOfProto(proto: ModelProto, where: string, external?: ExternalReader): Model {
  const missing = new Set<string>();
  const collect: ExternalReader = (location, offset, length) => {
    missing.add(location);
    return { kind: "external", location, offset, length, read: () => new Uint8Array() };
  };
  const context: Context = { where, external: external ?? collect };
  const graph = readGraph(proto.graph as GraphProto, context);
  const functions = proto.functions.map((definition) => readFunction(definition, context));
  if (missing.size > 0) {
    throw new BadInputError({
      where,
      what: `the weights are in other files: ${[...missing].map((location) => JSON.stringify(location)).join(", ")}`,
      advice: "Load the model by its path, or pass `external` to fetch them.",
    });
  }
  Reflect.deleteProperty(proto, "graph");
  proto.functions = [];
  return {
    irVersion: Number(proto.irVersion),
    opsets: readOpsets(proto.opsetImport, where),
    producerName: proto.producerName,
    producerVersion: proto.producerVersion,
    metadata: new Map(proto.metadataProps.map(({ key, value }) => [key, value])),
    graph,
    functions,
    origin: proto,
  };
}

/** "ai.onnx" is the long form of the standard domain's name. */
export function normalizeDomain(domain: string): string {
  return domain === "ai.onnx" ? "" : domain;
}

function readOpsets(imports: readonly OperatorSetIdProto[], where: string): Map<string, number> {
  const opsets = new Map<string, number>();
  for (const { domain, version } of imports) {
    const key = normalizeDomain(domain);
    const before = opsets.get(key);
    if (before !== undefined && before !== Number(version)) {
      throw new BadInputError({
        where,
        what: `two versions of operator set ${JSON.stringify(key || "ai.onnx")}`,
        expected: "one",
        got: `${before} and ${version}`,
      });
    }
    opsets.set(key, Number(version));
  }
  return opsets;
}

function readGraph(proto: GraphProto, context: Context): Graph {
  const initializers = readInitializers(proto, context);
  const nodes = proto.node.map((node) => readNode(node, context));
  proto.node = [];
  proto.initializer = [];
  return {
    name: proto.name,
    inputs: proto.input.filter(({ name }) => !initializers.has(name)).map(readValueInfo),
    outputs: proto.output.map(readValueInfo),
    nodes,
    initializers,
    valueInfo: new Map(proto.valueInfo.map((info) => [info.name, readValueInfo(info)])),
    origin: proto,
  };
}

function readInitializers(proto: GraphProto, { where, external }: Context): Map<string, Initializer> {
  const initializers = new Map<string, Initializer>();
  const unsupported: string[] = [];
  for (const tensor of proto.initializer) {
    const name = tensor.name;
    const place = `${where}: initializer ${JSON.stringify(name)}`;
    if (initializers.has(name)) throw new BadInputError({ where: place, what: "defined twice", expected: "once" });
    try {
      initializers.set(name, initializerOfProto(tensor, place, external));
    } catch (error) {
      if (!(error instanceof UnsupportedError)) throw error;
      unsupported.push(`${JSON.stringify(name)} (${error.complaint.what})`);
    }
  }
  if (unsupported.length === 0) return initializers;
  const shown = unsupported.slice(0, 5).join(", ") + (unsupported.length > 5 ? ", …" : "");
  throw new UnsupportedError({
    where,
    what: `${unsupported.length} initializer${unsupported.length > 1 ? "s" : ""} cannot be read: ${shown}`,
    advice: "Export the model with float32 weights.",
  });
}

/** Element type and shape as far as `proto` declares them for a dense tensor; other kinds of value have neither. */
export function readValueInfo({ name, type, metadataProps }: ValueInfoProto): ValueInfo {
  const declared = type?.value;
  const entries = metadataProps.map(({ key, value }) => [key, value] as const);
  const own = {
    ...(entries.length === 0 ? {} : { metadata: new Map(entries) }),
    ...(type?.denotation ? { denotation: type.denotation } : {}),
  };
  if (declared?.case !== "tensorType") return { name, dtype: undefined, shape: undefined, ...own };
  const axes = declared.value.shape?.dim.map(({ denotation }) => denotation) ?? [];
  return {
    name,
    ...own,
    ...(axes.some((denotation) => denotation !== "") ? { axisDenotations: axes } : {}),
    dtype: dataTypeOfNumber(declared.value.elemType),
    shape: declared.value.shape?.dim.map(({ value }): Dimension => {
      if (value.case === "dimParam") return value.value || undefined;
      return value.case === "dimValue" && value.value >= 0n ? Number(value.value) : undefined;
    }),
  };
}

function readNode(proto: NodeProto, context: Context): Node {
  const { opType, name, input, output, attribute } = proto;
  const where = `${context.where}: ${opType} (${name || (output[0] ?? "unnamed")})`;
  return {
    opType,
    domain: normalizeDomain(proto.domain),
    name,
    inputs: input,
    outputs: output,
    attributes: readAttributes(attribute, { ...context, where }),
    origin: proto,
  };
}

function readAttributes(protos: readonly AttributeProto[], context: Context): Attributes {
  const attributes: Record<string, Attribute> = {};
  for (const proto of protos) {
    if (Object.hasOwn(attributes, proto.name)) {
      throw new BadInputError({
        where: context.where,
        what: `attribute ${proto.name} is given twice`,
        expected: "once",
      });
    }
    Object.defineProperty(attributes, proto.name, {
      value: readAttribute(proto, context),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return attributes;
}

/** The kind that an attribute is of; files of IR version 1 do not say and are judged by the field that is set. */
function typeOf(proto: AttributeProto): AttributeType {
  if (proto.type !== AttributeType.UNDEFINED) return proto.type;
  if (Object.hasOwn(proto, "f")) return AttributeType.FLOAT;
  if (Object.hasOwn(proto, "i")) return AttributeType.INT;
  if (Object.hasOwn(proto, "s")) return AttributeType.STRING;
  if (proto.t !== undefined) return AttributeType.TENSOR;
  if (proto.g !== undefined) return AttributeType.GRAPH;
  if (proto.floats.length > 0) return AttributeType.FLOATS;
  if (proto.ints.length > 0) return AttributeType.INTS;
  if (proto.strings.length > 0) return AttributeType.STRINGS;
  return AttributeType.UNDEFINED;
}

/** The names of ONNX's attribute types that records have a kind for. */
export const attributeKinds: ReadonlyMap<AttributeType, Exclude<Attribute["kind"], "reference" | "opaque">> = new Map([
  [AttributeType.FLOAT, "float"],
  [AttributeType.INT, "int"],
  [AttributeType.STRING, "string"],
  [AttributeType.TENSOR, "tensor"],
  [AttributeType.GRAPH, "graph"],
  [AttributeType.FLOATS, "floats"],
  [AttributeType.INTS, "ints"],
  [AttributeType.STRINGS, "strings"],
]);

function readAttribute(proto: AttributeProto, context: Context): Attribute {
  const kind = attributeKinds.get(typeOf(proto));
  const opaque: Attribute = { kind: "opaque", value: proto };
  if (proto.refAttrName !== "") return { kind: "reference", value: proto.refAttrName, type: kind ?? "opaque" };
  switch (kind) {
    case "float":
      return { kind, value: proto.f };
    case "int":
      return { kind, value: Number(proto.i) };
    case "string": {
      const value = textOf(proto.s);
      return value === undefined ? opaque : { kind, value };
    }
    case "floats":
      return { kind, value: proto.floats };
    case "ints":
      return { kind, value: proto.ints.map(Number) };
    case "strings": {
      const value = proto.strings.map(textOf);
      return value.includes(undefined) ? opaque : { kind, value: value as string[] };
    }
    case "tensor":
      return readTensorAttribute(proto.t, context) ?? opaque;
    case "graph":
      return proto.g === undefined ? opaque : { kind, value: readGraph(proto.g, context) };
    default:
      return opaque;
  }
}

function readTensorAttribute(proto: TensorProto | undefined, { where, external }: Context): Attribute | undefined {
  if (proto === undefined || dataTypeOfNumber(proto.dataType) === undefined) return undefined;
  return { kind: "tensor", value: initializerOfProto(proto, where, external) };
}

/** The text that UTF-8 `bytes` encode; undefined if they are some other data. */
export function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function readFunction(proto: FunctionProto, context: Context): FunctionDefinition {
  const where = `${context.where}: function ${proto.domain}.${proto.name}`;
  const definition: FunctionDefinition = {
    domain: normalizeDomain(proto.domain),
    name: proto.name,
    inputs: proto.input,
    outputs: proto.output,
    attributeNames: proto.attribute,
    attributeDefaults: readAttributes(proto.attributeProto, { ...context, where }),
    nodes: proto.node.map((node) => readNode(node, { ...context, where })),
    opsets: readOpsets(proto.opsetImport, where),
    origin: proto,
  };
  proto.node = [];
  return definition;
}
