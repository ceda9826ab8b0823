/** @file Reading the equation of Einsum. */
import { BadInputError } from "../../../errors.ts";
import type { Shape } from "../../../tensor/tensor.ts";

/** The axes of each operand and of the result, as labels; those behind an ellipsis are labelled too. */
export interface EinsumTerms {
  readonly operands: readonly (readonly string[])[];
  readonly output: readonly string[];
  /** The extent of each label: the largest that it has in any operand, as extents of 1 are repeated. */
  readonly extents: ReadonlyMap<string, number>;
}

/**
 * The terms of `equation` for operands of the given shapes. Without an arrow the result has the ellipsis's axes and then, in
 * alphabetical order, the labels that occur once.
 */
export function einsumTerms(where: string, equation: string, shapes: readonly Shape[]): EinsumTerms {
  const complain = (what: string): BadInputError => new BadInputError({ where, what, got: JSON.stringify(equation) });
  const [left, right, ...more] = equation.replaceAll(/\s/g, "").split("->");
  const terms = left.split(",");
  if (more.length > 0 || terms.length !== shapes.length) {
    throw complain(`the equation is not one for ${shapes.length} operands`);
  }
  const letters = terms.map((term) => term.replace("...", "").length);
  const widest = Math.max(0, ...terms.map((term, i) => (term.includes("...") ? shapes[i].length - letters[i] : 0)));
  const expand = (term: string, ellipsisRank: number): string[] => {
    const [before, after, ...rest] = term.split("...");
    if (rest.length > 0 || !/^[A-Za-z]*$/.test(before + (after ?? ""))) throw complain("the equation cannot be read");
    if (after === undefined) return [...before];
    // The axes of ellipses are aligned at the last one, like those of broadcasting.
    const hidden = Array.from({ length: ellipsisRank }, (_, i) => `…${widest - ellipsisRank + i}`);
    return [...before, ...hidden, ...after];
  };
  const operands = terms.map((term, i) => expand(term, shapes[i].length - letters[i]));
  const extents = new Map<string, number>();
  operands.forEach((labels, i) => {
    if (labels.length !== shapes[i].length) throw complain(`operand ${i} has ${shapes[i].length} axes`);
    labels.forEach((label, axis) => {
      const [known, extent] = [extents.get(label) ?? 1, shapes[i][axis]];
      if (known !== 1 && extent !== 1 && known !== extent) throw complain(`the extents of ${label} differ`);
      extents.set(label, known === 1 ? extent : known);
    });
  });
  if (right !== undefined) {
    const output = expand(right, widest);
    if (!output.every((label) => extents.has(label))) throw complain("the result has a label that no operand has");
    return { operands, output, extents };
  }
  const all = operands.flat();
  const single = [...extents.keys()].filter(
    (label) => !label.startsWith("…") && all.indexOf(label) === all.lastIndexOf(label),
  );
  return { operands, output: [...expand("...", widest), ...single.sort()], extents };
}

/** The extents of `labels`, all of which `extents` has. */
export function extentsOf(labels: readonly string[], extents: EinsumTerms["extents"]): number[] {
  return labels.flatMap((label) => extents.get(label) ?? []);
}

/** The equation of the given terms, in letters; `labels` of any kind get letters of their own. */
export function einsumEquation(operands: readonly (readonly string[])[], output: readonly string[]): string {
  const alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  const names = [...new Set([...operands.flat(), ...output])];
  const write = (labels: readonly string[]): string => labels.map((label) => alphabet[names.indexOf(label)]).join("");
  return `${operands.map(write).join(",")}->${write(output)}`;
}
