import * as ort from "onnxruntime-node";
import { afterAll, expect, test } from "vitest";
import { PerceptualBallError } from "../src/errors.ts";
import * as experiments from "../src/exports/experiments.ts";
import * as onnx from "../src/exports/onnx.ts";
import * as optimize from "../src/exports/optimize.ts";
import * as report from "../src/exports/report.ts";
import * as main from "../src/index.ts";
import * as node from "../src/node/index.ts";
import * as testing from "../src/testing/index.ts";
import * as web from "../src/web/index.ts";
import { tinyClassifier } from "./tiny-classifier.ts";

/** What is said of a call that cannot be meant: the house's error, or nothing. Anything else is a defect. */
async function errorOf(call: () => unknown): Promise<unknown> {
  try {
    await call();
    return undefined;
  } catch (error) {
    return error;
  }
}

/** What callers without types give. */
const nonsense: readonly (readonly [name: string, values: readonly unknown[]])[] = [
  ["nothing", []],
  ["a string", ["dog.png"]],
  ["null", [null]],
  ["a number", [42]],
  ["an object", [{}]],
  ["two nulls", [null, null]],
  ["two strings", ["model.onnx", "dog.png"]],
  ["two objects", [{}, {}]],
];

type AnyFunction = (...values: unknown[]) => unknown;
const isFunction = (value: unknown): value is AnyFunction => typeof value === "function";

/** Errors are made with complaints, and have no arguments to be checked. */
const isError = (value: unknown): boolean => typeof value === "function" && value.prototype instanceof Error;

/** The functions of a module, and those of the values in it that people call. */
function functionsOf(module: Readonly<Record<string, unknown>>): [name: string, call: AnyFunction][] {
  return Object.entries(module).flatMap(([name, value]): [string, AnyFunction][] => {
    if (isFunction(value)) return isError(value) ? [] : [[name, value]];
    if (typeof value !== "object" || value === null || Array.isArray(value)) return [];
    return ["explain", "attack", "check", "costOf"].flatMap((key): [string, AnyFunction][] => {
      const inner = Object.entries(value).find(([own]) => own === key)?.[1];
      return isFunction(inner) ? [[`${name}.${key}`, inner]] : [];
    });
  });
}

/** What writes, opens for writing or starts something is not called with nonsense. */
const isWriting = (name: string): boolean => /^(write|createFileSource|open|merge)/.test(name);

/** Every exported function of every subpath, once. */
const rooms = { main, onnx, experiments, report, optimize, node, web, testing };
const known = new Set<unknown>();
const calls = Object.entries(rooms).flatMap(([room, module]) =>
  functionsOf(module).flatMap(([name, call]) => {
    if (known.has(call) || (room === "node" && isWriting(name))) return [];
    known.add(call);
    return [[`${room} ${name}`, call] as const];
  }),
);

/** What comes of a call: a class is made an instance, a solver is asked for its first point. */
async function made(call: AnyFunction, values: readonly unknown[]): Promise<unknown> {
  if (/^class\b/.test(Function.prototype.toString.call(call))) return Reflect.construct(call, values);
  const result = await call(...values);
  const next = typeof result === "object" && result !== null ? Reflect.get(result, "next") : undefined;
  return isFunction(next) ? await Reflect.apply(next, result, []) : result;
}

test("the rooms have functions", () => expect(calls.length).toBeGreaterThan(250));

test.each(calls)("%s refuses nonsense in the house's words", async (_, call) => {
  const wrong: string[] = [];
  for (const [what, values] of nonsense) {
    const error = await errorOf(() => made(call, values));
    if (error !== undefined && !(error instanceof PerceptualBallError)) wrong.push(`${what}: ${String(error)}`);
  }
  expect(wrong).toEqual([]);
});

const classifier = main.createClassifier(tinyClassifier(), { runtime: ort });
const spent = main.createClassifier(tinyClassifier(), { runtime: ort });
afterAll(() => classifier.dispose());

test.each(functionsOf(main).filter(([name]) => /\.(explain|attack)$/.test(name)))(
  "%s of a classifier refuses what is no image, and a classifier that was disposed of",
  async (_, call) => {
    const image = { dtype: "float32", shape: [3, 24, 24], data: new Float32Array(3 * 24 * 24).fill(0.5) };
    // A method that this network has not what it needs for may say that first.
    const refusal = isFit(await errorOf(() => call(classifier, image))) ? main.MisuseError : PerceptualBallError;
    for (const wrong of [[], ["dog.png"], [{}], [[{}]], [null]]) {
      expect(await errorOf(() => call(classifier, ...wrong))).toBeInstanceOf(refusal);
    }
    await spent.dispose();
    expect(await errorOf(() => call(spent, image))).toBeInstanceOf(refusal);
  },
);

const isFit = (error: unknown): boolean => !(error instanceof main.UnsupportedError);

test("a classifier's own functions refuse nonsense; loadClassifier without a runtime says what is missing", async () => {
  const own: Readonly<Record<string, unknown>> = {
    ...{ classify: classifier.classify, findLabel: classifier.findLabel, fit: classifier.fit },
  };
  for (const [name, call] of functionsOf(own)) {
    for (const [, values] of nonsense) {
      const error = await errorOf(() => call.apply(classifier, [...values]));
      expect(error === undefined || error instanceof PerceptualBallError, `${name}: ${String(error)}`).toBe(true);
    }
  }
  const [load] = functionsOf({ loadClassifier: node.loadClassifier });
  const error = await errorOf(() => load?.[1](node.bundledClassifierPath));
  expect(error).toBeInstanceOf(main.MisuseError);
  expect(String(error)).toMatch(/runtime/);
});
