/** @file What is true of operators, in the words by which other modules choose nodes: nobody else lists operators by name. */

/** A property of an operator; each record lists its own. */
export type Trait =
  /**
   * Sums products of its operands, so that one of them can be the weights of a layer: convolutions, matrix products and Einsum. Einsum
   * and ConvTranspose are among them for everybody who asks: a layer has weights whatever operator its exporter chose.
   */
  | "weighted"
  /** An activation function of networks. */
  | "activation"
  /** Each element of the output is a function of the element of the first input at its place; other inputs are parameters. */
  | "elementwise"
  /** All inputs broadcast to the shape of the output. */
  | "broadcasting"
  /** Shifts or scales its first input by its second, or the other way round. */
  | "affine"
  /** The first output has the shape of the first input, though its elements depend on others too. */
  | "keepsShape"
  /** Takes a mean away, divides by a deviation or both, kept ones or those of what it reads, as layers of networks do. */
  | "normalizing"
  /** All outputs have as many axes as the first input. */
  | "keepsRank"
  /** Combines the elements along its attribute `axis` (the last axis by default), whose extent stays or becomes that of the best elements. */
  | "alongAxis"
  /** Reduces axes to extent 1, or takes them out. */
  | "reduction"
  /** Reduces each channel to one element: [N, C, …] → [N, C, 1, …]. */
  | "globalPool"
  /** Treats each plane of [N, C, …spatial] alike and by itself. */
  | "planewise"
  /** Reads and writes [N, C, …spatial], whatever came before. */
  | "channelsFirst"
  /** Each element of every output is an element of the first input. */
  | "moves"
  /** The same elements in the same order, under another shape or element type or the same. */
  | "view"
  /** Says of its input's shape, not of its elements. */
  | "describesShape"
  /** Says which elements are the largest, rather than what was computed of all. */
  | "ranking"
  /** Maps scores to probabilities, or their logarithms, and keeps their order. */
  | "probability"
  /** Its output only says how much of something else passes: it lies between 0 and 1. */
  | "gate"
  /** Its output is never negative. */
  | "nonNegative"
  /** Its output is not negative where its first input is not. */
  | "keepsSign";
