/** @file What is recorded of one case, a line of results.jsonl. */

/** What is found where the gradients are compared. */
export interface Comparison {
  readonly settings: { readonly opset: number; readonly batch: number; readonly size: number };
  readonly versions: {
    readonly torch: string;
    readonly torchvision?: string;
    readonly runtime: string;
    readonly machine?: string;
  };
  readonly operators: readonly string[];
  readonly layers: number;
  readonly parameters: number;
  /** Of onnxruntime's gradient for each draw, against PyTorch's in float32. */
  readonly errors: readonly number[];
  /** The same against PyTorch's in float64; undefined where the network is too large for that. */
  readonly exactErrors?: readonly number[];
  /** Of PyTorch's own gradient in float32. */
  readonly torchErrors?: readonly number[];
  readonly logitsErrors?: readonly number[];
  readonly loadMs: number;
  readonly differentiateMs: number;
  readonly modelBytes?: number;
  readonly heldBytes?: number;
  readonly peakBytes?: number;
  readonly gradientBytes: number;
  readonly gradientNodes: number;
}

/** What is found of the float64 evaluator's gradient. */
export interface ReferenceComparison {
  readonly referenceError: number;
}

/** The gradient's time over the forward pass's. */
export interface Timing {
  readonly timedSize: number;
  readonly forwardMs?: number;
  readonly gradientMs?: number;
  readonly ratio: number;
}

/** Why there is nothing to compare: the last words of what failed. */
export interface Failure {
  readonly failure: string;
}

/** What is known of a case: parts are missing until they have been asked for. */
export type CaseRecord = Partial<Comparison & ReferenceComparison & Timing & Failure>;

/** A record that can be judged: the gradients were compared. */
export type ComparedRecord = Comparison & Partial<ReferenceComparison & Timing>;

/** Whether the gradients were compared. */
export function isCompared(record: CaseRecord): record is ComparedRecord {
  return record.failure === undefined && record.errors !== undefined;
}
