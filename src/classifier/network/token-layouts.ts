/**
 * @file How tokens of a transformer lie over the picture.
 *
 * Tokens are cells of a grid that convolutions made, patches that were cut out of the picture, or its rows, flattened row by row, with class,
 * distillation or register tokens before or behind them. Both are followed through the graph: the grid from where it is flattened, the other
 * tokens from where they are joined.
 */
import { attributesOf } from "../../onnx/attributes.ts";
import type { TypedGraph } from "../../onnx/infer-shapes.ts";
import type { Node } from "../../onnx/model.ts";
import { sameShape } from "../../tensor/shape.ts";
import type { Shape } from "../../tensor/tensor.ts";

/** Of a value [N, T, C]: tokens `offset` to `offset + height · width` are the cells, row by row. */
export interface TokenLayout {
  readonly height: number;
  readonly width: number;
  readonly offset: number;
}

/** A flattened grid, whose cells lie along `axis`. */
interface Flattened extends TokenLayout {
  readonly axis: number;
}

type Order = "channels-first" | "channels-last";

/** What an axis of a picture that is being cut up runs over. */
export type Part =
  | "batch"
  | "channels"
  | "rows"
  | "columns"
  | "patch rows"
  | "patch columns"
  | "within rows"
  | "within columns";

/** The network's input, of four dimensions. */
export interface PictureInput {
  readonly name: string;
  readonly layout: "nchw" | "nhwc";
}

/**
 * The layouts of the values [N, T, C] of `typed`; `orders` says where the channels of values of four dimensions are, `picture` which of them
 * patches may be cut out of.
 */
export function tokenLayouts(
  { graph, types, constants }: TypedGraph,
  orders: ReadonlyMap<string, Order>,
  picture: PictureInput,
): ReadonlyMap<string, TokenLayout> {
  const shapeOf = (name: string): Shape => types.get(name)?.shape ?? [];
  const known = new Map<string, Flattened>();
  /** The picture, and what it is cut into, with what each axis runs over. */
  const cut = new Map<string, readonly Part[]>([
    [
      picture.name,
      picture.layout === "nchw" ? ["batch", "channels", "rows", "columns"] : ["batch", "rows", "columns", "channels"],
    ],
  ]);
  /** By number of tokens, the layout that was seen last: attention loses its way among heads, and its result has the same tokens. */
  const seen = new Map<number, Flattened>();
  const layouts = new Map<string, TokenLayout>();
  for (const node of graph.nodes) {
    const [output] = node.outputs;
    const shape = shapeOf(output);
    const parts = partsOf(node);
    if (parts !== undefined) cut.set(output, parts);
    node.outputs.forEach((name, index) => {
      if (name === "" || shapeOf(name).length !== 3) return;
      const found = flattenedBy(node, index) ?? carried(node, name);
      if (found !== undefined) known.set(name, found);
    });
    const own = known.get(output);
    if (shape.length !== 3) continue;
    if (own?.axis === 1) seen.set(shape[1], own);
    const layout = own === undefined ? seen.get(shape[1]) : own.axis === 1 ? own : undefined;
    if (layout !== undefined) {
      layouts.set(output, { height: layout.height, width: layout.width, offset: layout.offset });
    }
  }
  return layouts;

  /** What `node` makes of a grid, or of tokens, by rearranging them. */
  function flattenedBy(node: Node, index: number): Flattened | undefined {
    const [data, second] = node.inputs;
    const from = known.get(data);
    const shape = shapeOf(node.outputs[index]);
    switch (node.opType) {
      case "Reshape":
      case "Flatten":
        return from === undefined
          ? (gridAs(data, shape) ?? patchesAs(data, shape) ?? bandsAs(data, shape))
          : shape[from.axis] === shapeOf(data)[from.axis]
            ? from
            : undefined;
      case "Squeeze":
        return bandsAs(data, shape);
      case "Transpose": {
        const perm = attributesOf(node).ints("perm", [2, 1, 0]);
        return from && { ...from, axis: perm.indexOf(from.axis) };
      }
      case "Concat": {
        const axis = attributesOf(node).int("axis");
        const along = axis < 0 ? axis + shape.length : axis;
        let before = 0;
        let found: Flattened | undefined;
        for (const input of node.inputs) {
          const part = known.get(input);
          if (part !== undefined && part.axis === along) {
            // Cells of two grids are no grid.
            if (found !== undefined) return undefined;
            found = { ...part, offset: part.offset + before };
          } else if (part !== undefined) return part;
          before += shapeOf(input)[along] ?? 0;
        }
        return found;
      }
      case "Slice": {
        if (from === undefined) return undefined;
        const [starts, ends, axes, steps] = node.inputs
          .slice(1)
          .map((name) => (name ? constants.get(name)?.data : undefined));
        if (starts === undefined || ends === undefined) return undefined;
        const position = Array.from(starts, (_, i) => ((axes?.[i] ?? i) + 3) % 3).indexOf(from.axis);
        if (position === -1) return from;
        if ((steps?.[position] ?? 1) !== 1) return undefined;
        const extent = shapeOf(data)[from.axis];
        const start = starts[position] < 0 ? starts[position] + extent : starts[position];
        return shifted(from, Math.max(0, start), shape[from.axis]);
      }
      case "Split": {
        if (from === undefined) return undefined;
        const axis = attributesOf(node).int("axis", 0);
        if ((axis + 3) % 3 !== from.axis) return from;
        const before = node.outputs.slice(0, index).reduce((sum, name) => sum + (shapeOf(name)[from.axis] ?? 0), 0);
        return shifted(from, before, shape[from.axis]);
      }
      case "Gather": {
        const indices = constants.get(second ?? "")?.data;
        const axis = attributesOf(node).int("axis", 0);
        if (from === undefined || (axis + 3) % 3 !== from.axis) return from;
        const isRun = indices?.every((value, i) => value === indices[0] + i);
        return isRun && indices !== undefined ? shifted(from, indices[0], indices.length) : undefined;
      }
      default:
        return undefined;
    }
  }

  /** The tokens `start` to `start + count` of `from`, if all cells are among them. */
  function shifted(from: Flattened, start: number, count: number): Flattened | undefined {
    const offset = from.offset - start;
    return offset >= 0 && offset + from.height * from.width <= count ? { ...from, offset } : undefined;
  }

  /** A grid [N, C, h, w] or [N, h, w, C] as [N, C, h·w] or [N, h·w, C]. */
  function gridAs(data: string, shape: Shape): Flattened | undefined {
    const from = shapeOf(data);
    const order = orders.get(data);
    if (from.length !== 4 || order === undefined || shape[0] !== from[0]) return undefined;
    const [height, width] = order === "channels-first" ? [from[2], from[3]] : [from[1], from[2]];
    const channels = order === "channels-first" ? from[1] : from[3];
    const axis = order === "channels-first" ? 2 : 1;
    if (shape[axis] !== height * width || shape[3 - axis] !== channels || height * width < 4) return undefined;
    return { height, width, offset: 0, axis };
  }

  /** What the axes of the output of `node` run over, where it does nothing to the picture but cut it up, or change it pixel by pixel. */
  function partsOf({ opType, inputs, outputs: [output], ...node }: Node): readonly Part[] | undefined {
    const from = cut.get(inputs[0]);
    const shape = shapeOf(output);
    if (opType === "Transpose" && from !== undefined) {
      const { value: perm = from.map((_, i) => from.length - 1 - i) } =
        node.attributes.perm?.kind === "ints" ? node.attributes.perm : {};
      return perm.map((axis) => from[axis]);
    }
    if (opType === "Reshape" && from !== undefined) return splitParts(from, shapeOf(inputs[0]), shape);
    if (isRearranging(opType)) return undefined;
    const source = inputs.find((name) => cut.has(name) && sameShape(shapeOf(name), shape));
    return source === undefined ? undefined : cut.get(source);
  }

  /** [N, h, w, …] or [N, …, h, w] as [N, h·w, …] or [N, …, h·w], h and w being rows and columns of patches. */
  function patchesAs(data: string, shape: Shape): Flattened | undefined {
    const from = shapeOf(data);
    const parts = cut.get(data);
    const first = parts?.indexOf("patch rows") ?? -1;
    if (parts === undefined || first < 1 || parts[first + 1] !== "patch columns" || shape.length !== 3)
      return undefined;
    const [height, width] = [from[first], from[first + 1]];
    const axis = first === 1 ? 1 : first + 2 === from.length ? 2 : 0;
    const isWhole = shape[0] === from[0] && shape[axis] === height * width && height * width >= 4;
    return axis !== 0 && isWhole ? { height, width, offset: 0, axis } : undefined;
  }

  /** The picture as [N, rows, …] or [N, columns, …]: tokens as wide or as high as it is, as recurrent networks read them. */
  function bandsAs(data: string, shape: Shape): Flattened | undefined {
    const from = shapeOf(data);
    const named = cut.get(data)?.map((part, axis) => ({ part, extent: from[axis] })) ?? [];
    const [first, ...others] = named.slice(1).filter(({ extent }) => extent !== 1);
    if (named[0]?.part !== "batch" || first === undefined || first.extent < 2) return undefined;
    const rest = others.reduce((product, { extent }) => product * extent, 1);
    const isWhole = shape[0] === from[0] && shape[1] === first.extent && shape[2] === rest;
    const sides: Partial<Record<Part, readonly [height: number, width: number]>> = {
      rows: [first.extent, 1],
      columns: [1, first.extent],
    };
    const found = isWhole ? sides[first.part] : undefined;
    return found && { height: found[0], width: found[1], offset: 0, axis: 1 };
  }

  /** What passes through an operator that keeps tokens where they are. */
  function carried({ opType, inputs }: Node, output: string): Flattened | undefined {
    if (isRearranging(opType)) return undefined;
    const shape = shapeOf(output);
    const sources = inputs.flatMap((name) => {
      const from = known.get(name);
      const its = shapeOf(name);
      return from !== undefined && its[0] === shape[0] && its[from.axis] === shape[from.axis] ? [from] : [];
    });
    const [first] = sources;
    // A product along the cells mixes them.
    return first !== undefined && !(opType === "MatMul" && first.axis === 2) ? first : undefined;
  }
}

/** Whether axes that run over these parts begin with a grid of patches, row by row. */
export function areGridOfPatches(parts: readonly Part[]): boolean {
  return parts[0] === "batch" && parts[1] === "patch rows" && parts[2] === "patch columns";
}

/** What axes run over after a Reshape that takes rows or columns apart into patches and places within them; undefined for any other. */
export function splitParts(parts: readonly Part[], from: Shape, to: Shape): readonly Part[] | undefined {
  const found: Part[] = [];
  let at = 0;
  for (const [axis, part] of parts.entries()) {
    if (to[at] === from[axis]) {
      found.push(part);
      at++;
      continue;
    }
    const isSplit = (part === "rows" || part === "columns") && to[at] * to[at + 1] === from[axis];
    if (!isSplit) return undefined;
    found.push(
      ...(part === "rows" ? (["patch rows", "within rows"] as const) : (["patch columns", "within columns"] as const)),
    );
    at += 2;
  }
  return at === to.length ? found : undefined;
}

function isRearranging(opType: string): boolean {
  switch (opType) {
    case "Reshape":
    case "Flatten":
    case "Transpose":
    case "Concat":
    case "Slice":
    case "Split":
    case "Gather":
      return true;
    default:
      return false;
  }
}
