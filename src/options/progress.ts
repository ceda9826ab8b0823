/** @file How far a long call is, in one shape for all of them. */

export interface Progress {
  /** How many of `of` are done. */
  readonly done: number;
  readonly of: number;
  /** What is counted, in the plural: "gradients", "masks", "images". */
  readonly unit: string;
}

export type OnProgress = (progress: Progress) => void;
