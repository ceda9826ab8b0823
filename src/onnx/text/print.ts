/** @file Models and graphs in ONNX's text syntax, which `parseModel` and `parseGraph` read back. */
import { checkForm, checkKeys, UnsupportedError } from "../../errors.ts";
import { sizeOf } from "../../tensor/tensor.ts";
import { toInt64 } from "../int64.ts";
import {
  type Attribute,
  type Attributes,
  describeNode,
  type FunctionDefinition,
  type Graph,
  type Initializer,
  type Model,
  type Node,
  tensorOfInitializer,
  type ValueInfo,
} from "../model.ts";

export interface PrintOptions {
  /**
   * Whether tensors of more than eight elements are cut short and what has no text is shown as `…`: for the eye, it cannot
   * be parsed. Default: false.
   */
  readonly summary?: boolean;
}

/**
 * `model` as text that parses to an equal model, except for what only its `origin` holds (documentation and the like).
 * External data is printed as a reference. Throws an UnsupportedError for an attribute of a kind that has no text.
 */
export function printModel(model: Model, options: PrintOptions = {}): string {
  checkForm("printModel: model", model, ["graph", "opsets"]);
  checkKeys("printModel", options, ["summary"]);
  const header = [`ir_version: ${model.irVersion}`, `opset_import: ${opsets(model.opsets)}`];
  if (model.producerName !== "") header.push(`producer_name: ${quote(model.producerName)}`);
  if (model.producerVersion !== "") header.push(`producer_version: ${quote(model.producerVersion)}`);
  if (model.metadata.size > 0) {
    header.push(`metadata_props: [${[...model.metadata].map((entry) => entry.map(quote).join(": ")).join(", ")}]`);
  }
  const parts = [`<\n  ${header.join(",\n  ")}\n>\n${printGraph(model.graph, options)}`];
  for (const definition of model.functions) parts.push(printFunction(definition, options));
  return parts.join("\n");
}

/** `graph` as text; see {@link printModel}. */
export function printGraph(graph: Graph, options: PrintOptions = {}): string {
  checkForm("printGraph: graph", graph, ["nodes", "initializers"]);
  checkKeys("printGraph", options, ["summary"]);
  const inner = [
    ...[...graph.initializers].map(([name, weight]) => `${typed(name, weight)} = ${constant(weight, options)}`),
    ...[...graph.valueInfo.values()].map((info) => typed(info.name, info)),
  ];
  const declared = (infos: readonly ValueInfo[]) => `(${infos.map((info) => typed(info.name, info)).join(", ")})`;
  const signature = `${identifier(graph.name)} ${declared(graph.inputs)} => ${declared(graph.outputs)}`;
  const initializers = inner.length === 0 ? "" : `\n<\n  ${inner.join(",\n  ")}\n>`;
  return `${signature}${initializers}\n${printNodes(graph.nodes, options)}`;
}

function printNodes(nodes: readonly Node[], options: PrintOptions): string {
  return `{\n${nodes.map((node) => `  ${printNode(node, options)}\n`).join("")}}\n`;
}

function printNode(node: Node, options: PrintOptions): string {
  const label = node.name === "" ? "" : `[${identifier(node.name)}] `;
  const domain =
    node.domain === ""
      ? ""
      : `${/^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$/.test(node.domain) ? node.domain : quote(node.domain)}.`;
  const attributes = printAttributes(node, node.attributes, options);
  const list = attributes.length === 0 ? "" : ` <${attributes.join(", ")}>`;
  const inputs = node.inputs.map(identifier).join(", ");
  return `${label}${node.outputs.map(identifier).join(", ")} = ${domain}${identifier(node.opType)}${list} (${inputs})`;
}

function printAttributes(
  owner: Pick<Node, "opType" | "name" | "outputs">,
  attributes: Attributes,
  options: PrintOptions,
): string[] {
  return Object.entries(attributes).map(([name, attribute]) => {
    const isEmpty = Array.isArray(attribute.value) && attribute.value.length === 0;
    const isGraph = attribute.kind === "graph";
    const type = attribute.kind === "reference" ? attribute.type : isEmpty || isGraph ? attribute.kind : undefined;
    return `${identifier(name)}${type === undefined ? "" : `: ${type}`} = ${printAttribute(owner, name, attribute, options)}`;
  });
}

function printAttribute(
  owner: Pick<Node, "opType" | "name" | "outputs">,
  name: string,
  attribute: Attribute,
  options: PrintOptions,
): string {
  switch (attribute.kind) {
    case "float":
      return float(attribute.value);
    case "int":
      return integer(attribute.value);
    case "string":
      return quote(attribute.value);
    case "floats":
      return `[${attribute.value.map(float).join(", ")}]`;
    case "ints":
      return `[${attribute.value.map(integer).join(", ")}]`;
    case "strings":
      return `[${attribute.value.map(quote).join(", ")}]`;
    case "tensor":
      return `${typeText(attribute.value)} ${constant(attribute.value, options)}`;
    case "graph":
      return printGraph(attribute.value, options).trimEnd().replaceAll("\n", "\n  ");
    case "reference":
      return `@${attribute.value}`;
    case "opaque":
      if (options.summary) return "…";
      throw new UnsupportedError({
        where: describeNode(owner),
        what: `attribute ${name} is of a kind that has no text`,
        advice: "Print a summary instead.",
      });
  }
}

function printFunction(definition: FunctionDefinition, options: PrintOptions): string {
  const { domain, name, inputs, outputs, attributeNames, attributeDefaults } = definition;
  const owner = { opType: "function", name, outputs: [] };
  const attributes = [...attributeNames, ...printAttributes(owner, attributeDefaults, options)];
  const list = attributes.length === 0 ? "" : ` <${attributes.join(", ")}>`;
  return [
    `<domain: ${quote(domain)}, opset_import: ${opsets(definition.opsets)}>`,
    `${identifier(name)}${list} (${inputs.map(identifier).join(", ")}) => (${outputs.map(identifier).join(", ")})`,
    printNodes(definition.nodes, options),
  ].join("\n");
}

function opsets(versions: ReadonlyMap<string, number>): string {
  return `[${[...versions].map(([domain, version]) => `${quote(domain)}: ${version}`).join(", ")}]`;
}

/** A name as it is where it is an identifier, quoted where not. */
function identifier(name: string): string {
  return /^[A-Za-z_]\w*$/.test(name) ? name : quote(name);
}

function quote(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&").replaceAll("\n", "\\n").replaceAll("\r", "\\r").replaceAll("\t", "\\t")}"`;
}

type Typed = Pick<ValueInfo, "dtype" | "shape">;

function typed(name: string, type: Typed): string {
  return `${typeText(type)} ${identifier(name)}`;
}

/** `float` is a scalar, `float[]` has an unknown number of axes, `?` is no declaration at all. */
function typeText({ dtype, shape }: Typed): string {
  if (dtype === undefined) return "?";
  const element = dtype === "float32" ? "float" : dtype === "float64" ? "double" : dtype;
  if (shape === undefined) return `${element}[]`;
  if (shape.length === 0) return element;
  const extents = shape.map((extent) => (typeof extent === "string" ? identifier(extent) : (extent ?? "?")));
  return `${element}[${extents.join(", ")}]`;
}

const shownElements = 8;

function constant(initializer: Initializer, { summary = false }: PrintOptions): string {
  const { dtype, shape, storage } = initializer;
  if (storage.kind === "external") {
    const { location, offset, length } = storage;
    return `["location": ${quote(location)}, "offset": "${offset}", "length": "${length}"]`;
  }
  const size = sizeOf(shape);
  const { data } = tensorOfInitializer(initializer);
  const isCut = summary && size > shownElements;
  const texts = Array.from({ length: isCut ? shownElements : size }, (_, index) => {
    const element = data[index];
    if (typeof element === "string") return quote(element);
    if (typeof element === "bigint") return String(element);
    return dtype === "float32" ? shortest(element) : number(element);
  });
  return `{${texts.join(", ")}${isCut ? `, … ${size} in all` : ""}}`;
}

/** A float attribute, recognizable as such by a point or an exponent. */
function float(value: number): string {
  const text = shortest(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}

/** The shortest decimal that rounds to the same float32. */
function shortest(value: number): string {
  if (!Number.isFinite(value) || value === 0) return number(value);
  const single = Math.fround(value);
  for (let digits = 1; digits < 9; digits++) {
    const decimal = Number(single.toPrecision(digits));
    if (Math.fround(decimal) === single) return number(decimal);
  }
  return number(Number(single.toPrecision(9)));
}

function number(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  return Object.is(value, -0) ? "-0" : String(value);
}

function integer(value: number): string {
  return String(toInt64(value));
}
