import * as ort from "onnxruntime-node";
import { afterAll, expect, test } from "vitest";
import { PerceptualBallError } from "../src/errors.ts";
import * as main from "../src/index.ts";
import * as node from "../src/node/index.ts";
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
  ["an object", [{}]],
  ["null", [null, null]],
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

/** Functions that read what a path names. Those that write are not called with nonsense. */
const readers = {
  ...{ decodeImage: node.decodeImage, findPictures: node.findPictures },
  ...{ loadClassifier: node.loadClassifier, loadDataset: node.loadDataset, loadModelFile: node.loadModelFile },
  ...{
    readImage: node.readImage,
    readImageFile: node.readImageFile,
    readNpy: node.readNpy,
    readRegion: node.readRegion,
  },
};

/** What is called while a method or an attack is being written: the compiler says what is wrong there. */
const isForAuthors = (name: string): boolean => /^(define\w+|\w+Option|withPresets|derived)$/.test(name);
const calls = [...functionsOf(main), ...functionsOf(readers)].filter(([name]) => !isForAuthors(name));

test.each(calls)("%s refuses nonsense in the house's words", async (_, call) => {
  const wrong: string[] = [];
  for (const [what, values] of nonsense) {
    const error = await errorOf(() => call(...values));
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
    for (const wrong of [[], ["dog.png"], [{}], [[{}]], [null]]) {
      expect(await errorOf(() => call(classifier, ...wrong))).toBeInstanceOf(main.MisuseError);
    }
    await spent.dispose();
    const image = { dtype: "float32", shape: [3, 24, 24], data: new Float32Array(3 * 24 * 24).fill(0.5) };
    expect(await errorOf(() => call(spent, image))).toBeInstanceOf(main.MisuseError);
  },
);

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
