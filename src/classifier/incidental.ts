/** @file The order of what is stated: what only may be of the model comes behind what is. */

/** `all` in their order, those that are incidental behind the others. */
export function incidentalLast<T extends { readonly isIncidental?: boolean }>(all: readonly T[]): T[] {
  return all.toSorted((a, b) => Number(a.isIncidental ?? false) - Number(b.isIncidental ?? false));
}
