/** @file Inputs of a model beside the picture: left out where nothing reads them, bound where their value is evident or given. */
import { MisuseError, nearest, UnsupportedError } from "../../errors.ts";
import { valuesReadBy } from "../../onnx/captures.ts";
import { type Dimension, describeValueInfo, type Graph, initializerOf, type ValueInfo } from "../../onnx/model.ts";
import { sizeOf, tensorOf } from "../../tensor/tensor.ts";

/** A value for an input: one number for all of its elements, one for each, or rows of them where the model leaves open how many there are. */
export type InputValue = number | boolean | readonly number[] | readonly (readonly number[])[];

export interface BindInputsOptions {
  /** How messages call the model, such as its path. */
  readonly where: string;
  /** Values of inputs, by name. */
  readonly inputs?: Readonly<Record<string, InputValue>>;
  /** Height and width of the pictures, where they are known: what inputs such as "image_size" mean. */
  readonly inputSize?: readonly [height: number, width: number];
}

export interface BoundGraph {
  /** With one input left, the picture. */
  readonly graph: Graph;
  /** What was bound to what, and why, one phrase each. */
  readonly notes: readonly string[];
}

/** Inputs that say whether a network is being trained. */
const training =
  /^(.*[_/:.])?(keras_)?(learning_phase|is_train(ing)?|train(ing)?|phase(_train)?|training_mode|train_mode)(:\d+)?$/i;
/** Shares of units that dropout keeps, or drops. */
const keeping = /^(.*[_/:.])?keep_prob(ability)?(:\d+)?$/i;
const dropping = /^(.*[_/:.])?(dropout|drop)(_?(rate|prob|ratio))?(:\d+)?$/i;
/** Sizes of the picture. */
const sizing = /^(.*[_/:.])?(im(age)?|img|input|orig(inal)?)_?(size|shape|sizes|hw|info|target_sizes?)(:\d+)?$/i;
/** How much larger a picture is than it was: PaddlePaddle's detectors scale their boxes back by it. */
const scaling = /^(.*[/:.])?scale_factors?(:\d+)?$/i;
/** Which pixels, or patches, belong to the picture: all of them. */
const showing = /^(.*[/:.])?((pixel|image|attention|patch)_)?(attention_)?mask(:\d+)?$/i;
/** Which patches a network in training does not see: none of them. */
const hiding = /^(.*[/:.])?(bool_masked_pos|masked_pos|mask_token_positions)(:\d+)?$/i;

/**
 * `graph` with its only input the picture: inputs that nothing reads are left out, the others become constants. Throws an
 * UnsupportedError that names those without an evident value, and a MisuseError for values that do not fit.
 */
export function bindInputs(graph: Graph, { where, inputs = {}, inputSize }: BindInputsOptions): BoundGraph {
  const names = graph.inputs.map(({ name }) => name);
  for (const name of Object.keys(inputs)) {
    if (names.includes(name)) continue;
    const hint = nearest(name, names);
    throw new MisuseError({
      where,
      what: `the model has no input ${JSON.stringify(name)}`,
      expected: `one of ${names.join(", ")}`,
      advice: hint === undefined ? undefined : `Did you mean ${JSON.stringify(hint)}?`,
    });
  }
  const others = graph.inputs.filter(({ name }) => Object.hasOwn(inputs, name));
  const open = graph.inputs.filter(({ name }) => !Object.hasOwn(inputs, name));
  if (open.length === 0 && graph.inputs.length > 0) {
    throw new MisuseError({ where, what: "every input has a value", expected: "one left for the picture" });
  }
  if (graph.inputs.length < 2) return { graph, notes: [] };
  const read = new Set(graph.nodes.flatMap((node) => [...valuesReadBy(node)]));
  const image = pictureAmong(open, read);
  const initializers = new Map(graph.initializers);
  const notes: string[] = [];
  const missing: ValueInfo[] = [];
  // What an open extent is called, it is everywhere: as many rows of the mask as texts.
  const extents = new Map<string, number>();
  const ofPictures = image?.shape?.[0];
  for (const declared of [...others, ...open]) {
    const { name } = declared;
    // One value serves all pictures of a batch.
    const resolved = (one: Dimension): Dimension =>
      typeof one === "string" && one === ofPictures ? 1 : (extents.get(String(one)) ?? one);
    const input: ValueInfo = { ...declared, shape: declared.shape?.map(resolved) };
    if (name === image?.name) continue;
    if (!read.has(name)) {
      notes.push(`input ${JSON.stringify(name)} is read by nothing`);
      continue;
    }
    const found = Object.hasOwn(inputs, name) ? { value: inputs[name], why: "as given" } : evident(input, inputSize);
    if (found === undefined) {
      missing.push(input);
      continue;
    }
    const constant = constantOf(input, found.value, where);
    initializers.set(name, constant);
    for (const [axis, one] of (input.shape ?? []).entries()) {
      if (typeof one === "string") extents.set(one, constant.shape[axis]);
    }
    notes.push(`input ${JSON.stringify(name)} is ${shown(found.value)} (${found.why})`);
  }
  if (image === undefined || missing.length > 0) {
    const inputsGiven = missing.map(({ name }) => `--input ${name}=…`).join(" ");
    throw new UnsupportedError({
      where,
      what: `the model has ${graph.inputs.length} inputs`,
      expected: "one input, a batch of images, and values for the others",
      got: graph.inputs.map(describeValueInfo).join("; "),
      advice:
        image === undefined
          ? "Only classifiers of single images are supported."
          : `Give the others values: ${inputsGiven} (the option inputs).`,
    });
  }
  return { graph: { ...graph, inputs: [image], initializers }, notes };
}

/** The only input that has the form of pictures and is not given; of several, the only one that the model says is an image. */
function pictureAmong(open: readonly ValueInfo[], read: ReadonlySet<string>): ValueInfo | undefined {
  if (open.length === 1) return open[0];
  const used = open.filter(({ name }) => read.has(name));
  // A single number for each channel, as of a mean, is no picture.
  const isPicture = ({ shape = [] }: ValueInfo): boolean =>
    shape.length === 4 && shape.slice(1).filter((extent) => extent !== 1).length > 1;
  const pictures = used.filter(isPicture);
  const denoted = pictures.filter(({ denotation }) => denotation === "IMAGE");
  const [picture, ...others] = denoted.length > 0 ? denoted : pictures;
  return others.length === 0 ? picture : undefined;
}

function evident(
  { name, dtype, shape }: ValueInfo,
  inputSize: readonly [number, number] | undefined,
): { readonly value: InputValue; readonly why: string } | undefined {
  const extents = shape ?? [];
  const isOne = extents.every((extent) => extent === 1 || typeof extent !== "number");
  if (isOne && (training.test(name) || (dtype === "bool" && /train/i.test(name)))) {
    return { value: dtype === "bool" ? false : 0, why: "the network is not trained here" };
  }
  if (isOne && keeping.test(name)) return { value: 1, why: "nothing is dropped" };
  if (isOne && dropping.test(name)) return { value: 0, why: "nothing is dropped" };
  if (sizing.test(name) && inputSize !== undefined) {
    if (extents.at(-1) === 2) return { value: inputSize, why: "the size of the picture" };
    // Height, width and the scale to the original.
    if (extents.at(-1) === 3 && /info/i.test(name)) return { value: [...inputSize, 1], why: "the size of the picture" };
  }
  if (scaling.test(name) && [1, 2, 4].includes(Number(extents.at(-1))) && dtype === "float32") {
    return { value: 1, why: "the picture is as large as it is" };
  }
  const isWhole = extents.every((extent, axis) => axis === 0 || typeof extent === "number");
  const isFlag = dtype === "bool" || dtype?.startsWith("int") === true || dtype === "float32";
  if (isWhole && isFlag && extents.length > 1 && showing.test(name)) {
    return { value: dtype === "bool" ? true : 1, why: "all of the picture is seen" };
  }
  if (isWhole && dtype === "bool" && hiding.test(name)) return { value: false, why: "nothing is hidden" };
  return undefined;
}

/** A value as messages have it, which may be of many tokens. */
function shown(value: InputValue): string {
  const rows = isRows(value) ? value.map((row) => row.join(",")).join(";") : String(value);
  return rows.length > 60 ? `${rows.slice(0, 57)}...` : rows;
}

function isRows(value: InputValue): value is readonly (readonly number[])[] {
  return Array.isArray(value) && value.length > 0 && value.every((row) => Array.isArray(row));
}

function constantOf({ name, dtype = "float32", shape = [] }: ValueInfo, value: InputValue, where: string) {
  const given = isRows(value)
    ? value.flat()
    : typeof value === "object"
      ? (value as readonly number[])
      : [Number(value)];
  const extents = extentsFor(shape, value, given.length);
  const size = sizeOf(extents);
  const misfit = isRows(value) && value.some((row) => row.length !== value[0]?.length);
  if (misfit || (given.length !== 1 && given.length !== size)) {
    const open = shape.some((extent) => typeof extent !== "number") ? ", or rows of them with semicolons between" : "";
    throw new MisuseError({
      where: `${where}: input ${name}`,
      what: "the value does not fit",
      expected: `1 or ${size} numbers for [${shape.map((extent) => extent ?? "?").join(", ")}]${open}`,
      got: misfit ? "rows of different lengths" : `${given.length} numbers`,
    });
  }
  const isReal = dtype.includes("float");
  const unfit = given.find((one) => !isReal && (dtype === "bool" ? one !== 0 && one !== 1 : !Number.isInteger(one)));
  if (unfit !== undefined) {
    throw new MisuseError({
      where: `${where}: input ${name}`,
      what: "the value does not fit",
      expected: dtype === "bool" ? "true, false, 0 or 1" : `whole numbers (${dtype})`,
      got: String(unfit),
    });
  }
  const numbers = Array.from({ length: size }, (_, i) => given[given.length === 1 ? 0 : i]);
  return initializerOf(tensorOf(dtype, numbers, extents));
}

/**
 * The extents of an input for so many numbers. Open ones are 1, since one value serves the whole batch, but where the numbers come in rows, of which there
 * are as many as the first extent, or where they are more than what is not open holds.
 */
function extentsFor(shape: readonly Dimension[], value: InputValue, count: number): readonly number[] {
  const known = (extent: Dimension): number | undefined =>
    typeof extent === "number" && extent > 0 ? extent : undefined;
  const fixed = shape.reduce<number>((product, extent) => product * (known(extent) ?? 1), 1);
  const open = shape.flatMap((extent, axis) => (known(extent) === undefined ? [axis] : []));
  const isOfRows = isRows(value) && shape.length === 2 && open.includes(0);
  const rows = isOfRows ? value.length : 1;
  const [first, ...more] = isOfRows ? open.slice(1) : open;
  const rest = count / (fixed * rows);
  return shape.map((extent, axis) => {
    const own = known(extent);
    if (own !== undefined) return own;
    if (isOfRows && axis === 0) return rows;
    // Of several open axes the last is the one along which numbers lie.
    const isAlong = count > 1 && axis === (more.at(-1) ?? first) && Number.isInteger(rest) && rest > 0;
    return isAlong ? rest : 1;
  });
}
