/** @file Options as a JSON Schema (draft 2020-12): what the settings in a record can be. */

import { checkForm, checkKeys } from "../errors.ts";
import type { OptionKind, OptionSpec } from "./option.ts";
import { type OptionSchema, writableOptions } from "./schema.ts";

/** As much of JSON Schema as options need. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly items?: JsonSchema;
  readonly minItems?: number;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: boolean;
}

/**
 * The JSON Schema of the options that JSON can hold. Options whose fallback depends on something may be null there: "does not apply".
 * Other properties are allowed if `open`: settings that follow from the options, such as the space of an optimization.
 */
export function optionsJsonSchema(schema: OptionSchema, options: { readonly open?: boolean } = {}): JsonSchema {
  checkKeys("optionsJsonSchema", options, ["open"]);
  checkForm("optionsJsonSchema: options", options, []);
  const { open = false } = options;
  return {
    type: "object",
    properties: Object.fromEntries(writableOptions(schema).map(([name, spec]) => [name, optionJsonSchema(spec)])),
    additionalProperties: open,
  };
}

function optionJsonSchema({ doc, kind, fallback, fallbackText }: OptionSpec<unknown>): JsonSchema {
  if (fallback !== undefined) return { description: doc, ...kindSchema(kind), default: fallback };
  const { type, enum: choices, ...rest } = kindSchema(kind);
  return {
    description: `${doc} Default: ${fallbackText}.`,
    ...(type === undefined ? {} : { type: [type, "null"].flat() }),
    ...(choices === undefined ? {} : { enum: [...choices, null] }),
    ...rest,
  };
}

function kindSchema(kind: OptionKind): JsonSchema {
  switch (kind.type) {
    case "number": {
      const { min, max, above, below, integer = false } = kind.limits;
      return {
        type: integer ? "integer" : "number",
        ...(min === undefined ? {} : { minimum: min }),
        ...(max === undefined ? {} : { maximum: max }),
        ...(above === undefined ? {} : { exclusiveMinimum: above }),
        ...(below === undefined ? {} : { exclusiveMaximum: below }),
      };
    }
    case "word":
      return { type: "string", enum: kind.choices };
    case "flag":
      return { type: "boolean" };
    case "layer":
      return { type: kind.automatic ? ["string", "integer", "null"] : ["string", "integer"] };
    case "list":
      return { type: "array", items: kindSchema(kind.of), ...(kind.mayBeEmpty ? {} : { minItems: 1 }) };
    case "value":
      return {};
  }
}
