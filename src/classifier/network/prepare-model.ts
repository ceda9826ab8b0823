/** @file Finding the image input and the logits of a model, and bringing its graph into the form that everything else works on. */
import { MisuseError, nearest, numberIn, PerceptualBallError, UnsupportedError } from "../../errors.ts";
import { appendNodes } from "../../onnx/append-nodes.ts";
import { checkOperators, inferShapes, type TypedGraph } from "../../onnx/infer-shapes.ts";
import { describeNode, type Graph, type Model, type Node } from "../../onnx/model.ts";
import { hasTrait } from "../../onnx/operators/table.ts";
import { canonicalForm } from "../../onnx/rewrites/canonical-form.ts";
import { castByteInput, realInputNote } from "../../onnx/rewrites/cast-byte-input.ts";
import { decodedOutputs } from "../../onnx/rewrites/decoded-outputs.ts";
import { extractSubgraph } from "../../onnx/rewrites/extract-subgraph.ts";
import { doubleToFloat32 } from "../../onnx/rewrites/half-to-float32.ts";
import { openBatch } from "../../onnx/rewrites/make-batch-dynamic.ts";
import { unfoldOperators } from "../../onnx/rewrites/unfold-operators.ts";
import { intTensor } from "../../tensor/tensor.ts";
import { bindInputs, type InputValue } from "./bind-inputs.ts";
import { checkNeeds, type NeedsLimits } from "./check-needs.ts";
import { appendTwoClasses, findHead } from "./head/find-head.ts";
import { decidesEachLabel, type Head, type HeadKind, type StatedHead } from "./head/head.ts";
import { findImageInput, type ImageInput, imageShape } from "./image-input.ts";
import { withPictureAxes } from "./picture-axes.ts";
import { solveInputSize } from "./solve-input-size.ts";
import { blockedAt, stepNotes } from "./step-notes.ts";

export interface PrepareModelOptions extends NeedsLimits {
  /** How messages call the model, such as its path. */
  readonly where: string;
  /** The value that holds the scores of the classes; found by itself if left out. */
  readonly logits?: string;
  /** What its numbers are, where that is not found by itself. */
  readonly head?: HeadKind;
  /** What something beside the graph says of them. */
  readonly statedHead?: StatedHead;
  /** How many names of classes are known: the output that has as many is preferred. */
  readonly labelCount?: number;
  /** Values of inputs beside the picture, by name. */
  readonly inputs?: Readonly<Record<string, InputValue>>;
  /** Height and width where the model leaves them open. */
  readonly inputSize?: readonly [height: number, width: number];
  readonly layout?: "nchw" | "nhwc";
  /** Height and width that something says the model is used at; taken where the model leaves them open and none are given. */
  readonly usualSize?: readonly [height: number, width: number];
}

/** What was said of a model where it would otherwise have been found: plain JSON, without what was not said. */
export interface GivenOfModel {
  readonly logits?: string;
  readonly head?: HeadKind;
  readonly inputs?: Readonly<Record<string, InputValue>>;
  readonly inputSize?: readonly [height: number, width: number];
}

/** Something that a user must know before trusting a result; `code` names it in kebab-case. */
export interface ModelWarning {
  readonly code: string;
  readonly message: string;
}

/** A model whose parts are known. */
export interface PreparedModel {
  readonly model: Model;
  /** In the canonical opset, without constants, identities, dropout and dead nodes, for any batch if it can, up to the logits. */
  readonly graph: Graph;
  readonly opsets: ReadonlyMap<string, number>;
  readonly input: string;
  readonly layout: "nchw" | "nhwc";
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** Which output was taken, and what its numbers mean. */
  readonly head: Head;
  /**
   * The value [N, K] (or [N, K, 1, 1]) whose softmax is what the model says of its K classes; of a multi-label head the scores whose
   * sigmoids are what it says of its labels.
   */
  readonly logits: string;
  readonly classCount: number;
  /** What the outputs call the classes, where each class is an output of its own. */
  readonly classNames: readonly string[] | undefined;
  /** What was said of the model: with another output or other values of its inputs the same file is another classifier. */
  readonly given: GivenOfModel;
  /** Whether the model leaves its input size open and nothing states it: the usual one is taken. */
  readonly isSizeAssumed: boolean;
  /** Whether nothing but the form of the output says that its numbers are scores of classes: no softmax, name, usual number or list of names. */
  readonly isMeaningAssumed: boolean;
  /** Whether the model declares a batch extent other than a symbol. */
  readonly fixedBatch: number | undefined;
  /** What a user should know of how the model is computed: other precision, gradients that are conventions. */
  readonly notes: readonly string[];
  readonly warnings: readonly ModelWarning[];
  /** How many images a run takes where `batch` are wanted: as many, unless the model is bound to a batch of its own. */
  batchFor(batch: number): number;
  /** The graph with the types of its values for a batch of `batch`; throws an UnsupportedError if the model cannot take it. */
  typed(batch: number): TypedGraph;
  /**
   * Of a head that decides each of its labels by itself: the model of the decision on label `index` alone, with two classes, absent and
   * present. Throws a MisuseError for other heads.
   */
  decision(index: number): PreparedModel;
}

/** Throws a BadInputError or UnsupportedError that says why `model` is no image classifier that can be differentiated. */
export function prepareModel(model: Model, options: PrepareModelOptions): PreparedModel {
  const { where } = options;
  const keep = options.logits === undefined ? [] : [options.logits];
  const { model: canonical, notes } = canonicalForm(model, { where, keep });
  const isDouble = [...canonical.graph.inputs, ...canonical.graph.outputs].some(({ dtype }) => dtype === "float64");
  const single = isDouble ? doubleToFloat32(canonical.graph) : canonical.graph;
  const pictured = withPictureAxes(single, options);
  const bound = bindInputs(pictured.graph, {
    ...options,
    inputSize: options.inputSize ?? declaredSize(pictured.graph, options),
  });
  const { image, sizeNote, isSizeAssumed } = sizedInput(bound.graph, findImageInput(bound.graph, options), options);
  const declared = imageShape(image, image.fixedBatch ?? 1);
  const inputShapes = { [image.name]: declared };
  const real = image.isOfIntegers ? castByteInput(bound.graph, image.name, where) : bound.graph;
  const decided = unfoldOperators(real, { inputShapes, keep });
  const { graph: supported, outputs } = supportedPart(decided, options);
  const opened = openBatch(supported, { input: image.name, shape: declared });
  const typed = inferShapes(opened.graph, { inputShapes });
  // The end of the network is tried on numbers to find its head.
  checkNeeds(typed, {
    ...{ where, area: image.height * image.width, batch: image.fixedBatch ?? 1 },
    ...{ allowMemory: options.allowMemory, machineMemory: options.machineMemory },
  });
  const found = findHead(typed, {
    ...{ where, logits: options.logits, head: options.head, labelCount: options.labelCount },
    ...{ statedHead: options.statedHead, outputs, batch: image.fixedBatch ?? 1 },
  });
  const whole = extractSubgraph(found.graph, [found.logits]);
  const isNeeded = whole.nodes.some(({ outputs: [name] }) => name === opened.mixing?.outputs[0]);
  // What was met first may belong to another output.
  const mixing =
    opened.mixing === undefined || isNeeded
      ? opened.mixing
      : openBatch(whole, { input: image.name, shape: declared }).mixing;
  const parts = { where, model, given: givenIn(options), opsets: canonical.opsets, image, isSizeAssumed, mixing };
  const steps = { input: image.name, logits: found.logits, inputShapes };
  const blocked = blockedAt(whole, steps);
  const { classCount } = found;
  const isDoubtful = isSizeAssumed && !imagenetCounts.includes(classCount) && !isResizedFirst(whole, image.name);
  return assemble(whole, found, {
    ...parts,
    notes: [
      ...notes,
      ...(isDouble ? ["float64 numbers are computed in float32"] : []),
      ...pictured.notes,
      ...bound.notes,
      ...(sizeNote === undefined || isDoubtful ? [] : [sizeNote]),
      ...(image.isOfIntegers ? [realInputNote] : []),
      ...found.notes,
      ...stepNotes(whole, steps),
    ],
    warnings: [
      ...found.warnings,
      ...(sizeNote === undefined || !isDoubtful ? [] : [{ code: "input-size-assumed", message: sizeNote }]),
      ...(blocked === undefined ? [] : [blockedWarning(blocked)]),
      ...mixingWarnings(mixing, image.fixedBatch),
    ],
  });
}

/** ImageNet's, without and with TensorFlow's class for the background: nearly all such networks are of 224 x 224. */
export const imagenetCounts: readonly number[] = [1000, 1001];

/** Whether pictures are brought to another size before the first layer with weights: such a model takes any. */
function isResizedFirst({ nodes }: Graph, input: string): boolean {
  const read = new Set([input]);
  for (const node of nodes) {
    if (!read.has(node.inputs[0])) continue;
    if (node.opType === "Resize") return true;
    if (hasTrait(node, "weighted") || hasTrait(node, "describesShape")) continue;
    for (const name of node.outputs) read.add(name);
  }
  return false;
}

function givenIn({ logits, head, inputs, inputSize }: PrepareModelOptions): GivenOfModel {
  return {
    ...(logits === undefined ? {} : { logits }),
    ...(head === undefined ? {} : { head }),
    ...(inputs === undefined || Object.keys(inputs).length === 0 ? {} : { inputs }),
    ...(inputSize === undefined ? {} : { inputSize }),
  };
}

/** Whether a classifier or a prepared model is known to give no gradient at its pixels. */
export function isWithoutGradient({ warnings }: { readonly warnings: readonly ModelWarning[] }): boolean {
  return warnings.some(({ code }) => code === noGradient);
}

const noGradient = "no-gradient";

function blockedWarning(ends: string): ModelWarning {
  return {
    code: noGradient,
    message: `no gradient arrives at the pixels: it ends at ${ends}. Maps of gradients are 0 and attacks along them find nothing; methods that hide parts of the picture, such as --method occlusion, see what the model does`,
  };
}

/** What is said of a model that computes with several pictures at once and takes no fewer. */
function mixingWarnings(mixing: Node | undefined, batch = 1): ModelWarning[] {
  if (mixing === undefined || batch === 1) return [];
  const message = `${describeNode(mixing)} computes with all ${batch} pictures of a run at once, so that what the model says of a picture depends on the others beside it. Export it with a dynamic batch axis, or for one picture`;
  return [{ code: "pictures-mixed", message }];
}

/** Height and width of the picture among several inputs, where the model declares them. */
function declaredSize(
  graph: Graph,
  options: PrepareModelOptions,
): readonly [height: number, width: number] | undefined {
  const [picture, ...more] = graph.inputs.filter(({ shape }) => shape?.length === 4);
  if (graph.inputs.length < 2 || picture === undefined || more.length > 0) return undefined;
  const { height, width } = findImageInput({ ...graph, inputs: [picture] }, options).sides;
  return height === undefined || width === undefined ? options.usualSize : [height, width];
}

/** `image` at a size that the graph takes: as it is, unless its open sides only fit another one. */
function sizedInput(
  graph: Graph,
  image: ImageInput,
  options: PrepareModelOptions,
): { readonly image: ImageInput; readonly sizeNote: string | undefined; readonly isSizeAssumed: boolean } {
  const { height, width } = image.sides;
  if (height !== undefined && width !== undefined) return { image, sizeNote: undefined, isSizeAssumed: false };
  const real = image.isOfIntegers ? castByteInput(graph, image.name, options.where) : graph;
  const keep = options.logits === undefined ? [] : [options.logits];
  const fits = (rows: number, columns: number): boolean => {
    const inputShapes = { [image.name]: imageShape({ ...image, height: rows, width: columns }, image.fixedBatch ?? 1) };
    try {
      const part = supportedPart(unfoldOperators(real, { inputShapes, keep }), options);
      const { types } = inferShapes(part.graph, { inputShapes });
      // A size that a Reshape takes for several pictures is none.
      const batch = image.fixedBatch ?? 1;
      return part.outputs.some((name) => {
        const { shape = [] } = types.get(name) ?? {};
        return shape.length === 0 || shape[0] === batch;
      });
    } catch (error) {
      if (error instanceof PerceptualBallError) return false;
      throw error;
    }
  };
  // What no size could mend is said where it is met.
  if (fits(image.height, image.width) || !isSupported(real, options)) {
    const isSizeAssumed = options.usualSize === undefined;
    const taken = `${image.height}x${image.width}`;
    const note = `the file leaves height and width open, and ${taken} is taken, as usual (--input-size gives another)`;
    return { image, sizeNote: isSizeAssumed ? note : undefined, isSizeAssumed };
  }
  const solved = solveInputSize(image.sides, fits, graph.nodes.length < 200);
  if (solved === undefined) {
    throw new UnsupportedError({
      where: options.where,
      what: "height and width of the input are open, and no square size from 8 to 640 fits the layers",
      expected: "a size",
      advice: "Give it with --input-size HEIGHTxWIDTH (the option inputSize).",
    });
  }
  const [rows, columns] = solved;
  return {
    image: { ...image, height: rows, width: columns },
    isSizeAssumed: false,
    sizeNote: `the input size is open, and the layers fit ${rows}x${columns}`,
  };
}

/** Whether all operators that the classes need are known. */
function isSupported(graph: Graph, options: PrepareModelOptions): boolean {
  try {
    checkOperators(supportedPart(graph, options).graph, options.where);
    return true;
  } catch (error) {
    if (error instanceof PerceptualBallError) return false;
    throw error;
  }
}

interface Parts {
  readonly where: string;
  readonly model: Model;
  readonly given: GivenOfModel;
  readonly opsets: ReadonlyMap<string, number>;
  readonly image: ImageInput;
  readonly isSizeAssumed: boolean;
  /** A node that computes with several pictures of a run at once. */
  readonly mixing: Node | undefined;
  readonly notes: readonly string[];
  readonly warnings: readonly ModelWarning[];
}

/** The prepared model of a graph that ends in its logits. */
function assemble(
  graph: Graph,
  {
    logits,
    classCount,
    classNames,
    head,
    isMeaningAssumed,
  }: Pick<PreparedModel, "logits" | "classCount" | "classNames" | "head" | "isMeaningAssumed">,
  parts: Parts,
): PreparedModel {
  const { where, model, given, opsets, image, isSizeAssumed, mixing, notes, warnings } = parts;
  const takes = new Map<number, boolean>();
  const canTake = (batch: number): boolean => {
    const known = takes.get(batch);
    if (known !== undefined) return known;
    let result = true;
    try {
      typedFor(batch);
    } catch (error) {
      if (!(error instanceof UnsupportedError)) throw error;
      result = false;
    }
    takes.set(batch, result);
    return result;
  };
  // Alone, a picture gets what the model says of it, whatever other pictures would have done.
  const fixedBatch = image.fixedBatch ?? (mixing === undefined ? undefined : 1);
  const isFree = (batch: number): boolean => mixing === undefined && canTake(batch);
  const isBound = fixedBatch !== undefined && !isFree(fixedBatch + 1);
  const why = mixing === undefined ? "" : `, since ${describeNode(mixing)} computes with all pictures of a run at once`;
  return {
    model,
    graph,
    opsets,
    input: image.name,
    layout: image.layout,
    channels: image.channels,
    height: image.height,
    width: image.width,
    head,
    logits,
    classCount,
    classNames,
    given,
    isSizeAssumed,
    isMeaningAssumed,
    fixedBatch,
    notes: isBound
      ? [...notes, `the model takes ${fixedBatch === 1 ? "one image" : `${fixedBatch} images`} at a time${why}`]
      : notes,
    warnings,
    batchFor: (batch) => (fixedBatch === undefined || isFree(batch) ? batch : fixedBatch),
    typed: typedFor,
    decision(index) {
      if (!decidesEachLabel(head)) {
        throw new MisuseError({
          where,
          what: "the head does not decide each label by itself",
          expected: "a multi-label head",
          got: head.kind,
        });
      }
      numberIn(`${where}: label`, index, { min: 0, max: classCount - 1, integer: true });
      const to = appendNodes(graph, "decision");
      const flat = to.op("Flatten", [logits], { axis: 1 });
      const one = to.op("Gather", [flat, to.constant(intTensor([index]))], { axis: 1 });
      const pair = appendTwoClasses(to, one);
      const decided = extractSubgraph(to.graph(), [pair]);
      const decision = { logits: pair, classCount: 2, classNames: undefined, isMeaningAssumed: false };
      return assemble(decided, { ...decision, head: { ...head, decision: index } }, parts);
    },
  };

  function typedFor(batch: number): TypedGraph {
    const refusal = (got: string, cause?: unknown): UnsupportedError =>
      new UnsupportedError(
        {
          where,
          what: `the model cannot take ${batch} image${batch === 1 ? "" : "s"} at a time`,
          expected: `logits for a batch of ${batch}`,
          got,
          advice: "Export it with a dynamic batch axis.",
        },
        { cause },
      );
    let typed: TypedGraph;
    try {
      typed = inferShapes(graph, { inputShapes: { [image.name]: imageShape(image, batch) } });
    } catch (error) {
      // Shapes that are written into the graph for another batch do not fit together.
      if (error instanceof PerceptualBallError) throw refusal(error.message.replace(/\.$/, ""), error);
      throw error;
    }
    const shape = typed.types.get(logits)?.shape ?? [];
    if (shape[0] === batch) return typed;
    throw refusal(`shape [${shape.join(", ")}]`);
  }
}

/**
 * The part of `graph` that computes the scores if they are named, or else what its outputs are made of: those of which all operators are
 * known, without what puts results into words. Throws an UnsupportedError that names the operators in the way if there is none.
 */
function supportedPart(
  graph: Graph,
  { where, logits }: PrepareModelOptions,
): { readonly graph: Graph; readonly outputs: readonly string[] } {
  if (logits !== undefined) {
    const known = [...graph.nodes.flatMap(({ outputs }) => outputs), ...graph.inputs.map(({ name }) => name)];
    if (!known.includes(logits)) {
      const hint = nearest(logits, known);
      const outputs = graph.outputs.map(({ name }) => name).join(", ");
      throw new MisuseError({
        where,
        what: `the model has no value ${JSON.stringify(logits)} to take the logits from`,
        expected: `an output (${outputs}) or an inner value`,
        advice: hint === undefined ? undefined : `Did you mean ${JSON.stringify(hint)}?`,
      });
    }
    const part = extractSubgraph(graph, [logits]);
    checkOperators(part, where);
    return { graph: part, outputs: [logits] };
  }
  const names = graph.outputs.map(({ name }) => name);
  const outputs = decodedOutputs(graph);
  if (outputs.length === 0) checkOperators(graph, where);
  const isWhole = outputs.length === names.length && outputs.every((name) => names.includes(name));
  return { graph: isWhole ? graph : extractSubgraph(graph, outputs), outputs };
}
