/** @file Documents of the repository that lie outside `docs/` and are pages of the site all the same, and where links between files lead there. */
import { existsSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

/** The repository's root. */
export const root = resolve(import.meta.dirname, "../..");

const pages: readonly (readonly [file: string, page: string])[] = [
  ["CONTRIBUTING.md", "contributing"],
  ["CHANGELOG.md", "changes"],
  ["OPERATORS.md", "operators"],
  ["training/README.md", "training"],
  ["results/thresholds/README.md", "thresholds"],
  ["results/budgets/README.md", "budgets"],
  ["results/eight-bits/README.md", "eight-bits"],
  ["results/table1/README.md", "table1"],
  ["results/table1-imagenet/README.md", "table1-imagenet"],
  ["results/table2/README.md", "table2"],
  ["results/undetectable/README.md", "undetectable"],
  ["results/cone/README.md", "cone"],
  ["results/figures/README.md", "figures"],
  ["results/cluster/simulation.md", "cluster-simulation"],
  ["results/robustness/README.md", "robustness"],
  ["examples/cluster/README.md", "cluster-recipes"],
  ["bench/RESULTS.md", "speed"],
  ["conformance/RESULTS.md", "conformance"],
  ["bench/STUDIO.md", "studio-speed"],
];

/** File → page under `/project/`, of those that have been written. */
export const outsidePages: ReadonlyMap<string, string> = new Map(
  pages.filter(([file]) => existsSync(join(root, file))),
);

/** Files that pages link to and that are no pages: they are copied to `/files/`. */
export const linkedFiles = new Set<string>();

/**
 * Where a link of the document `from` (a path in the repository) leads on the site. Links between pages of `docs/`, to other sites and
 * within the page stay as they are.
 *
 * @throws Error for a file that is not there
 */
export function siteLink(from: string, target: string): string {
  if (/^([a-z]+:|\/|#)/i.test(target)) return target;
  const [path, anchor] = target.split("#");
  const hash = anchor === undefined ? "" : `#${anchor}`;
  const absolute = resolve(root, dirname(from), decodeURI(path));
  if (!existsSync(absolute)) throw new Error(`${from} links to ${target}, which is not there`);
  const isFolder = statSync(absolute).isDirectory();
  const file = relative(root, isFolder ? join(absolute, "README.md") : absolute).replaceAll("\\", "/");
  const page = outsidePages.get(file);
  if (page !== undefined) return `/project/${page}.md${hash}`;
  if (/^docs\/[^.].*\.md$/.test(file))
    return from.startsWith("docs/") ? target : `/${file.slice("docs/".length)}${hash}`;
  if (isFolder) throw new Error(`${from} links to the folder ${target}, whose README.md is not in outsidePages`);
  linkedFiles.add(file);
  return `/files/${file}`;
}

/** A document with its links and pictures as the site has them. */
export function withSiteLinks(from: string, text: string): string {
  return text.replaceAll(
    /(!?)\[((?:[^\][]|\[[^\]]*\])*)\]\(([^)\s]+)\)/g,
    (_, picture: string, label: string, target: string) => `${picture}[${label}](${siteLink(from, target)})`,
  );
}
