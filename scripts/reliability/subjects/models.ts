/** @file Hostile models: fields, attributes, shapes, weights and edges of real networks, and what is done with a model before it runs. */
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { differentiate } from "../../../src/autodiff/differentiate.ts";
import { listLayers } from "../../../src/classifier/network/layers.ts";
import { prepareModel } from "../../../src/classifier/network/prepare-model.ts";
import { readModel } from "../../../src/onnx/file/read-model.ts";
import { writeModel } from "../../../src/onnx/file/write-model.ts";
import type { Attribute, Dimension, Graph, Initializer, Model, Node } from "../../../src/onnx/model.ts";
import type { Random } from "../../../src/random/random.ts";
import { modelOf } from "../../../src/runtime/session.ts";
import { tinyClassifier } from "../../../test/tiny-classifier.ts";
import { evilTexts, extremes, integer, mutateBytes, mutateProtobuf, pick } from "../mutate.ts";
import { oneFile, onlyFile, outcomeOf, type Subject } from "../subject.ts";

/** Larger networks take so long that fewer mutations would be tried. */
const mostBytes = 150_000;
const fixtures = resolve(import.meta.dirname, "../../../conformance/fixtures");

function sources(): readonly [Uint8Array, ...Uint8Array[]] {
  const found = readdirSync(fixtures, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".onnx"))
    .sort()
    .map((name) => new Uint8Array(readFileSync(join(fixtures, name))))
    .filter(({ length }) => length < mostBytes)
    .sort((a, b) => a.length - b.length);
  return [writeModel(tinyClassifier()), ...found];
}

export function modelSubject(): Subject {
  const all = sources();
  const models = all.map((bytes) => readModel(bytes));
  const operators = [...new Set(models.flatMap(({ graph }) => graph.nodes.map(({ opType }) => opType)))];
  return {
    name: "models",
    make(random) {
      // Small ones more often: of them many more can be tried.
      const which = Math.floor(all.length * random() ** 2);
      const [bytes = all[0], model] = [all[which], models[which]];
      const how = random();
      if (how < 0.15) return oneFile(mutateBytes(bytes, random));
      if (how < 0.45) return oneFile(mutateProtobuf(bytes, random));
      let changed: Uint8Array;
      try {
        changed = writeModel(mutateModel(model, operators, random));
      } catch {
        // Some of it cannot be written down; its bytes are damaged instead.
        changed = mutateProtobuf(bytes, random);
      }
      return oneFile(how < 0.9 ? changed : mutateProtobuf(changed, random));
    },
    use: (input) =>
      outcomeOf(() => {
        const prepared = prepareModel(readModel(onlyFile(input)), { where: "mutant" });
        const typed = prepared.typed(1);
        listLayers(typed);
        const inputShapes = { [prepared.input]: typed.types.get(prepared.input)?.shape ?? [] };
        const gradient = differentiate(prepared.graph, { of: prepared.logits, inputShapes });
        writeModel(modelOf(gradient, { opsets: prepared.opsets }));
      }),
  };
}

function mutateModel(model: Model, operators: readonly string[], random: Random): Model {
  let changed = model;
  for (let count = 1 + integer(random, 4); count > 0; count--) {
    const { graph } = changed;
    switch (integer(random, 10)) {
      case 0:
        changed = { ...changed, opsets: new Map([["", pick(random, [...extremes, 1, 6, 11, 13, 17, 21, 24])]]) };
        break;
      case 1:
        changed = { ...changed, metadata: mutateMetadata(changed.metadata, random) };
        break;
      case 2: {
        const inputs = graph.inputs.map((value) => ({ ...value, shape: mutateShape(value.shape, random) }));
        changed = { ...changed, graph: { ...graph, inputs } };
        break;
      }
      case 3:
        changed = { ...changed, graph: mutateWeights(graph, random) };
        break;
      default:
        changed = { ...changed, graph: { ...graph, nodes: mutateNodes(graph, operators, random) } };
    }
  }
  return changed;
}

function mutateMetadata(metadata: ReadonlyMap<string, string>, random: Random): Map<string, string> {
  const changed = new Map(metadata);
  const values = [...evilTexts, '{"scale":0}', '{"mean":[1,2],"std":[0,0,0]}', "[1,2,3]", '["a","a"]'] as const;
  changed.set(pick(random, ["preprocessing", "labels", "names", "stride", "imgsz"]), pick(random, values));
  return changed;
}

function mutateShape(shape: readonly Dimension[] | undefined, random: Random): readonly Dimension[] | undefined {
  if (shape === undefined || random() < 0.1) return random() < 0.5 ? undefined : [];
  const changed = [...shape];
  const at = integer(random, changed.length);
  const how = random();
  if (how < 0.5) changed[at] = pick(random, extremes);
  else if (how < 0.7) changed[at] = pick(random, ["N", "height", undefined]);
  else if (how < 0.85) changed.splice(at, 1);
  else changed.splice(at, 0, 1);
  return changed;
}

function mutateWeights(graph: Graph, random: Random): Graph {
  const initializers = new Map(graph.initializers);
  const names = [...initializers.keys()];
  const name = pick(random, names) ?? "";
  const old = initializers.get(name);
  if (old === undefined) return graph;
  const how = random();
  if (how < 0.2) initializers.delete(name);
  else if (how < 0.4) initializers.set(name, initializers.get(pick(random, names) ?? "") ?? old);
  else initializers.set(name, mutateInitializer(old, random));
  return { ...graph, initializers };
}

function mutateInitializer(old: Initializer, random: Random): Initializer {
  const how = random();
  if (how < 0.6) {
    const shape = mutateShape(old.shape, random)?.map((extent) => (typeof extent === "number" ? extent : 1)) ?? [];
    return { ...old, shape };
  }
  if (how < 0.8)
    return { ...old, dtype: pick(random, ["float32", "float64", "int64", "int32", "uint8", "bool", "float16"]) };
  if (old.storage.kind !== "inline") return old;
  return { ...old, storage: { kind: "inline", bytes: mutateBytes(old.storage.bytes.slice(0, 4096), random) } };
}

function mutateNodes(graph: Graph, operators: readonly string[], random: Random): readonly Node[] {
  const nodes = [...graph.nodes];
  const at = integer(random, nodes.length);
  const node = nodes[at];
  if (node === undefined) return nodes;
  const values = [
    ...graph.inputs.map(({ name }) => name),
    ...graph.initializers.keys(),
    ...nodes.flatMap(({ outputs }) => outputs),
    ...["", "nothing"],
  ];
  const anyValue = (): string => pick(random, values) ?? "";
  switch (integer(random, 9)) {
    case 0:
      nodes.splice(at, 1);
      break;
    case 1:
      nodes.splice(integer(random, nodes.length), 0, node);
      break;
    case 2:
      nodes.splice(integer(random, nodes.length), 0, ...nodes.splice(at, 1));
      break;
    case 3:
      nodes[at] = { ...node, opType: pick(random, operators) ?? "Relu" };
      break;
    case 4:
      nodes[at] = { ...node, inputs: [...node.inputs, ...Array.from({ length: 1 + integer(random, 3) }, anyValue)] };
      break;
    case 5:
      nodes[at] = { ...node, outputs: random() < 0.5 ? [...node.outputs, anyValue()] : node.outputs.map(anyValue) };
      break;
    case 6: {
      const which = integer(random, node.inputs.length);
      nodes[at] = { ...node, inputs: node.inputs.map((name, index) => (index === which ? anyValue() : name)) };
      break;
    }
    default:
      nodes[at] = { ...node, attributes: mutateAttributes(node.attributes, nodes, random) };
  }
  return nodes;
}

function mutateAttributes(
  attributes: Node["attributes"],
  nodes: readonly Node[],
  random: Random,
): Record<string, Attribute> {
  const changed: Record<string, Attribute> = { ...attributes };
  const others = Object.entries(pick(random, nodes)?.attributes ?? {});
  const name = pick(random, Object.keys(changed));
  const borrowed = pick(random, others);
  if (name === undefined || random() < 0.15) {
    if (borrowed !== undefined) changed[borrowed[0]] = borrowed[1];
    return changed;
  }
  const old = changed[name];
  if (old === undefined || random() < 0.1) delete changed[name];
  else changed[name] = mutateAttribute(old, random);
  return changed;
}

function mutateAttribute(old: Attribute, random: Random): Attribute {
  const number = (): number => pick(random, [...extremes, Number.NaN, Number.POSITIVE_INFINITY, 1e-45, 0.5]);
  if (old.kind === "int" || old.kind === "float") {
    return random() < 0.8 ? { ...old, value: number() } : { kind: "ints", value: [old.value] };
  }
  if (old.kind === "ints" || old.kind === "floats") {
    const value = [...old.value];
    const at = integer(random, Math.max(1, value.length));
    const how = random();
    if (how < 0.6) value[at] = number();
    else if (how < 0.8) value.splice(at, 1);
    else value.splice(at, 0, number());
    return { ...old, value };
  }
  if (old.kind === "string")
    return { ...old, value: pick(random, [...evilTexts, "SAME_UPPER", "VALID", "linear", "cubic"]) };
  if (old.kind === "tensor") return { ...old, value: mutateInitializer(old.value, random) };
  return { kind: "int", value: number() };
}
