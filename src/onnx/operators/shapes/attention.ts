/** @file The shape rule of Attention. */
import { attentionLayout } from "../arithmetic/attention-layout.ts";
import type { ShapeRule } from "./shape-rule.ts";

/** Of the queries' form, with the values' width. */
export const Attention: ShapeRule = ({ node, where, attributes, inputs }) => {
  const layout = attentionLayout(
    where,
    node,
    attributes,
    inputs.map((input) => input?.shape),
  );
  const { batch, heads, queries, valueWidth, isFolded } = layout;
  const shape = isFolded ? [batch, queries, heads * valueWidth] : [batch, heads, queries, valueWidth];
  return [{ dtype: inputs[0]!.dtype, shape }];
};
