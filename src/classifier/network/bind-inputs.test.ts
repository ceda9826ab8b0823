import { describe, expect, test } from "vitest";
import { evaluate } from "../../onnx/evaluate.ts";
import { parseModel } from "../../onnx/text/parse.ts";
import { type PrepareModelOptions, prepareModel } from "./prepare-model.ts";

type Options = Partial<PrepareModelOptions>;

/** A network of [1, 3, 8, 8] pixels and further inputs, whose body makes n of x. */
function prepare(
  inputs: string,
  body: string,
  { more = "float one = {1}", ...options }: Options & { more?: string } = {},
) {
  const text = `<ir_version: 8, opset_import: ["": 18]> g (${inputs}) => (float[1,3] y) <${more}> { ${body} a = GlobalAveragePool (n) y = Flatten (a) }`;
  return prepareModel(parseModel(text), { where: "net.onnx", ...options });
}

/** The logits of a picture that is 0.5 everywhere. */
function logitsOf({ graph, input, logits, height, width }: ReturnType<typeof prepare>): number[] {
  const shape = [1, 3, height, width];
  const data = new Float64Array(3 * height * width).fill(0.5);
  return Array.from(evaluate(graph, { [input]: { dtype: "float32", shape, data } }, [logits])[logits].data);
}

const image = "float[1,3,8,8] x";

describe("inputs beside the picture that have an evident value", () => {
  test.each<[string, string, string, number]>([
    ["a flag of training", "bool training", "c = Cast <to = 1> (training) n = Add (x, c)", 0.5],
    ["what dropout keeps", "float keep_prob", "n = Mul (x, keep_prob)", 0.5],
    ["what dropout drops", "float dropout_rate", "k = Sub (one, dropout_rate) n = Mul (x, k)", 0.5],
    [
      "the size that the model declares",
      "int64[1,2] image_size",
      "c = Cast <to = 1> (image_size) m = ReduceMean (c) n = Mul (x, m)",
      4,
    ],
    ["size and scale", "float[1,3] im_info", "m = ReduceMean (im_info) n = Mul (x, m)", (0.5 * 17) / 3],
    ["how much larger the picture is", "float[1,2] scale_factor", "m = ReduceMean (scale_factor) n = Mul (x, m)", 0.5],
    [
      "pixels that are seen",
      "int64[1,8,8] pixel_mask",
      "c = Cast <to = 1> (pixel_mask) m = ReduceMean (c) n = Mul (x, m)",
      0.5,
    ],
    [
      "patches that are hidden",
      "bool[1,16] bool_masked_pos",
      "c = Cast <to = 1> (bool_masked_pos) m = ReduceMean (c) n = Add (x, m)",
      0.5,
    ],
  ])("%s", (_, input, body, value) => {
    const prepared = prepare(`${image}, ${input}`, body);
    for (const logit of logitsOf(prepared)) expect(logit).toBeCloseTo(value, 6);
    expect(prepared.notes.join()).toMatch(/^input "\w+" is /);
  });

  test("a number for each channel is no picture", () => {
    expect(() => prepare(`${image}, float[1,3,1,1] mean`, "n = Sub (x, mean)")).toThrow(
      /Give the others values: --input mean=…/,
    );
  });

  test("others are asked for, by name", () => {
    expect(() => prepare(`${image}, float gain`, "n = Mul (x, gain)")).toThrow(
      /Give the others values: --input gain=…/,
    );
    expect(logitsOf(prepare(`${image}, float gain`, "n = Mul (x, gain)", { inputs: { gain: 3 } }))[0]).toBeCloseTo(
      1.5,
      6,
    );
  });

  test("a value that its type does not hold is refused", () => {
    const body = "c = Cast <to = 1> (k) n = Mul (x, c)";
    expect(() => prepare(`${image}, int64 k`, body, { inputs: { k: 1.5 } })).toThrow(
      "net.onnx: input k: the value does not fit, expected whole numbers (int64), got 1.5.",
    );
    expect(() => prepare(`${image}, bool k`, body, { inputs: { k: 2 } })).toThrow(
      "expected true, false, 0 or 1, got 2.",
    );
    expect(logitsOf(prepare(`${image}, bool k`, body, { inputs: { k: true } }))[0]).toBeCloseTo(0.5, 6);
  });
});

describe("texts beside the picture, of which the model leaves open how many there are", () => {
  // As of CLIP: a score for each text, made of the picture and of what its tokens stand for.
  const clip = (tokens: string, options: Options, mask = "int64[T,L] attention_mask") =>
    prepareModel(
      parseModel(`<ir_version: 8, opset_import: ["": 18]> g (int64[${tokens}] ids, float[N,3,8,8] x, ${mask}) => (float[N,T] y)
        <float[6,3] E = {1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 0, 1}, int64[1] along = {1}>
        { a = GlobalAveragePool (x) f = Flatten (a) e = Gather (E, ids) c = Cast <to = 1> (attention_mask) w = Unsqueeze (c, last)
          m = Mul (e, w) last = Constant <value_ints = [2]> () s = ReduceSum <keepdims = 0> (m, along) t = Transpose (s) y = MatMul (f, t) }`),
      { where: "clip.onnx", ...options },
    );
  test.each<[string, string, readonly number[] | readonly (readonly number[])[], number]>([
    [
      "rows",
      "T,L",
      [
        [0, 1],
        [2, 3],
        [4, 5],
      ],
      3,
    ],
    ["numbers for texts of one length", "T,2", [0, 1, 2, 3, 4, 5], 3],
    ["numbers of one text", "T,L", [0, 1, 2, 3], 2],
  ])("%s", (_, tokens, ids, count) => {
    const mask = tokens === "T,2" ? "int64[T,2] attention_mask" : undefined;
    expect(clip(tokens, { inputs: { ids } }, mask).classCount).toBe(count);
  });

  test("the pictures' own axis is not one of theirs", () => {
    expect(() => clip("N,2", { inputs: { ids: [0, 1, 2, 3] } }, "int64[N,2] attention_mask")).toThrow(
      "expected 1 or 2 numbers for [1, 2], got 4 numbers",
    );
  });

  test("rows of different lengths, and numbers that do not go on, are refused", () => {
    expect(() => clip("T,L", { inputs: { ids: [[0, 1], [2]] } })).toThrow("got rows of different lengths");
    expect(() => clip("T,2", { inputs: { ids: [0, 1, 2] } })).toThrow(
      /expected 1 or 2 numbers for \[T, 2\], or rows of them with semicolons between, got 3 numbers/,
    );
  });
});

test("a size that a Reshape takes for several pictures is not the input's", () => {
  const more = "int64[4] s = {-1, 3, 48, 48}";
  const prepared = prepare("float[N,3,H,W] x", "n = Reshape (x, s)", { more });
  expect([prepared.height, prepared.width]).toEqual([48, 48]);
});
