/** @file Stands for linkedom in the page, which has a document and a parser of its own. */
export const { DOMParser } = globalThis;
