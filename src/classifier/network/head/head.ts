/** @file What a model says of a picture: the value that was taken, and what its numbers mean. */
import { checkForm } from "../../../errors.ts";

/**
 * `softmax`: of several classes, one is meant. `sigmoid`: one number decides between two classes. `multi-label`: each label is present
 * or absent by itself. `value`: a number, such as an age, that is no class; only where it is asked for.
 */
export const headKinds = ["softmax", "sigmoid", "multi-label", "value"] as const;

export type HeadKind = (typeof headKinds)[number];

/** What a model says of a picture, and where. */
export interface Head {
  /** The value that was taken, as the model names it. */
  readonly value: string;
  readonly kind: HeadKind;
  /** Labels, classes or values. */
  readonly count: number;
  /** Why this value and this meaning, a phrase. */
  readonly reason: string;
  /** What else the model gives out, with what it seems to be. */
  readonly alternatives: readonly { readonly value: string; readonly description: string }[];
  /** Of one decision of a multi-label head: its number. */
  readonly decision?: number;
}

/** What metadata, or a file beside the model, says of its outputs, where the graph does not show it. */
export interface StatedHead {
  readonly kind: "multi-label" | "value";
  readonly reason: string;
}

/** Whether the head decides each of its labels by itself, so that one of them has to be meant before there is a margin. */
export function decidesEachLabel({ kind, count, decision }: Head): boolean {
  return decision === undefined && (kind === "multi-label" || (kind === "value" && count > 1));
}

/** "value "cls", 3 classes", as lines, pages and records say it. */
export function describeHead(head: Head): string {
  checkForm("describeHead: head", head, ["value", "kind", "count", "reason"]);
  const { value, kind, count, decision, reason } = head;
  const name = JSON.stringify(value);
  if (decision !== undefined) return `value ${name}, the decision on label ${decision} of ${count} (${reason})`;
  const what =
    kind === "multi-label"
      ? `${count} labels, each present or absent`
      : kind === "value"
        ? count === 1
          ? "1 number"
          : `${count} numbers`
        : `${count} classes`;
  return `value ${name}, ${what} (${reason})`;
}
