/** @file Why some exports have nothing to compare, or differ: one sentence each, by the case's name. */
export const explanations: Readonly<Record<string, string>> = {};
