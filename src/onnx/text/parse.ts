/**
 * @file ONNX's text syntax (onnx/docs/Syntax.md) as models and graphs.
 *
 *     <ir_version: 8, opset_import: ["" : 18]>
 *     agraph (float[N, 4] X, float[4, 2] W) => (float[N, 2] C) <float[2] b = {1.5, 2}>
 *     {
 *       [first] T = MatMul (X, W)
 *       S = Add (T, b)
 *       C = Softmax <axis = -1> (S)
 *     }
 *
 * Beyond the published grammar: names that are no identifiers may be quoted everywhere, `?` stands for a type that is not
 * declared, `float64` and the like are accepted beside `double`, `inf` and `nan` are numbers, float16 elements are written
 * as their 16 bits, and the header of a model may be left out (IR version 8, opset 18). As published, `float x` is a scalar
 * and `float[] x` has an unknown number of axes.
 */
import { BadInputError, checkForm, checkKeys } from "../../errors.ts";
import { type DataType, dataTypes, sizeOf, type Tensor, tensorOf } from "../../tensor/tensor.ts";
import {
  type Attribute,
  type Attributes,
  type Dimension,
  type FunctionDefinition,
  type Graph,
  type Initializer,
  initializerOf,
  type Model,
  type Node,
  type ValueInfo,
} from "../model.ts";
import { syntaxError, type Token, tokenize } from "./tokens.ts";

/** What the text syntax calls the element types, where it is not what we call them. */
const dataTypeNames: ReadonlyMap<string, DataType> = new Map<string, DataType>([
  ...dataTypes.map((dtype): [string, DataType] => [dtype, dtype]),
  ["float", "float32"],
  ["double", "float64"],
]);

type AttributeKind = Exclude<Attribute["kind"], "reference" | "opaque">;
const attributeKinds: readonly string[] = ["float", "int", "string", "tensor", "graph", "floats", "ints", "strings"];

export interface ParseOptions {
  /** Fetches external data that the text refers to. Default: none, so that such a reference is an error. */
  readonly external?: (location: string, offset: number, length: number) => Uint8Array;
}

/** The model that `text` describes. Throws a BadInputError with line, column and what was expected there. */
export function parseModel(text: string, options: ParseOptions = {}): Model {
  checkKeys("parseModel", options, ["external"]);
  checkForm("parseModel: text", text, "string");
  const parser = new Parser(text, options);
  const model = parser.model();
  parser.end();
  return model;
}

/** The graph that `text` describes; throws as {@link parseModel} does. */
export function parseGraph(text: string, options: ParseOptions = {}): Graph {
  checkKeys("parseGraph", options, ["external"]);
  checkForm("parseGraph: text", text, "string");
  const parser = new Parser(text, options);
  const graph = parser.graph();
  parser.end();
  return graph;
}

/** Recursive descent over the words: one method per rule of the grammar, each consuming what it returns. */
class Parser {
  readonly #text: string;
  readonly #tokens: readonly Token[];
  readonly #options: ParseOptions;
  #position = 0;

  constructor(text: string, options: ParseOptions) {
    this.#text = text;
    this.#tokens = tokenize(text);
    this.#options = options;
  }

  // Words

  get #next(): Token {
    return this.#tokens[this.#position];
  }

  #peek(ahead: number): Token {
    return this.#tokens[Math.min(this.#position + ahead, this.#tokens.length - 1)];
  }

  #fail(expected: string, token = this.#next): never {
    throw syntaxError(this.#text, token, expected);
  }

  #is(symbol: string, ahead = 0): boolean {
    const { kind, text } = this.#peek(ahead);
    return kind === "symbol" && text === symbol;
  }

  #accept(symbol: string): boolean {
    const found = this.#is(symbol);
    if (found) this.#position++;
    return found;
  }

  #expect(symbol: string, expected = `"${symbol}"`): void {
    if (!this.#accept(symbol)) this.#fail(expected);
  }

  #take(expected: string, ...kinds: readonly Token["kind"][]): string {
    const { kind, text } = this.#next;
    if (!kinds.includes(kind)) this.#fail(expected);
    this.#position++;
    return text;
  }

  #identifier(expected: string): string {
    return this.#take(expected, "identifier");
  }

  /** A name, quoted if it is no identifier. */
  #name(expected = "a name"): string {
    return this.#take(expected, "identifier", "string");
  }

  #string(expected = "a quoted string"): string {
    return this.#take(expected, "string");
  }

  #integer(expected = "an integer"): number {
    return Number(this.#take(expected, "integer"));
  }

  #number(expected: string): number {
    if (isNumberWord(this.#next)) return numberOf(this.#identifier(expected));
    return numberOf(this.#take(expected, "integer", "number"));
  }

  /** Items separated by commas up to `close`, which is consumed; there may be none. */
  #list<T>(close: string, item: () => T): T[] {
    const items: T[] = [];
    if (this.#accept(close)) return items;
    do items.push(item());
    while (this.#accept(","));
    this.#expect(close, `"," or "${close}"`);
    return items;
  }

  end(): void {
    if (this.#next.kind !== "end") this.#fail("the end of the text");
  }

  // Models

  model(): Model {
    const header = this.#header();
    const graph = this.graph();
    const functions: FunctionDefinition[] = [];
    while (this.#next.kind !== "end") functions.push(this.#function());
    return {
      irVersion: header.irVersion ?? 8,
      opsets: header.opsets ?? new Map([["", 18]]),
      producerName: header.producerName ?? "",
      producerVersion: header.producerVersion ?? "",
      metadata: header.metadata ?? new Map(),
      graph,
      functions,
    };
  }

  #header() {
    const header: {
      irVersion?: number;
      opsets?: Map<string, number>;
      producerName?: string;
      producerVersion?: string;
      metadata?: Map<string, string>;
      domain?: string;
    } = {};
    if (!this.#accept("<")) return header;
    this.#list(">", () => {
      const token = this.#next;
      const key = this.#identifier("a key of the header, such as ir_version");
      this.#expect(":");
      if (key === "ir_version") header.irVersion = this.#integer();
      else if (key === "opset_import") header.opsets = this.#pairs(() => this.#integer());
      else if (key === "producer_name") header.producerName = this.#string();
      else if (key === "producer_version") header.producerVersion = this.#string();
      else if (key === "metadata_props") header.metadata = this.#pairs(() => this.#string());
      else if (key === "domain") header.domain = this.#string();
      else {
        this.#fail("one of ir_version, opset_import, producer_name, producer_version, metadata_props, domain", token);
      }
    });
    return header;
  }

  #pairs<T>(value: () => T): Map<string, T> {
    this.#expect("[");
    const pairs = this.#list("]", (): [string, T] => {
      const key = this.#string();
      this.#expect(":");
      return [key, value()];
    });
    return new Map(pairs);
  }

  #function(): FunctionDefinition {
    const { domain = "", opsets = new Map([["", 18]]) } = this.#header();
    const name = this.#name("the name of a function");
    const attributeNames: string[] = [];
    const attributeDefaults: Record<string, Attribute> = {};
    if (this.#accept("<")) {
      this.#list(">", () => {
        if (this.#is(",", 1) || this.#is(">", 1)) attributeNames.push(this.#identifier("the name of an attribute"));
        else Object.assign(attributeDefaults, Object.fromEntries([this.#attribute()]));
      });
    }
    const parameter = (): string => {
      const isBare = this.#is(",", 1) || this.#is(")", 1);
      return isBare ? this.#name() : this.#valueInfo().name;
    };
    this.#expect("(");
    const inputs = this.#list(")", parameter);
    this.#expect("=>");
    this.#expect("(");
    const outputs = this.#list(")", parameter);
    if (this.#accept("<")) this.#list(">", () => this.#valueInfo());
    return { domain, name, inputs, outputs, attributeNames, attributeDefaults, nodes: this.#nodes(), opsets };
  }

  // Graphs

  graph(): Graph {
    const name = this.#name("the name of a graph");
    const inputs: ValueInfo[] = [];
    const initializers = new Map<string, Initializer>();
    const valueInfo = new Map<string, ValueInfo>();
    const declaration = (declare: (info: ValueInfo) => void) => (): void => {
      const start = this.#next;
      const info = this.#valueInfo();
      if (this.#accept("=")) initializers.set(info.name, this.#constant(info, start));
      else declare(info);
    };
    this.#expect("(");
    this.#list(
      ")",
      declaration((info) => inputs.push(info)),
    );
    this.#expect("=>");
    this.#expect("(");
    const outputs = this.#list(")", () => this.#valueInfo());
    if (this.#accept("<")) {
      this.#list(
        ">",
        declaration((info) => valueInfo.set(info.name, info)),
      );
    }
    return { name, inputs, outputs, nodes: this.#nodes(), initializers, valueInfo };
  }

  #valueInfo(): ValueInfo {
    const { dtype, shape } = this.#type();
    return { name: this.#name(), dtype, shape };
  }

  #type(): { dtype: DataType | undefined; shape: Dimension[] | undefined } {
    if (this.#accept("?")) return { dtype: undefined, shape: undefined };
    const token = this.#next;
    const dtype = dataTypeNames.get(this.#identifier("an element type, such as float"));
    if (dtype === undefined) this.#fail(`an element type (${[...dataTypeNames.keys()].join(", ")})`, token);
    if (!this.#accept("[")) return { dtype, shape: [] };
    const shape = this.#list("]", () => this.#dimension());
    return { dtype, shape: shape.length === 0 ? undefined : shape };
  }

  #dimension(): Dimension {
    if (this.#accept("?")) return undefined;
    const token = this.#next;
    if (token.kind !== "integer") return this.#name('an extent: a number, a name or "?"');
    const extent = this.#integer();
    return extent < 0 ? this.#fail("an extent of at least 0", token) : extent;
  }

  // Constants

  #constant({ dtype, shape }: ValueInfo, start: Token): Initializer {
    if (dtype === undefined) this.#fail("a constant of known type", start);
    const declared = shape?.map((extent) =>
      typeof extent === "number" ? extent : this.#fail("a constant's extents as numbers", start),
    );
    if (!this.#is("[")) return initializerOf(this.#elements(dtype, declared));
    return this.#externalData(dtype, declared ?? this.#fail("a constant's extents", start));
  }

  #externalData(dtype: DataType, shape: readonly number[]): Initializer {
    const start = this.#next;
    const entries = this.#pairs(() => this.#string());
    const { external } = this.#options;
    const [location, offset, length] = [
      entries.get("location"),
      Number(entries.get("offset") ?? 0),
      Number(entries.get("length")),
    ];
    if (location === undefined || !Number.isSafeInteger(offset) || !Number.isSafeInteger(length)) {
      throw syntaxError(this.#text, start, 'external data as ["location": …, "offset": …, "length": …]');
    }
    if (external === undefined) {
      throw new BadInputError({
        where: "parseModel",
        what: `the text refers to external data in ${JSON.stringify(location)}`,
        advice: "Pass `external` to fetch it.",
      });
    }
    const read = () => external(location, offset, length);
    return { dtype, shape, storage: { kind: "external", location, offset, length, read } };
  }

  /** The elements in braces; without a declared shape they are a vector. */
  #elements(dtype: DataType, declared: readonly number[] | undefined): Tensor {
    const start = this.#next;
    this.#expect("{");
    const words: Token[] = this.#list("}", () => {
      const token = this.#next;
      if (dtype === "string") this.#string();
      else if (isFloat(dtype)) this.#number("a number");
      else this.#integer();
      return token;
    });
    const shape = declared ?? [words.length];
    if (sizeOf(shape) !== words.length) {
      throw syntaxError(this.#text, start, `${sizeOf(shape)} elements`, `${words.length} elements are given`);
    }
    if (dtype === "string") return { dtype, shape, data: words.map(({ text }) => text) };
    if (dtype === "int64" || dtype === "uint64") {
      const values = words.map(({ text }) => BigInt(text.replace(/^\+/, "")));
      return { dtype, shape, data: dtype === "int64" ? BigInt64Array.from(values) : BigUint64Array.from(values) };
    }
    const numbers = words.map(({ text }) => numberOf(text));
    return tensorOf(dtype, numbers, shape);
  }

  // Nodes

  #nodes(): Node[] {
    const nodes: Node[] = [];
    this.#expect("{");
    while (!this.#accept("}")) nodes.push(this.#node());
    return nodes;
  }

  #node(): Node {
    let name = "";
    if (this.#accept("[")) {
      name = this.#name();
      this.#expect("]");
    }
    const outputs = this.#list("=", () => this.#name('an output of a node, or "}"'));
    const domains: string[] = [];
    let opType = this.#name("an operator");
    while (this.#accept(".")) {
      domains.push(opType);
      opType = this.#name("an operator");
    }
    let attributes = this.#attributes();
    this.#expect("(", attributes === undefined ? '"<" or "("' : '"("');
    const inputs = this.#list(")", () => this.#name('an input (or "" for one left out)'));
    attributes ??= this.#attributes() ?? {};
    return { opType, domain: domains.join("."), name, inputs, outputs, attributes };
  }

  #attributes(): Attributes | undefined {
    return this.#accept("<") ? Object.fromEntries(this.#list(">", () => this.#attribute())) : undefined;
  }

  #attribute(): [string, Attribute] {
    const name = this.#name("an attribute's name");
    let kind: AttributeKind | undefined;
    if (this.#accept(":")) {
      const token = this.#next;
      const word = this.#identifier("an attribute's type");
      if (!attributeKinds.includes(word)) this.#fail(`one of ${attributeKinds.join(", ")}`, token);
      kind = word as AttributeKind;
    }
    this.#expect("=", kind === undefined ? '":" or "="' : '"="');
    return [name, this.#attributeValue(kind)];
  }

  #attributeValue(kind: AttributeKind | undefined): Attribute {
    if (this.#accept("@")) {
      return { kind: "reference", value: this.#identifier("the name of the function's attribute"), type: kind };
    }
    if (this.#is("[")) return this.#listValue(kind);
    const token = this.#next;
    const isNumber = token.kind === "number" || (isNumberWord(token) && !this.#is("(", 1));
    const found: AttributeKind =
      token.kind === "integer"
        ? "int"
        : token.kind === "string"
          ? "string"
          : isNumber
            ? "float"
            : dataTypeNames.has(token.text) && !this.#is("(", 1)
              ? "tensor"
              : "graph";
    const wanted = kind ?? found;
    if (wanted !== found && !(wanted === "float" && found === "int") && !(wanted === "graph" && found === "string")) {
      this.#fail(`a value of type ${wanted}`, token);
    }
    switch (wanted) {
      case "int":
        return { kind: wanted, value: this.#integer() };
      case "float":
        return { kind: wanted, value: Math.fround(this.#number("a number")) };
      case "string":
        return { kind: wanted, value: this.#string() };
      case "tensor":
        return this.#tensorValue();
      case "graph":
        if (token.kind !== "identifier" && token.kind !== "string") this.#fail("the value of an attribute");
        return { kind: wanted, value: this.graph() };
      default:
        return this.#fail(`"[", the start of a list of ${wanted}`, token);
    }
  }

  #tensorValue(): Attribute {
    const start = this.#next;
    const { dtype, shape } = this.#type();
    if (this.#next.kind === "identifier" || this.#next.kind === "string") this.#name();
    this.#accept("=");
    return { kind: "tensor", value: this.#constant({ name: "", dtype, shape }, start) };
  }

  #listValue(kind: AttributeKind | undefined): Attribute {
    const start = this.#next;
    this.#expect("[");
    const words: Token[] = this.#list("]", () => {
      const token = this.#next;
      if (token.kind === "string") this.#string();
      else this.#number("a number or a string");
      return token;
    });
    const found = words.some((word) => word.kind === "string")
      ? "strings"
      : words.some((word) => word.kind !== "integer")
        ? "floats"
        : "ints";
    if (kind === undefined && words.length === 0) {
      throw syntaxError(this.#text, start, "the type of an empty list, as in pads: ints = []");
    }
    const wanted = kind ?? found;
    if (words.length > 0 && wanted !== found && !(wanted === "floats" && found === "ints")) {
      throw syntaxError(this.#text, start, `a value of type ${wanted}`, `a list of ${found} is given`);
    }
    if (wanted === "strings") return { kind: wanted, value: words.map(({ text }) => text) };
    if (wanted === "ints") return { kind: wanted, value: words.map(({ text }) => Number(text)) };
    if (wanted === "floats") return { kind: wanted, value: words.map(({ text }) => Math.fround(numberOf(text))) };
    throw syntaxError(this.#text, start, `a value of type ${wanted}`, "a list is given");
  }
}

function isFloat(dtype: DataType): boolean {
  return dtype === "float32" || dtype === "float64";
}

/** Whether an identifier is a number where a number may stand. */
function isNumberWord({ kind, text }: Token): boolean {
  return kind === "identifier" && /^(inf|infinity|nan)$/.test(text);
}

function numberOf(text: string): number {
  const magnitude = text.replace(/^[-+]/, "");
  const sign = text.startsWith("-") ? -1 : 1;
  if (/^inf/.test(magnitude)) return sign * Infinity;
  return sign * Number(magnitude);
}
