/**
 * @file Taking one batch extent out of a graph that was traced for it.
 *
 * Exporters that trace a network write the batch of the pictures they are given into the shapes of Reshape, and fold
 * tokens that are repeated for each picture. Both say nothing about the network: with the batch extent left open, the graph
 * computes for each picture of a batch what it computed for one.
 */
import { BadInputError, UnsupportedError } from "../../errors.ts";
import { normalizeAxis, sameShape } from "../../tensor/shape.ts";
import { type Shape, sizeOf } from "../../tensor/tensor.ts";
import { attributesFrom, attributesOf } from "../attributes.ts";
import { freshNames } from "../fresh-names.ts";
import {
  type FoldingBudget,
  foldingBudget,
  inferInto,
  inferShapes,
  inferShapesIfValid,
  type TypedGraph,
  typeOf,
} from "../infer-shapes.ts";
import { int64Tensor } from "../int64.ts";
import { describeNode, type Graph, type Initializer, initializerOf, type Node, type ValueType } from "../model.ts";
import { type NumericTensor, numeric } from "../numeric-tensor.ts";
import { hasTrait } from "../operators/table.ts";

export interface OpenBatchOptions {
  /** The input whose first axis is the batch. */
  readonly input: string;
  /** The input's shape as the graph was traced, with the batch extent first. */
  readonly shape: Shape;
}

/** How one value grows with the batch: along `axis` of its traced shape. */
interface Growth {
  readonly axis: number;
  readonly from: Shape;
  /** Whether the pictures of a batch take turns along the axis, rather than following one another. */
  readonly isInner: boolean;
}

/**
 * `graph` with constant shapes of Reshape, constant sizes of Resize, and constants that Concat puts beside values of the traced
 * batch, made to fit any batch. Each value's batch axis is followed from the input on, so that a picture's elements stay together;
 * where it cannot be followed (a sum over the batch, two axes that grow), `graph` itself is returned.
 * Expects canonical opset form, with Constant nodes cleaned up.
 */
export function makeBatchDynamic(graph: Graph, options: OpenBatchOptions): Graph {
  return openBatch(graph, options).graph;
}

export interface OpenedBatch {
  readonly graph: Graph;
  /** The first node that computes with several pictures of a batch at once; undefined where none was met. */
  readonly mixing: Node | undefined;
}

/**
 * {@link makeBatchDynamic}, with what stands in the way of it: a graph that takes any batch may still take a mean over all of its pictures, so that what it
 * says of one depends on the others.
 */
export function openBatch(graph: Graph, { input, shape }: OpenBatchOptions): OpenedBatch {
  const [batch, ...rest] = shape;
  const shapesFor = (extent: number) => ({ inputShapes: { [input]: [extent, ...rest] } });
  const traced = inferShapesIfValid(graph, shapesFor(batch));
  if (traced === undefined) return { graph, mixing: undefined };
  const start = inferShapes({ ...graph, nodes: [], outputs: [] }, shapesFor(2 * batch));
  const walk = new Walk(graph, batch, traced, start);
  return { graph: walk.opened() ?? graph, mixing: walk.mixing };
}

/** The nodes one after the other, with the types that their values have for the traced batch and for one of twice the extent. */
class Walk {
  readonly #graph: Graph;
  readonly #batch: number;
  readonly #traced: TypedGraph;
  readonly #types: Map<string, ValueType>;
  readonly #constants: Map<string, NumericTensor>;
  readonly #initializers: Map<string, Initializer>;
  readonly #nodes: Node[] = [];
  readonly #fresh: (wish: string) => string;
  readonly #budget: FoldingBudget;
  /** Values along whose growing axis the pictures take turns. */
  readonly #inner = new Set<string>();
  /** The node at which pictures of a batch are seen to meet. */
  mixing: Node | undefined;

  constructor(graph: Graph, batch: number, traced: TypedGraph, start: TypedGraph) {
    this.#graph = graph;
    this.#batch = batch;
    this.#traced = traced;
    this.#types = new Map(start.types);
    this.#constants = new Map(start.constants);
    this.#initializers = new Map(graph.initializers);
    this.#fresh = freshNames(graph);
    this.#budget = foldingBudget(graph.nodes.length);
  }

  /** The rewritten graph; undefined where the batch cannot be followed. */
  opened(): Graph | undefined {
    for (const node of this.#graph.nodes) {
      if (!this.#follow(node) || !this.#keepsPicturesApart(node)) return undefined;
    }
    return { ...this.#graph, nodes: this.#nodes, initializers: this.#initializers };
  }

  /** Appends `node`, rewritten where it was traced for one batch. False where it takes no other. */
  #follow(node: Node): boolean {
    switch (node.opType) {
      case "Reshape":
        return this.#reshape(node);
      case "Concat":
        return this.#concat(node);
      case "Resize":
        return this.#resize(node);
      default:
        return this.#appendIfFits(node);
    }
  }

  /**
   * Appends a node of the graph as it is. False where its inputs, of which some have grown, do not fit together any more: that is what
   * cannot be rewritten. In what is rewritten such an error is a defect, and {@link #append} throws it.
   */
  #appendIfFits(node: Node): boolean {
    try {
      this.#append(node);
      return true;
    } catch (error) {
      if (error instanceof BadInputError || error instanceof UnsupportedError) return false;
      throw error;
    }
  }

  #append(node: Node): void {
    inferInto({ types: this.#types, constants: this.#constants, budget: this.#budget }, node);
    this.#nodes.push(node);
  }

  #ints(wish: string, values: readonly number[]): string {
    const name = this.#fresh(wish);
    const tensor = int64Tensor(values);
    this.#initializers.set(name, initializerOf(tensor));
    this.#types.set(name, { dtype: "int64", shape: tensor.shape });
    this.#constants.set(name, numeric(tensor));
    return name;
  }

  /** The shape of a value for a batch of twice the extent. */
  #shapeOf(name: string): Shape {
    return typeOf({ types: this.#types }, name).shape;
  }

  /** How a value of the traced graph grows with the batch: undefined if it does not, "unclear" if not along one axis. */
  #growthOf(name: string): Growth | undefined | "unclear" {
    const from = typeOf(this.#traced, name).shape;
    const to = this.#shapeOf(name);
    const axes = from.flatMap((extent, axis) => (extent === to[axis] ? [] : [axis]));
    if (from.length !== to.length || axes.length > 1) return "unclear";
    if (axes.length === 0) return undefined;
    const [axis] = axes;
    return to[axis] === 2 * from[axis] ? { axis, from, isInner: this.#inner.has(name) } : "unclear";
  }

  /** Notes how the outputs of `node` grow. False where one picture's results would depend on another's. */
  #keepsPicturesApart(node: Node): boolean {
    const named = (names: readonly string[]) => names.filter((name) => name !== "");
    const growing = named(node.inputs).flatMap((name) => this.#growthOf(name) ?? []);
    if (growing.length === 0 || node.opType === "Shape" || node.opType === "Size") return true;
    const results = named(node.outputs).map((name) => this.#growthOf(name));
    const sources = growing.filter((growth) => growth !== "unclear");
    if (sources.length < growing.length) return false;
    // As many numbers for two pictures as for one.
    if (results.every((growth) => growth === undefined)) this.mixing = node;
    if (results.some((growth) => growth === undefined || growth === "unclear")) return false;
    if (node.opType !== "Reshape") {
      const turns = new Set(sources.map(({ isInner }) => isInner));
      if (turns.size > 1) return false;
      if (turns.has(true)) for (const name of named(node.outputs)) this.#inner.add(name);
    }
    const combined = this.#combinedAxis(node);
    if (combined === undefined) return true;
    const [{ axis, from }] = sources;
    if (!Number.isInteger(combined)) return false;
    if (normalizeAxis(describeNode(node), combined, from.length) !== axis) return true;
    this.mixing = node;
    return false;
  }

  /** The axis along which `node` combines elements, NaN if it is not known; undefined if it combines none. */
  #combinedAxis(node: Node): number | undefined {
    if (node.opType === "CumSum") return this.#constants.get(node.inputs[1])?.data[0] ?? Number.NaN;
    return hasTrait(node, "alongAxis") ? attributesOf(node).int("axis", -1) : undefined;
  }

  /** With −1 where the shape has the batch; as it is where it grows by itself or need not. */
  #reshape(node: Node): boolean {
    const [data, written] = node.inputs;
    const [result] = node.outputs;
    const growth = this.#growthOf(data);
    const target = typeOf(this.#traced, result).shape;
    const place =
      growth === undefined || growth === "unclear" || sizeOf(target) === 0
        ? undefined
        : batchPlace(growth, target, this.#batch);
    if (place === undefined) return this.#appendIfFits(node);
    const { axis, isInner } = place;
    const wanted = target.with(axis, 2 * target[axis]);
    const asWritten = resolveShape(this.#shapeOf(data), this.#constants.get(written)?.data);
    const fits = asWritten !== undefined && sameShape(asWritten, wanted);
    this.#append(fits ? node : { ...node, inputs: [data, this.#ints(`${result}_shape`, target.with(axis, -1))] });
    if (isInner) this.#inner.add(result);
    return true;
  }

  /** After nodes that repeat the inputs which were traced for one picture for each picture of the others. */
  #concat(node: Node): boolean {
    const growth = node.inputs.map((name) => this.#growthOf(name)).find((found) => found !== undefined);
    const growing = node.inputs.find((name) => this.#growthOf(name) !== undefined);
    const rank = this.#shapeOf(node.inputs[0]).length;
    const along = normalizeAxis(describeNode(node), attributesOf(node).int("axis"), rank);
    if (growing === undefined || growth === undefined || growth === "unclear" || along === growth.axis) {
      return this.#appendIfFits(node);
    }
    const { axis } = growth;
    const inputs = node.inputs.map((name) => {
      if (this.#growthOf(name) !== undefined || this.#shapeOf(name)[axis] !== 1) return name;
      return this.#make(node, "Expand", [name, this.#shapeWith(node, Array(rank).fill(1), growing, axis)]);
    });
    return this.#appendIfFits({ ...node, inputs });
  }

  /** With the batch of its input where its sizes name all extents. */
  #resize(node: Node): boolean {
    const [data, , , sizes = ""] = node.inputs;
    const growth = this.#growthOf(data);
    const written = Array.from(this.#constants.get(sizes)?.data ?? []);
    const isAsked = growth !== undefined && growth !== "unclear" && written[growth.axis] === growth.from[growth.axis];
    if (!isAsked || attributesOf(node).has("axes")) return this.#appendIfFits(node);
    const shape = this.#shapeWith(node, written, data, growth.axis);
    this.#append({ ...node, inputs: [...node.inputs.slice(0, 3), shape] });
    return true;
  }

  /** Appends a node for what `node` needs, and returns the name of its output. */
  #make(
    node: Node,
    opType: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, number>> = {},
  ): string {
    const name = this.#fresh(`${node.outputs[0]}_${opType.toLowerCase()}`);
    this.#append({ opType, domain: "", name, inputs, outputs: [name], attributes: attributesFrom(attributes) });
    return name;
  }

  /** The value of a shape: `extents`, with that of `like` along `axis`. */
  #shapeWith(node: Node, extents: readonly number[], like: string, axis: number): string {
    const part = (values: readonly number[]): string[] => (values.length === 0 ? [] : [this.#ints("extents", values)]);
    const extent = this.#make(node, "Shape", [like], { start: axis, end: axis + 1 });
    return this.#make(node, "Concat", [...part(extents.slice(0, axis)), extent, ...part(extents.slice(axis + 1))], {
      axis: 0,
    });
  }
}

/** The shape that Reshape makes of `from` (without allowzero); undefined where it is unknown or does not fit. */
function resolveShape(from: Shape, written: ArrayLike<number> | undefined): number[] | undefined {
  if (written === undefined) return undefined;
  const shape = Array.from(written, (extent, axis) => (extent === 0 ? from[axis] : extent));
  const open = shape.indexOf(-1);
  if (open >= 0) shape[open] = -sizeOf(from) / sizeOf(shape);
  return sizeOf(shape) === sizeOf(from) ? shape : undefined;
}

/**
 * Where the batch goes in `target`, a row-major regrouping of the traced shape: next to the place at which one picture and the
 * next are as many elements apart as before. An axis that is nothing but the batch is taken first, the one at the same index if
 * it can be; then the batch is the outer part of the axis after the place, unless that is the last one, which holds features; then
 * the inner part of the axis before it.
 */
function batchPlace(
  { axis, from, isInner }: Growth,
  target: Shape,
  batch: number,
): { readonly axis: number; readonly isInner: boolean } | undefined {
  const apart = sizeOf(from.slice(axis + 1)) * (isInner ? 1 : from[axis] / batch);
  const after = target.map((_, i) => sizeOf(target.slice(i + 1)));
  const outer = target.flatMap((extent, i) => (after[i] * extent === apart * batch && extent % batch === 0 ? [i] : []));
  const inner = target.flatMap((extent, i) => (after[i] === apart && extent % batch === 0 ? [i] : []));
  const alone = outer.filter((i) => target[i] === batch);
  if (alone.length > 0) return { axis: alone.includes(axis) ? axis : alone[0], isInner: false };
  const [before] = outer.filter((i) => i < target.length - 1);
  if (before !== undefined) return { axis: before, isInner: false };
  if (inner.length > 0) return { axis: inner[0], isInner: true };
  return outer.length > 0 ? { axis: outer[0], isInner: false } : undefined;
}
