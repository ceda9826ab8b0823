/** @file What the reference has for each task, from the JSON that typedoc writes. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./outside-pages.ts";
import { tasks } from "./reference-tasks.mjs";

/** One name that is exported. */
export interface Entry {
  readonly name: string;
  /** What it is imported from. */
  readonly from: string;
  /** "function", "interface", "type", "class" or "value". */
  readonly kind: string;
  /** The first sentence of its documentation. */
  readonly summary: string;
  /** Its page of the reference, under the site's base. */
  readonly page: string;
}

/** A task with what serves it: what one calls first, then the types of its options and results. */
export interface Task {
  readonly title: string;
  readonly about: string;
  readonly calls: readonly Entry[];
  readonly types: readonly Entry[];
}

interface Part {
  readonly kind?: string;
  readonly text: string;
}

interface Commented {
  readonly comment?: { readonly summary: readonly Part[] };
}

interface Exported extends Commented {
  readonly id: number;
  readonly name: string;
  readonly kind: number;
  readonly target?: number;
  readonly signatures?: readonly Commented[];
}

interface Module {
  readonly name: string;
  readonly children: readonly Exported[];
  readonly groups: readonly { readonly title: string; readonly children: readonly number[] }[];
}

/** typedoc's numbers of kinds: the folder of its pages and the word for it. */
const kinds: ReadonlyMap<number, readonly [folder: string, word: string]> = new Map([
  [32, ["variables", "value"]],
  [64, ["functions", "function"]],
  [128, ["classes", "class"]],
  [256, ["interfaces", "interface"]],
  [2097152, ["types", "type"]],
]);

function summaryOf({ comment, signatures = [] }: Exported): string {
  const parts = [comment, ...signatures.map((signature) => signature.comment)].find(
    (candidate) => candidate !== undefined && candidate.summary.length > 0,
  );
  const text = (parts?.summary ?? []).map((part) => part.text).join("");
  const [first] = text.replaceAll(/\s+/g, " ").split(/(?<=[.:!?])\s(?=[A-Z`[∂Σ])/);
  return first.replaceAll("`", "").replace(/:$/, ".");
}

declare const data: readonly Task[];

export { data };

export default {
  load(): readonly Task[] {
    const file = join(root, "dist-reference/reference.json");
    if (!existsSync(file)) throw new Error(`${file} is not there. Run \`npm run reference\` first.`);
    const { children: modules }: { readonly children: readonly Module[] } = JSON.parse(readFileSync(file, "utf8"));
    return tasks.map(({ title, about }) => {
      const entries = modules.flatMap(({ name: from, children, groups }) => {
        const ids = new Set(groups.find((group) => group.title === title)?.children);
        return children.flatMap((child): Entry[] => {
          const kind = kinds.get(child.kind);
          if (kind === undefined || !ids.has(child.id)) return [];
          const page = `reference/${kind[0]}/${from.replaceAll("/", "_")}.${child.name}.html`;
          return [{ name: child.name, from, kind: kind[1], summary: summaryOf(child), page }];
        });
      });
      const sorted = entries.toSorted((a, b) => (a.name.toLowerCase() < b.name.toLowerCase() ? -1 : 1));
      const isType = ({ kind }: Entry): boolean => kind === "interface" || kind === "type";
      return { title, about, calls: sorted.filter((entry) => !isType(entry)), types: sorted.filter(isType) };
    });
  },
};
