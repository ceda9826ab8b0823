/** @file What is recorded of one real export, a line of real-exports.jsonl. */

/** What the exporter's own numbers are prepared by: pixels in [0, 1] times scale, less mean, over std. */
export interface TruePreprocessing {
  readonly scale: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly channels: "rgb" | "bgr";
}

/** case.json, which the exporter writes beside model.onnx. */
export interface ExportedCase {
  /** "timm 1.0.31". */
  readonly library: string;
  readonly torch?: string;
  /** "dynamo", "legacy", "tf2onnx 1.17.0", "optimum 2.2.0", … */
  readonly exporter: string;
  readonly opset: number;
  readonly size: readonly [height: number, width: number];
  readonly preprocessing: TruePreprocessing;
  /** Names of the files that the publisher puts beside such a model. */
  readonly beside: readonly string[];
  /** How far autograd's own gradient is from the central difference of the same float64 network, relatively. */
  readonly contradiction?: number;
  /** What the reference is, where it is not autograd of the exported network. */
  readonly reference?: string;
  /** Options that the file needs by its nature, and why: those that its error asks for. */
  readonly needs?: { readonly head?: "value" | "multi-label" | "softmax" | "sigmoid"; readonly logits?: string };
}

/**
 * What is said of preprocessing beside what is true. `stated`: the file says it, and it is right. `inferred`: the graph or its statistics
 * decide it, rightly. `guess right` and `guess wrong`: it is what is usual, and inspect and explain call it a guess.
 * `wrong`: taken as certain, and it is not right.
 */
export type PreprocessingVerdict = "stated" | "inferred" | "guess right" | "guess wrong" | "wrong";

export interface PreprocessingFinding {
  readonly verdict: PreprocessingVerdict;
  /** The name of what was taken, or its numbers. */
  readonly found: string;
  readonly reason: string;
}

/** What is known from some files without any option. */
export interface Opened {
  /** Why it does not open, in the words of the message. */
  readonly refusal?: string;
  /** `value "output", 1000 classes, …`, as the tool says it. */
  readonly head?: string;
  readonly size?: readonly [height: number, width: number];
  readonly preprocessing?: PreprocessingFinding;
}

export interface ExportRecord {
  readonly name: string;
  /** Day on which it ran. */
  readonly date: string;
  readonly case?: Omit<ExportedCase, "preprocessing" | "beside">;
  readonly runtime?: string;
  /** From model.onnx alone. */
  readonly alone?: Opened;
  /** With the files that its publisher puts beside it; undefined where there are none. */
  readonly beside?: Opened;
  /** What had to be given beyond the file for the comparison: "--input-size 96". */
  readonly given?: string;
  /** Of onnxruntime's float32 gradient against the reference in float64 (float32 where there is no other), a draw each. */
  readonly errors?: readonly number[];
  /** Of the reference's own float32 gradient. */
  readonly referenceErrors?: readonly number[];
  /** Of the logits, less their mean. */
  readonly logitsErrors?: readonly number[];
  /** Of the float64 evaluator's gradient, where float32 has units on the other side of their kinks. */
  readonly exactError?: number;
  /** Processor time of the gradient over that of the forward pass of the exported file, one thread. */
  readonly processorRatio?: number;
  /** The same by the clock and with two threads, as earlier records have it: on a busy machine it says little. */
  readonly ratio?: number;
  readonly operators?: readonly string[];
  /** Why there is nothing to compare. */
  readonly failure?: string;
}
