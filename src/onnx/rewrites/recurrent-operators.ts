/**
 * @file LSTM, GRU and RNN written out in steps, in standard operators. All sizes are static, so that the number of steps is known.
 *
 * The products with the input are one product for all steps. Where the initial state is left out, the first step does without it rather than
 * with zeros, so that the steps are as good for any batch. Equations and orders of the gates: onnx/docs/Operators.md.
 */
import { BadInputError, UnsupportedError } from "../../errors.ts";
import { type DataType, tensorOf } from "../../tensor/tensor.ts";
import { float } from "../attributes.ts";
import { numberOfDataType } from "../file/tensor-proto.ts";
import { int64Tensor } from "../int64.ts";
import { describeNode } from "../model.ts";
import type { TypedRewrite, TypedRewriteRule } from "./rewrite.ts";

type Activation = (x: string) => string;

/** What a step hands to the next one: [1, batch, hidden] each. Undefined stands for zeros. */
interface State {
  readonly h: string | undefined;
  readonly c: string | undefined;
}

/** What a step gives. */
interface Step extends State {
  readonly h: string;
}

/** One direction of a recurrent network: its weights, as products take them. */
interface Direction {
  /** [hidden, gates · hidden]. */
  readonly recurrence: string;
  /** Biases of input and recurrence, [gates · hidden]; "" without. */
  readonly inputBias: string;
  readonly recurrentBias: string;
  readonly activations: readonly Activation[];
  /** Which of the directions it is. */
  readonly index: number;
}

interface Cell {
  /** The activation functions that it has by default, by names whose case does not matter. */
  readonly functions: readonly string[];
  /** The step from `state` on; `driven` is what the input adds to all gates, [1, batch, gates · hidden], without any bias. */
  step(rewrite: TypedRewrite, direction: Direction): (driven: string, state: State) => Step;
}

const activationParameters: Readonly<Record<string, { readonly alpha?: number; readonly beta?: number }>> = {
  relu: {},
  tanh: {},
  sigmoid: {},
  affine: { alpha: 1, beta: 0 },
  leakyrelu: { alpha: 0.01 },
  thresholdedrelu: { alpha: 1 },
  scaledtanh: { alpha: 1, beta: 1 },
  hardsigmoid: { alpha: 0.2, beta: 0.5 },
  elu: { alpha: 1 },
  softsign: {},
  softplus: {},
};

/** The node's activation functions, those of one direction after those of the other. */
function activationsOf(rewrite: TypedRewrite, defaults: readonly string[], directions: number): Activation[] {
  const { attributes, op, node } = rewrite;
  const count = defaults.length * directions;
  const names = attributes.strings("activations", Array.from({ length: directions }, () => defaults).flat());
  const where = describeNode(node);
  if (names.length !== count) {
    throw new BadInputError({
      where,
      what: "wrong number of activations",
      expected: String(count),
      got: String(names.length),
    });
  }
  const given = {
    alpha: [...attributes.floats("activation_alpha", [])],
    beta: [...attributes.floats("activation_beta", [])],
  };
  const dtype = rewrite.type(0)?.dtype ?? "float32";
  const number = (value: number): string => rewrite.constant(tensorOf(dtype, [value], []));
  return names.map((name): Activation => {
    const key = name.toLowerCase();
    if (!Object.hasOwn(activationParameters, key)) {
      throw new UnsupportedError({
        where,
        what: "unknown activation",
        expected:
          "Relu, Tanh, Sigmoid, Affine, LeakyRelu, ThresholdedRelu, ScaledTanh, HardSigmoid, Elu, Softsign or Softplus",
        got: JSON.stringify(name),
      });
    }
    const usual = activationParameters[key];
    // The lists hold numbers for those functions that take one, in their order.
    const alpha = usual.alpha === undefined ? 0 : (given.alpha.shift() ?? usual.alpha);
    const beta = usual.beta === undefined ? 0 : (given.beta.shift() ?? usual.beta);
    const functions: Readonly<Record<string, Activation>> = {
      relu: (x) => op("Relu", [x]),
      tanh: (x) => op("Tanh", [x]),
      sigmoid: (x) => op("Sigmoid", [x]),
      affine: (x) => op("Add", [op("Mul", [x, number(alpha)]), number(beta)]),
      leakyrelu: (x) => op("LeakyRelu", [x], { alpha: float(alpha) }),
      thresholdedrelu: (x) => op("ThresholdedRelu", [x], { alpha: float(alpha) }),
      scaledtanh: (x) => op("Mul", [op("Tanh", [op("Mul", [x, number(beta)])]), number(alpha)]),
      hardsigmoid: (x) => op("HardSigmoid", [x], { alpha: float(alpha), beta: float(beta) }),
      elu: (x) => op("Elu", [x], { alpha: float(alpha) }),
      softsign: (x) => op("Softsign", [x]),
      softplus: (x) => op("Softplus", [x]),
    };
    return functions[key];
  });
}

/** The sum of those values that are there. */
function sum({ op }: TypedRewrite, ...values: readonly string[]): string {
  return values.filter((value) => value !== "").reduce((total, value) => op("Add", [total, value]));
}

/** `value` in `count` equal parts along `axis`. */
function parts({ ops }: TypedRewrite, value: string, count: number, axis: number): readonly string[] {
  return count === 1 ? [value] : ops(count, "Split", [value], { axis, num_outputs: count });
}

/** h · R, or nothing where there is no h yet. */
function recurrent({ op }: TypedRewrite, h: string | undefined, weights: string): string {
  return h === undefined ? "" : op("MatMul", [h, weights]);
}

const lstm: Cell = {
  functions: ["sigmoid", "tanh", "tanh"],
  step(rewrite, { recurrence, inputBias, recurrentBias, activations: [f, g, finish], index }) {
    const { op, input, attributes, constant } = rewrite;
    const isCoupled = attributes.int("input_forget", 0) !== 0;
    const bias = inputBias === "" ? "" : op("Add", [inputBias, recurrentBias]);
    const peepholes = input(7) === "" ? undefined : parts(rewrite, slice(rewrite, input(7), index), 3, 0);
    const one = isCoupled ? constant(tensorOf(rewrite.type(0)?.dtype ?? "float32", [1], [])) : "";
    const peep = (gate: string, which: number, c: string | undefined): string =>
      peepholes === undefined || c === undefined ? gate : op("Add", [gate, op("Mul", [peepholes[which], c])]);
    return (driven, { h, c }) => {
      const gates = sum(rewrite, driven, recurrent(rewrite, h, recurrence), bias);
      const [i, o, forget, cell] = parts(rewrite, gates, 4, 2);
      const inputGate = f(peep(i, 0, c));
      const candidate = op("Mul", [inputGate, g(cell)]);
      const forgetGate = (): string => (isCoupled ? op("Sub", [one, inputGate]) : f(peep(forget, 2, c)));
      const next = c === undefined ? candidate : op("Add", [op("Mul", [forgetGate(), c]), candidate]);
      return { h: op("Mul", [f(peep(o, 1, next)), finish(next)]), c: next };
    };
  },
};

const gru: Cell = {
  functions: ["sigmoid", "tanh"],
  step(rewrite, { recurrence, inputBias, recurrentBias, activations: [f, g] }) {
    const { op, attributes, constant } = rewrite;
    const isResetAfter = attributes.int("linear_before_reset", 0) !== 0;
    const [wz, wr, wh] = inputBias === "" ? ["", "", ""] : parts(rewrite, inputBias, 3, 0);
    const [rz, rr, rh] = recurrentBias === "" ? ["", "", ""] : parts(rewrite, recurrentBias, 3, 0);
    const [toUpdate, toReset, toState] = parts(rewrite, recurrence, 3, 1);
    const one = constant(tensorOf(rewrite.type(0)?.dtype ?? "float32", [1], []));
    return (driven, { h }) => {
      const [z, r, state] = parts(rewrite, driven, 3, 2);
      const update = f(sum(rewrite, z, recurrent(rewrite, h, toUpdate), wz, rz));
      const reset = (): string => f(sum(rewrite, r, recurrent(rewrite, h, toReset), wr, rr));
      const fromState = (): string => {
        if (!isResetAfter) {
          const kept = h === undefined ? undefined : op("Mul", [reset(), h]);
          return sum(rewrite, state, recurrent(rewrite, kept, toState), wh, rh);
        }
        const product = recurrent(rewrite, h, toState);
        if (product === "" && rh === "") return sum(rewrite, state, wh);
        return sum(rewrite, state, op("Mul", [reset(), sum(rewrite, product, rh)]), wh);
      };
      const fresh = op("Mul", [op("Sub", [one, update]), g(fromState())]);
      return { h: h === undefined ? fresh : op("Add", [fresh, op("Mul", [update, h])]), c: undefined };
    };
  },
};

const rnn: Cell = {
  functions: ["tanh"],
  step(rewrite, { recurrence, inputBias, recurrentBias, activations: [f] }) {
    return (driven, { h }) => ({
      h: f(sum(rewrite, driven, recurrent(rewrite, h, recurrence), inputBias, recurrentBias)),
      c: undefined,
    });
  },
};

/** Slice `index` of the first axis, without that axis. */
function slice({ op, constant }: TypedRewrite, value: string, index: number): string {
  return op("Gather", [value, constant(int64Tensor([index], []))], { axis: 0 });
}

/** Slice `index` of the first axis of an initial state, with that axis; of the second one in a batchwise `layout`. Undefined where there is none. */
function initial(
  { op, constant, input }: TypedRewrite,
  position: number,
  index: number,
  layout: number,
): string | undefined {
  if (input(position) === "") return undefined;
  const whole = layout === 0 ? input(position) : op("Transpose", [input(position)], { perm: [1, 0, 2] });
  return op("Gather", [whole, constant(int64Tensor([index]))], { axis: 0 });
}

const unfolded =
  (cell: Cell): TypedRewriteRule =>
  (rewrite) => {
    const { node, attributes, input, op, into, constant, type } = rewrite;
    const where = describeNode(node);
    const [x, w] = [type(0), type(1)];
    if (x?.shape.length !== 3 || w?.shape.length !== 3 || input(2) === "") {
      throw new BadInputError({ where, what: "the inputs do not fit", expected: "X, W and R of 3 axes each" });
    }
    if (attributes.float("clip", 0) > 0) {
      throw new UnsupportedError({
        where,
        what: "gates that are clipped are not supported",
        expected: "no attribute clip",
        advice: "Export the model without it.",
      });
    }
    const layout = attributes.int("layout", 0);
    const direction = attributes.string("direction", "forward");
    const directions = { forward: [false], reverse: [true], bidirectional: [false, true] }[direction];
    if (directions === undefined || directions.length !== w.shape[0]) {
      const expected = "forward or reverse with weights for one, or bidirectional with weights for two";
      throw new BadInputError({
        where,
        what: "the direction does not fit",
        expected,
        got: `${direction} with ${w.shape[0]}`,
      });
    }
    const steps = x.shape[layout === 0 ? 0 : 1];
    if (steps === 0)
      throw new UnsupportedError({
        where,
        what: "a sequence without steps",
        expected: "at least one",
        advice: "Export the model for sequences of some steps.",
      });
    const sequence = layout === 0 ? input(0) : op("Transpose", [input(0)], { perm: [1, 0, 2] });
    const isWithin = withinSequence(rewrite, steps);
    const zero = constant(tensorOf(x.dtype, [0], []));
    const activations = activationsOf(rewrite, cell.functions, directions.length);
    const results = directions.map((isReverse, index) => {
      const bias = input(3) === "" ? ["", ""] : parts(rewrite, slice(rewrite, input(3), index), 2, 0);
      const weights = op("Transpose", [slice(rewrite, input(1), index)], { perm: [1, 0] });
      const step = cell.step(rewrite, {
        recurrence: op("Transpose", [slice(rewrite, input(2), index)], { perm: [1, 0] }),
        inputBias: bias[0],
        recurrentBias: bias[1],
        activations: activations.slice(index * cell.functions.length, (index + 1) * cell.functions.length),
        index,
      });
      const driven = parts(rewrite, op("MatMul", [sequence, weights]), steps, 0);
      let state: State = { h: initial(rewrite, 5, index, layout), c: initial(rewrite, 6, index, layout) };
      const outputs = new Array<string>(steps);
      for (let turn = 0; turn < steps; turn++) {
        const time = isReverse ? steps - 1 - turn : turn;
        const next = step(driven[time], state);
        const within = isWithin?.(time);
        const choose = (value: string, otherwise = zero): string =>
          within === undefined ? value : op("Where", [within, value, otherwise]);
        outputs[time] = choose(next.h);
        state = { h: choose(next.h, state.h), c: next.c && choose(next.c, state.c) };
      }
      return { outputs, state };
    });
    const join = (values: readonly string[], axis: number): string =>
      values.length === 1 ? values[0] : op("Concat", values, { axis });
    const [y = "", yh = "", yc = ""] = node.outputs;
    if (y !== "") {
      const axes = constant(int64Tensor([1]));
      const all = join(
        results.map(({ outputs }) => op("Unsqueeze", [join(outputs, 0), axes])),
        1,
      );
      if (layout === 0) into([y], "Identity", [all]);
      else into([y], "Transpose", [all], { perm: [2, 0, 1, 3] });
    }
    for (const [output, last] of [
      [yh, results.flatMap(({ state }) => state.h ?? [])],
      [yc, results.flatMap(({ state }) => state.c ?? [])],
    ] as const) {
      if (output === "") continue;
      if (last.length === 0) throw new BadInputError({ where, what: "too many outputs", expected: "at most 2" });
      if (layout === 0) into([output], "Identity", [join(last, 0)]);
      else into([output], "Transpose", [join(last, 0)], { perm: [1, 0, 2] });
    }
  };

/** Of a step, whether it lies within each sequence, [batch, 1]; undefined where all sequences have all steps. */
function withinSequence(rewrite: TypedRewrite, steps: number): ((time: number) => string) | undefined {
  const { input, op, constant, value } = rewrite;
  if (input(4) === "" || value(4)?.data.every((length) => length === steps)) return undefined;
  const lengths = op("Unsqueeze", [
    op("Cast", [input(4)], { to: numberOfDataType("int64" satisfies DataType) }),
    constant(int64Tensor([1])),
  ]);
  return (time) => op("Less", [constant(int64Tensor([time], [])), lengths]);
}

/** The rewrites by operator. */
export const recurrentOperators: Readonly<Record<string, () => TypedRewriteRule>> = {
  LSTM: () => unfolded(lstm),
  GRU: () => unfolded(gru),
  RNN: () => unfolded(rnn),
};
