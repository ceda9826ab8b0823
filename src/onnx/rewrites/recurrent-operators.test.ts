import { describe, expect, test } from "vitest";
import { expectGradient, expectUnfolded, unfoldedGraph } from "../../../test/expect-unfolded.ts";
import { wave } from "../../../test/run-model.ts";
import { BadInputError, UnsupportedError } from "../../errors.ts";
import { type Tensor, tensorOf } from "../../tensor/tensor.ts";
import { evaluate } from "../evaluate.ts";
import type { Model } from "../model.ts";
import { numeric } from "../numeric-tensor.ts";
import { parseModel } from "../text/parse.ts";

const [steps, batch, width, hidden] = [5, 2, 3, 4];

interface Form {
  readonly attributes?: string;
  readonly directions?: number;
  readonly opset?: number;
  /** Which of the inputs are given, in the operator's order behind X, W and R. */
  readonly given?: readonly ("b" | "lengths" | "h" | "c" | "p")[];
}

/** A recurrent network of one node, and what it is fed with. */
function network(operator: "LSTM" | "GRU" | "RNN", form: Form): { model: Model; feeds: Record<string, Tensor> } {
  const { attributes = "", directions = 1, opset = 14, given = [] } = form;
  const gates = { LSTM: 4, GRU: 3, RNN: 1 }[operator];
  const all: Record<string, Tensor> = {
    x: wave([steps, batch, width], 0.2),
    w: scaled(wave([directions, gates * hidden, width], 0.5), 0.4),
    r: scaled(wave([directions, gates * hidden, hidden], 0.9), 0.4),
    b: scaled(wave([directions, 2 * gates * hidden], 1.4), 0.4),
    lengths: tensorOf("int32", [5, 3], [batch]),
    h: scaled(wave([directions, batch, hidden], 2), 0.4),
    c: wave([directions, batch, hidden], 2.5),
    p: scaled(wave([directions, 3 * hidden], 3), 0.4),
  };
  const order = ["x", "w", "r", "b", "lengths", "h", "c", "p"].slice(0, operator === "LSTM" ? 8 : 6);
  const fed = (name: string): boolean => ["x", "w", "r"].includes(name) || (given as readonly string[]).includes(name);
  const feeds = Object.fromEntries(Object.entries(all).filter(([name]) => fed(name)));
  const signature = Object.entries(feeds).map(
    ([name, { dtype, shape }]) => `${dtype === "int32" ? "int32" : "float"}[${shape}] ${name}`,
  );
  const inputs = order.map((name) => (fed(name) ? name : '""'));
  while (inputs.at(-1) === '""') inputs.pop();
  const outputs = operator === "LSTM" ? "y, yh, yc" : "y, yh";
  const declared = outputs
    .split(", ")
    .map((name) => `float[${name === "y" ? "S,D,N,H" : "D,N,H"}] ${name}`)
    .join(", ");
  const list = [`hidden_size = ${hidden}`, attributes].filter(Boolean).join(", ");
  const model = parseModel(
    `<ir_version: 8, opset_import: ["": ${opset}]> g (${signature}) => (${declared}) { ${outputs} = ${operator} <${list}> (${inputs}) }`,
  );
  return { model, feeds };
}

function scaled(tensor: Tensor, factor: number): Tensor {
  return tensorOf(
    "float32",
    Array.from(tensor.data as Float32Array, (value) => factor * value),
    tensor.shape,
  );
}

const both = { attributes: 'direction = "bidirectional"', directions: 2 };

describe("values agree with onnxruntime, and gradients with central differences", () => {
  test.each([
    ["LSTM", {}],
    ["LSTM", { given: ["b"] }],
    ["LSTM", { given: ["b", "h", "c", "p"] }],
    ["LSTM", { attributes: 'direction = "reverse"', given: ["b"] }],
    ["LSTM", { ...both, given: ["b", "h", "c"] }],
    ["LSTM", { given: ["b", "lengths", "h", "c"] }],
    ["LSTM", { ...both, given: ["lengths"] }],
    ["LSTM", { attributes: "input_forget = 1", given: ["b", "h", "c"] }],
    ["LSTM", { opset: 7, given: ["b"] }],
    [
      "LSTM",
      {
        attributes:
          'activations = ["HardSigmoid", "ScaledTanh", "Softsign"], activation_alpha = [0.3, 0.8], activation_beta = [0.4, 0.7]',
        given: ["b"],
      },
    ],
    ["GRU", {}],
    ["GRU", { given: ["b", "h"] }],
    ["GRU", { attributes: "linear_before_reset = 1", given: ["b"] }],
    ["GRU", { attributes: "linear_before_reset = 1" }],
    ["GRU", { attributes: "linear_before_reset = 1", given: ["b", "h"] }],
    ["GRU", { attributes: 'direction = "reverse"', given: ["b"] }],
    ["GRU", { ...both, given: ["b", "lengths", "h"] }],
    ["GRU", { opset: 7 }],
    ["RNN", {}],
    ["RNN", { given: ["b", "h"] }],
    ["RNN", { attributes: 'direction = "reverse"', given: ["b", "lengths"] }],
    ["RNN", { ...both, given: ["b", "h"] }],
    [
      "RNN",
      { attributes: 'activations = ["Affine"], activation_alpha = [0.5], activation_beta = [0.1]', given: ["b"] },
    ],
    ["RNN", { opset: 7, attributes: 'activations = ["Elu"], activation_alpha = [0.5]' }],
  ] as const satisfies readonly (readonly ["LSTM" | "GRU" | "RNN", Form])[])("%s %o", async (operator, form) => {
    const { model, feeds } = network(operator, form);
    const graph = await expectUnfolded(model, feeds);
    expect(graph.nodes.some(({ opType }) => opType === operator)).toBe(false);
    expectGradient(graph, feeds, "x");
  });
});

test("batchwise layout: that of sequences first, with the axes exchanged", () => {
  for (const operator of ["LSTM", "GRU", "RNN"] as const) {
    const { model, feeds } = network(operator, { ...both, given: ["b", "h"] });
    const exchanged = (name: string): Tensor => {
      const { shape, data } = feeds[name];
      const [a, b, c] = shape;
      const values = Array.from({ length: a * b * c }, (_, i) => {
        const [first, second, third] = [Math.floor(i / (a * c)), Math.floor(i / c) % a, i % c];
        return Number((data as Float32Array)[(second * b + first) * c + third]);
      });
      return tensorOf("float32", values, [b, a, c]);
    };
    const batchwise: Record<string, Tensor> = { ...feeds, x: exchanged("x"), h: exchanged("h") };
    const [node] = model.graph.nodes;
    const layout = {
      ...model,
      graph: {
        ...model.graph,
        inputs: model.graph.inputs.map((info) => ({ ...info, shape: batchwise[info.name].shape })),
        nodes: [{ ...node, attributes: { ...node.attributes, layout: { kind: "int" as const, value: 1 } } }],
      },
    };
    const real = (tensors: Record<string, Tensor>) =>
      Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, numeric(tensor)]));
    const usual = evaluate(unfoldedGraph(model, feeds), real(feeds));
    const found = evaluate(unfoldedGraph(layout, batchwise), real(batchwise));
    expect(found.y.shape).toEqual([batch, steps, 2, hidden]);
    expect(found.yh.shape).toEqual([batch, 2, hidden]);
    found.y.data.forEach((value, i) => {
      const [n, t, rest] = [
        Math.floor(i / (steps * 2 * hidden)),
        Math.floor(i / (2 * hidden)) % steps,
        i % (2 * hidden),
      ];
      const [d, unit] = [Math.floor(rest / hidden), rest % hidden];
      expect(value).toBeCloseTo(usual.y.data[((t * 2 + d) * batch + n) * hidden + unit], 12);
    });
  }
});

describe("what cannot be written out is refused in words", () => {
  test.each([
    ["clip", { attributes: "clip = 3.0" }, UnsupportedError, /gates that are clipped are not supported/],
    [
      "an unknown activation",
      { attributes: 'activations = ["Swish", "Tanh", "Tanh"]' },
      UnsupportedError,
      /unknown activation.*"Swish"/,
    ],
    ["too few activations", { attributes: 'activations = ["Tanh"]' }, BadInputError, /expected 3, got 1/],
    [
      "a direction without weights",
      { attributes: 'direction = "bidirectional"' },
      BadInputError,
      /bidirectional with 1/,
    ],
  ] as const)("%s", (_, form, type, message) => {
    const { model, feeds } = network("LSTM", form);
    const act = (): unknown => unfoldedGraph(model, feeds);
    expect(act).toThrow(type);
    expect(act).toThrow(message);
  });
});
