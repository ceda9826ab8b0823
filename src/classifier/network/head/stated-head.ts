/** @file What metadata, or a file beside the model, says that its outputs are. */
import type { StatedHead } from "./head.ts";

/** transformers' key, and the values of it that the graph does not show. */
const problemTypes: Readonly<Record<string, StatedHead["kind"]>> = {
  multi_label_classification: "multi-label",
  regression: "value",
};

const yes = /^(true|yes|1)$/i;

/**
 * What `entries`, of metadata or of a configuration, say of the outputs: transformers' `problem_type`, OpenVINO Training Extensions' `model_info multilabel`,
 * or a task that is called multi-label. Undefined where they say nothing, or what is taken anyway. `source` begins the reason.
 */
export function statedHead(
  entries: Iterable<readonly [key: string, value: unknown]>,
  source: string,
): StatedHead | undefined {
  for (const [key, value] of entries) {
    const kind = kindIn(key.trim(), String(value).trim());
    if (kind !== undefined) return { kind, reason: `${source} (${key})` };
  }
  return undefined;
}

function kindIn(key: string, value: string): StatedHead["kind"] | undefined {
  if (/(^|[^a-z])problem_type$/i.test(key)) {
    return Object.hasOwn(problemTypes, value) ? problemTypes[value] : undefined;
  }
  if (/(^|[^a-z])(is_?)?multi[-_]?label$/i.test(key)) return yes.test(value) ? "multi-label" : undefined;
  const isTask = /(^|[^a-z])task([-_]?(type|name))?$/i.test(key);
  return isTask && /(^|[^a-z])multi[-_ ]?label([^a-z]|$)/i.test(value) ? "multi-label" : undefined;
}
