/** @file In which order the names of classes stand: by their text, as ImageFolder and Keras sort folders, or by the numbers in them, as people count. */
import { byCodeUnits } from "../paths.ts";

/** `a` and `b` compared with the numbers in them as numbers: "fish_2" comes before "fish_10". */
export function byNumbersIn(a: string, b: string): number {
  const [own, others] = [a, b].map((text) => text.split(/(\d+)/));
  for (const [at, part] of own.entries()) {
    const other = others[at];
    if (other === undefined) return 1;
    if (part === other) continue;
    const difference = at % 2 === 1 ? Number(part) - Number(other) : 0;
    return difference === 0 ? byCodeUnits(part, other) : difference;
  }
  return own.length - others.length;
}

/** Whether the names stand in the order of their text, and that of the numbers in them is another: nothing says which is meant. */
export function isOrderOpen(names: readonly string[]): boolean {
  const isSorted = names.every((name, index) => index === 0 || byCodeUnits(names[index - 1], name) <= 0);
  return isSorted && names.some((name, index) => index > 0 && byNumbersIn(names[index - 1], name) > 0);
}

/** What is to be known of names whose order decides and is open, for a warning: no sentence of its own. */
export function openOrder(names: readonly string[]): string {
  const some = (all: readonly string[]): string => all.slice(0, 3).join(", ");
  return `only the order of the classes says which of the model's each is. It is taken to be that of their text (${some(names)}, …), as ImageFolder and Keras sort folders; if the model counts them by their numbers (${some(names.toSorted(byNumbersIn))}, …), give the names in that order with --labels`;
}

/** The same as a note. */
export function openOrderNote(names: readonly string[]): string {
  return `O${openOrder(names).slice(1)}.`;
}
