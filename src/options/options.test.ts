import { describe, expect, expectTypeOf, test } from "vitest";
import { MisuseError } from "../errors.ts";
import { totalCost } from "./cost.ts";
import { describeOption, optionHelp, optionTable } from "./describe.ts";
import { optionsJsonSchema } from "./json-schema.ts";
import {
  countOption,
  derived,
  flagOption,
  layerOption,
  layersOption,
  numberOption,
  numbersOption,
  valueOption,
  wordOption,
} from "./option.ts";
import { parseNumber, parseOption, parseOptions } from "./parse.ts";
import { completeBoth, completeOptions, type OptionsOf, presetNames, type ValuesOf, withPresets } from "./schema.ts";

const schema = withPresets(
  {
    doc: "Whose numbers.",
    fallback: "paper",
    presets: { quick: { steps: 5, kind: "b" }, paper: {}, odd: { kind: "b" } },
  },
  {
    steps: countOption("Steps.", { fallback: 20 }),
    epsilon: numberOption("The radius.", { above: 0, max: 1, fallback: 8 / 255 }),
    size: numberOption("The length of a step.", { above: 0, fallback: derived("a quarter of epsilon") }),
    kind: wordOption("How.", ["a", "b"], { fallback: "a" }),
    start: flagOption("Whether to start at random.", { fallback: true }),
    layer: layerOption("Where."),
    layers: layersOption("What is compared.", { fallback: derived("chosen automatically") }),
    areas: numbersOption("Shares of the image.", { above: 0, below: 1, fallback: [0.1, 0.5] }),
    signal: valueOption("Aborts.", {
      is: (value): value is AbortSignal => value instanceof AbortSignal,
      expected: "an AbortSignal",
    }),
  },
);

const messageOf = (call: () => unknown): string => {
  try {
    call();
  } catch (error) {
    expect(error).toBeInstanceOf(MisuseError);
    return error instanceof Error ? error.message : "";
  }
  return "nothing thrown";
};

describe("completeOptions", () => {
  test("nothing given: the fallbacks, undefined where they depend on something", () => {
    expect(completeOptions("x", schema)).toEqual({
      ...{ preset: "paper", steps: 20, epsilon: 8 / 255, size: undefined, kind: "a", start: true, layer: null },
      ...{ layers: undefined, areas: [0.1, 0.5], signal: undefined },
    });
  });

  test("given before preset before instead before fallback; undefined is not given", () => {
    const given = { preset: "quick", kind: "a", size: undefined, layer: 3 };
    expect(completeOptions("x", schema, given, { steps: 7, size: 0.5, epsilon: 0.1 })).toMatchObject({
      ...{ preset: "quick", steps: 5, kind: "a", size: 0.5, epsilon: 0.1, layer: 3 },
    });
  });

  test.each([
    [{ step: 1 }, 'x: unknown option "step", expected some of preset, steps, epsilon, size,.* Did you mean "steps"\\?'],
    [
      { preset: "quik" },
      'x: preset: unknown value, expected one of quick, paper, odd, got "quik"\\. Did you mean "quick"\\?',
    ],
    [{ steps: 0 }, "x: steps: value out of range, expected an integer of at least 1, got 0"],
    [{ steps: 1.5 }, "x: steps: .*got 1.5"],
    [{ steps: "5" }, 'x: steps: value out of range, expected an integer of at least 1, got "5"\\.'],
    [{ epsilon: 0 }, "x: epsilon: value out of range, expected a number above 0 and of at most 1, got 0"],
    [{ epsilon: 1.0001 }, "x: epsilon: .*got 1.0001"],
    [{ epsilon: Number.NaN }, "x: epsilon: .*got NaN"],
    [{ kind: "c" }, 'x: kind: unknown value, expected one of a, b, got "c"'],
    [{ start: 1 }, "x: start: not a flag, expected true or false, got 1"],
    [{ layer: 1.5 }, "x: layer: not a layer, .*null for the automatic choice, got 1.5"],
    [{ layers: [null] }, "x: layers: not a layer, .*got null"],
    [{ areas: [] }, "x: areas: the list is empty"],
    [{ layers: null }, "x: layers: the list is empty"],
    [{ areas: [0.1, 1] }, "x: areas: value out of range, expected a number above 0 and below 1, got 1"],
    [{ areas: null }, "x: areas: the list is empty"],
    [{ signal: null }, "x: signal: wrong type, expected an AbortSignal, got null"],
    [[1], "x: the options are no object, expected options by name, \\{ … \\}, got an array"],
  ])("%j is refused", (given, message) => {
    expect(messageOf(() => completeOptions("x", schema, given))).toMatch(new RegExp(`^${message}`));
  });

  test("what neither JSON nor text can hold is named by its kind", () => {
    const circular: object[] = [];
    circular.push(circular);
    const given = [10n, [10], circular, Object.create(null), () => 10, Symbol("ten")];
    const got = ["10n", "an array of 1", "an array of 1", "an object", "a function", "an object"];
    for (const [i, value] of given.entries()) {
      for (const name of ["steps", "kind", "start", "layer"]) {
        expect(messageOf(() => completeOptions("x", schema, { [name]: value }))).toContain(`got ${got[i]}`);
      }
    }
    expect(messageOf(() => completeOptions("x", schema, circular))).toContain("got an array of 1");
    expect(messageOf(() => completeOptions("x", schema, (() => 10) as object))).toContain("got a function");
  });

  test("one number stands for a list of one", () => {
    expect(completeOptions("x", schema, { areas: 0.2, layers: "Relu" })).toMatchObject({
      areas: [0.2],
      layers: ["Relu"],
    });
  });

  test("advice goes with a value that is refused", () => {
    const advice = (value: unknown) => (value === 8 ? "Did you mean 8/255?" : undefined);
    const epsilon = numberOption("", { max: 1, fallback: 1, advice });
    expect(messageOf(() => epsilon.check("e", 8))).toBe(
      "e: value out of range, expected a number of at most 1, got 8. Did you mean 8/255?",
    );
    expect(messageOf(() => epsilon.check("e", 9))).toBe(
      "e: value out of range, expected a number of at most 1, got 9.",
    );
  });

  test("two schemas in one object: the values of either, one check of names", () => {
    const own = { masks: countOption("Masks.", { fallback: 3 }) };
    expect(completeBoth("x", [{ steps: schema.steps }, own], { masks: 4 })).toEqual([{ steps: 20 }, { masks: 4 }]);
    expect(messageOf(() => completeBoth("x", [{ steps: schema.steps }, own], { mask: 4 }))).toMatch(
      /unknown option "mask", expected some of masks, steps\. Did you mean "masks"/,
    );
  });

  test("presets, the default first", () => {
    expect(presetNames(schema)).toEqual(["paper", "quick", "odd"]);
    expect(presetNames({ steps: schema.steps })).toEqual([]);
  });
});

describe("text", () => {
  test.each([
    ["steps", "7", 7],
    ["epsilon", " 8/255 ", 8 / 255],
    ["epsilon", "1e-3", 1e-3],
    ["kind", "b", "b"],
    ["kind", '"b"', "b"],
    ["start", "false", false],
    ["layer", "3", 3],
    ["layer", "null", null],
    ["layer", "Relu[-1]", "Relu[-1]"],
    ["layers", "Relu[4:10],3, conv1", ["Relu[4:10]", 3, "conv1"]],
    ["layers", '["Relu[0]", 5]', ["Relu[0]", 5]],
    ["layers", "[]", []],
    ["areas", "0.1,1/2", [0.1, 0.5]],
    ["areas", "[0.25]", [0.25]],
  ] as const)("%s=%s", (name, text, value) => {
    expect(parseOption<unknown>("x", schema[name], text)).toEqual(value);
  });

  test.each([
    ["steps", "seven", 'x: steps: not a number, expected an integer of at least 1, such as 0.1 or 8/255, got "seven"'],
    ["steps", "", 'x: steps: not a number, .*got ""'],
    ["epsilon", "8/", "x: epsilon: not a number"],
    ["epsilon", "1/2/3", "x: epsilon: not a number"],
    ["epsilon", "8", "x: epsilon: value out of range"],
    ["start", "yes", 'x: start: not a flag, expected true or false, got "yes"'],
    ["areas", "[]", "x: areas: the list is empty"],
    ["signal", "now", 'x: unknown option "signal"'],
    ["stepps", "3", 'x: unknown option "stepps".*Did you mean "steps"\\?'],
  ])("%s=%s is refused", (name, text, message) => {
    expect(messageOf(() => parseOptions("x", schema, [[name, text]]))).toMatch(new RegExp(`^${message}`));
  });

  test("pairs become options, of a name given twice the last", () => {
    const parsed = parseOptions("x", schema, [
      ["steps", "3"],
      ["kind", "b"],
      ["steps", "4"],
    ]);
    expect(parsed).toEqual({ steps: 4, kind: "b" });
    expect(parseNumber("x", "1/4")).toBe(0.25);
  });
});

describe("words", () => {
  test("one line: meaning, values, default", () => {
    expect(describeOption(schema.epsilon)).toBe("The radius. A number above 0 and of at most 1; default 8/255.");
    expect(describeOption(schema.size)).toBe("The length of a step. A number above 0; default a quarter of epsilon.");
    expect(describeOption(schema.areas)).toBe(
      "Shares of the image. A list, each a number above 0 and below 1; default 0.1, 0.5.",
    );
    expect(describeOption(numberOption("c.", { fallback: 1e-4 / 255 ** 2 }))).toBe("c. A number; default 1.54e-9.");
    expect(describeOption(schema.preset)).toBe("Whose numbers. One of quick, paper, odd; default paper.");
  });

  test("help and tables leave out what text cannot hold", () => {
    const some = { steps: schema.steps, kind: schema.kind, signal: schema.signal };
    expect(optionHelp(some)).toBe(
      "  steps  Steps. An integer of at least 1; default 20.\n  kind   How. One of a, b; default a.",
    );
    expect(optionTable(some)).toBe(
      [
        "| setting | meaning | values | default |",
        "|---|---|---|---|",
        "| `steps` | Steps. | an integer of at least 1 | 20 |",
        "| `kind` | How. | one of a, b | a |",
      ].join("\n"),
    );
  });

  test("the JSON schema says what JSON can hold", () => {
    const { preset: _, layers: __, ...some } = schema;
    expect(optionsJsonSchema(some)).toEqual({
      type: "object",
      additionalProperties: false,
      properties: {
        steps: { description: "Steps.", type: "integer", minimum: 1, default: 20 },
        epsilon: { description: "The radius.", type: "number", exclusiveMinimum: 0, maximum: 1, default: 8 / 255 },
        size: {
          description: "The length of a step. Default: a quarter of epsilon.",
          type: ["number", "null"],
          exclusiveMinimum: 0,
        },
        kind: { description: "How.", type: "string", enum: ["a", "b"], default: "a" },
        start: { description: "Whether to start at random.", type: "boolean", default: true },
        layer: { description: "Where.", type: ["string", "integer", "null"], default: null },
        areas: {
          description: "Shares of the image.",
          type: "array",
          items: { type: "number", exclusiveMinimum: 0, exclusiveMaximum: 1 },
          minItems: 1,
          default: [0.1, 0.5],
        },
      },
    });
    expect(optionsJsonSchema(some, { open: true }).additionalProperties).toBe(true);
  });
});

test("costs add up", () => {
  expect(totalCost({ forward: 1, gradient: 2 }, { forward: 10, gradient: 20 })).toEqual({ forward: 11, gradient: 22 });
  expect(totalCost()).toEqual({ forward: 0, gradient: 0 });
});

test("types follow from the schema", () => {
  expectTypeOf<ValuesOf<typeof schema>>().toEqualTypeOf<{
    readonly preset: "quick" | "paper" | "odd";
    readonly steps: number;
    readonly epsilon: number;
    readonly size: number | undefined;
    readonly kind: "a" | "b";
    readonly start: boolean;
    readonly layer: string | number | null;
    readonly layers: readonly (string | number)[] | undefined;
    readonly areas: readonly number[];
    readonly signal: AbortSignal | undefined;
  }>();
  const options: OptionsOf<typeof schema> = { steps: 3, kind: "b" };
  expect(options).toBeDefined();
  // @ts-expect-error: no such option
  const unknown: OptionsOf<typeof schema> = { stepps: 3 };
  // @ts-expect-error: no such word
  const word: OptionsOf<typeof schema> = { kind: "c" };
  // @ts-expect-error: a number is wanted
  const text: OptionsOf<typeof schema> = { steps: "3" };
  // @ts-expect-error: readonly
  const assign = (values: ValuesOf<typeof schema>) => (values.steps = 3);
  expect([unknown, word, text, assign]).toBeDefined();
  // @ts-expect-error: a fallback that is none of the words
  wordOption("", ["a", "b"], { fallback: "c" });
  // @ts-expect-error: a preset of an option that does not exist
  withPresets({ doc: "", fallback: "p", presets: { p: { stepps: 1 } } }, { steps: countOption("", { fallback: 1 }) });
  // @ts-expect-error: a preset's value of the wrong type
  withPresets({ doc: "", fallback: "p", presets: { p: { steps: "1" } } }, { steps: countOption("", { fallback: 1 }) });
  // @ts-expect-error: a fallback that is no preset
  withPresets({ doc: "", fallback: "q", presets: { p: { steps: 1 } } }, { steps: countOption("", { fallback: 1 }) });
});
