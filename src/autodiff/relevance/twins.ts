/** @file A graph's values as they would be if one of its inputs were another: the part of the graph in between, once more. */
import type { GraphBuilder, Value } from "../../onnx/builder.ts";

/** What a value of the graph would be. */
export type Twins = (value: Value) => Value;

/**
 * The twin of any value of `g`: what it would be if the value called `of` were `other`, of the same shape. Nodes are appended once more as they are
 * asked for, each once; a value that does not depend on `of` is its own twin.
 */
export function twinsOf(g: GraphBuilder, of: string, other: Value): Twins {
  const twins = new Map<string, Value>([[of, other]]);
  return (value) => {
    // Ancestors first; without recursion, as networks are deep.
    const pending = [value];
    for (let current = pending.at(-1); current !== undefined; current = pending.at(-1)) {
      const node = twins.has(current.name) ? undefined : g.producer(current);
      if (node === undefined) {
        if (!twins.has(current.name)) twins.set(current.name, current);
        pending.pop();
        continue;
      }
      const inputs = node.inputs.map((name) => (name === "" ? undefined : g.value(name)));
      const missing = inputs.filter((input) => input !== undefined && !twins.has(input.name));
      if (missing.length > 0) {
        pending.push(...missing.flatMap((input) => (input === undefined ? [] : [input])));
        continue;
      }
      const others = inputs.map((input) => input && twins.get(input.name));
      const isSame = others.every((twin, i) => twin?.name === inputs[i]?.name);
      const outputs = isSame ? undefined : g.again(node, others);
      for (const [i, name] of node.outputs.entries()) {
        if (name !== "") twins.set(name, outputs?.[i] ?? g.value(name));
      }
      pending.pop();
    }
    return twins.get(value.name) ?? value;
  };
}
