/**
 * @file Every exported function and method refuses options that it does not have: which ones there are is read from the types, so that a new one
 * cannot be forgotten.
 */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import * as ort from "onnxruntime-node";
import ts from "typescript";
import { afterAll, describe, expect, test } from "vitest";
import { MisuseError } from "../src/errors.ts";
import * as experiments from "../src/exports/experiments.ts";
import * as onnx from "../src/exports/onnx.ts";
import * as optimize from "../src/exports/optimize.ts";
import * as report from "../src/exports/report.ts";
import * as main from "../src/index.ts";
import * as node from "../src/node/index.ts";
import * as testing from "../src/testing/index.ts";
import * as web from "../src/web/index.ts";
import { tinyClassifier } from "./tiny-classifier.ts";

const root = resolve(import.meta.dirname, "..");
const rooms: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  ...{ "src/index.ts": main, "src/exports/onnx.ts": onnx, "src/exports/experiments.ts": experiments },
  ...{ "src/exports/report.ts": report, "src/exports/optimize.ts": optimize, "src/node/index.ts": node },
  ...{ "src/web/index.ts": web, "src/testing/index.ts": testing },
};

/** A parameter that takes options: the function's name with its room or type, and which of its parameters it is. */
interface Taken {
  readonly owner: string;
  readonly name: string;
  readonly method: string | undefined;
  readonly index: number;
  /** The names of the types of all parameters. */
  readonly types: readonly string[];
  /** The options that its type has. */
  readonly options: readonly string[];
}

const config = ts.readConfigFile(join(root, "tsconfig.json"), (path) => readFileSync(path, "utf8"));
const { options: compilerOptions } = ts.parseJsonConfigFileContent(config.config, ts.sys, root);
const program = ts.createProgram(
  Object.keys(rooms).map((file) => join(root, file)),
  compilerOptions,
);
const checker = program.getTypeChecker();

const isOurs = (symbol: ts.Symbol): boolean =>
  symbol.declarations?.every((one) => one.getSourceFile().fileName.startsWith(`${root}/src/`)) ?? false;

const nameOf = (type: ts.Type): string => (type.aliasSymbol ?? type.getSymbol())?.name ?? checker.typeToString(type);

/** Whether a parameter takes options: it is called so, its type is called …Options, or it may be left out and so may all that is in it. */
function takesOptions(parameter: ts.Symbol): boolean {
  const { valueDeclaration: declaration } = parameter;
  if (declaration === undefined || !ts.isParameter(declaration) || !isOurs(parameter)) return false;
  const type = checker.getNonNullableType(checker.getTypeOfSymbol(parameter));
  const parts = type.isIntersection() ? type.types : [type];
  const isObject = parts.every(({ flags }) => (flags & (ts.TypeFlags.Object | ts.TypeFlags.TypeParameter)) !== 0);
  if (!isObject || checker.isArrayLikeType(type) || type.getCallSignatures().length > 0) return false;
  const properties = type.getProperties();
  if (parameter.name === "options" || /Options(Of)?$/.test(nameOf(type))) return true;
  const mayBeLeftOut = declaration.questionToken !== undefined || declaration.initializer !== undefined;
  const areOptional = properties.every((one) => (one.flags & ts.SymbolFlags.Optional) !== 0 && isOurs(one));
  return mayBeLeftOut && properties.length > 0 && areOptional;
}

function takenBy(owner: string, name: string, method: string | undefined, type: ts.Type): Taken[] {
  return checker
    .getNonNullableType(type)
    .getCallSignatures()
    .slice(0, 1)
    .flatMap((signature) => {
      const parameters = signature.getParameters();
      const types = parameters.map((one) => nameOf(checker.getNonNullableType(checker.getTypeOfSymbol(one))));
      return parameters.flatMap((one, index) => {
        const options = checker
          .getNonNullableType(checker.getTypeOfSymbol(one))
          .getProperties()
          .map((each) => each.name);
        return takesOptions(one) ? [{ owner, name, method, index, types, options }] : [];
      });
    });
}

/** What the methods of `type` take, but for those of the language's own types, such as those of text. */
function takenByMethods(owner: string, name: string, type: ts.Type): Taken[] {
  return type
    .getProperties()
    .filter(isOurs)
    .flatMap((property) => takenBy(owner, name, property.name, checker.getTypeOfSymbol(property)));
}

/** What people write and the library calls: its options are the library's. */
const written = ["AttackDefinition", "DatasetImage", "DatasetSource", "Observer", "PartPass"];

const seen = new Set<ts.Symbol>();
const found = Object.keys(rooms).flatMap((file) => {
  const source = program.getSourceFile(join(root, file));
  const module = source && checker.getSymbolAtLocation(source);
  return (module === undefined ? [] : checker.getExportsOfModule(module)).flatMap((exported): Taken[] => {
    const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
    if (seen.has(symbol)) return [];
    seen.add(symbol);
    if (symbol.flags & ts.SymbolFlags.Value) {
      const type = checker.getTypeOfSymbol(symbol);
      const isCalled = type.getCallSignatures().length > 0;
      return isCalled ? takenBy(file, exported.name, undefined, type) : takenByMethods(file, exported.name, type);
    }
    const type = checker.getDeclaredTypeOfSymbol(symbol);
    const isMade = (symbol.flags & ts.SymbolFlags.Interface) !== 0 && !written.includes(exported.name);
    return isMade ? takenByMethods("type", exported.name, type) : [];
  });
});

const classifier = main.createClassifier(tinyClassifier(), { runtime: ort });
afterAll(() => classifier.dispose());
const image = { dtype: "float32", shape: [3, 24, 24], data: new Float32Array(3 * 24 * 24).fill(0.5) } as const;

const model = tinyClassifier();
const graph = model.graph;
const mask = { shape: [2, 2], data: Uint8Array.of(1, 0, 0, 1) };
const picture = { width: 2, height: 2, channels: 3, data: new Uint8Array(12) };
const rule = optimize.gradientStep(1);
const pass = await classifier.forward();

/** What stands for the arguments before the options, by their types; lists are empty. */
const standIns: Readonly<Record<string, unknown>> = {
  ...{
    Classifier: classifier,
    FloatTensor: image,
    Images: image,
    Model: model,
    Graph: graph,
    Mask: mask,
    string: "text",
    number: 3,
  },
  ...{
    ForwardPass: pass,
    UpdateRule: rule,
    Float32Array: new Float32Array(2),
    Uint8Array: new Uint8Array(2),
    ImageInput: classifier.input,
  },
  ...{
    "Picture | FloatTensor": picture,
    Picture: picture,
    Runtime: ort,
    GraphBuilder: new onnx.GraphBuilder(),
    SaliencyMethod: main.gradient,
  },
};

type AnyFunction = (...values: unknown[]) => unknown;
const isFunction = (value: unknown): value is AnyFunction => typeof value === "function";

const session = (): unknown => onnx.createSession(model, { runtime: ort });
const detector = (): unknown => experiments.findDetector("confidence").on(classifier);
const asClassifier = (): unknown => classifier;

/** Values of the exported types whose methods take options. */
const instances: Readonly<Record<string, () => unknown>> = {
  ...{
    Classifier: asClassifier,
    NetworkPasses: asClassifier,
    FileClassifier: asClassifier,
    EndpointClassifier: asClassifier,
  },
  ...{
    Explainer: () => main.createExplainer(classifier, image),
    Pass: () => pass,
    Session: session,
    PlannedDetector: detector,
  },
  ...{ Measuring: () => experiments.openMeasuring(classifier, [experiments.logitsPart(classifier)], { batch: 1 }) },
  ...{
    SaliencyMethod: () => main.gradient,
    PerturbationMethod: () => main.perceptual,
    Perturbing: () => main.perceptual.perturbing,
  },
  ...{ Attack: () => main.pgd, AnyAttack: () => main.pgd },
};

async function errorOf({ owner, name, method, index, types }: Taken): Promise<unknown> {
  const holder = owner === "type" ? await instances[name]?.() : rooms[owner]?.[name];
  const call: unknown = method === undefined ? holder : Reflect.get(Object(holder), method);
  if (!isFunction(call)) return `nothing stands for ${name}`;
  const values = types.map((type, i) =>
    i === index ? { notAnOption: 1 } : type.startsWith("ReadonlyArray") ? [] : standIns[type],
  );
  try {
    const result = await Reflect.apply(call, holder, values);
    // A solver checks when it is asked for its first point.
    const next = typeof result === "object" && result !== null ? Reflect.get(result, "next") : undefined;
    if (isFunction(next)) await Reflect.apply(next, result, []);
    return undefined;
  } catch (error) {
    return error;
  }
}

test("options are found in the types", () => expect(found.length).toBeGreaterThan(250));

describe("an option that there is not is refused, with those that there are", () => {
  test.each(
    found.map(
      (one) => [[one.owner, one.name, one.method, one.index].filter((x) => x !== undefined).join(" "), one] as const,
    ),
  )("%s", async (_, taken) => {
    const error = await errorOf(taken);
    expect(error).toBeInstanceOf(MisuseError);
    expect(String(error)).toMatch(/unknown option "notAnOption", expected some of \w+/);
  });
});
