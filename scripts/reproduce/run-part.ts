/** @file One part of a reproduction: the command that makes it, and what the repository keeps of where it came from. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { judgedFile } from "./judged-records.ts";

/** The checkout. */
export const root = resolve(import.meta.dirname, "../..");

/** Where real data is, if it is anywhere: `PERCEPTUAL_BALL_DATA`, or ../shared/data beside the checkout. */
export const data = resolve(process.env.PERCEPTUAL_BALL_DATA ?? join(root, "../shared/data"));

/**
 * Runs `perceptual-ball` with `words`, its results into `out`, and writes `provenance.json` beside them. Ends this process with the
 * command's exit code if that is not 0: what was finished is in `out`, and the same call goes on from there.
 */
export function runPart(words: readonly string[], out: string): void {
  const { status } = spawnSync(process.execPath, [join(root, "dist/cli/main.js"), ...words, "--out", out], {
    stdio: "inherit",
  });
  if (status !== 0) process.exit(status ?? 1);
  writeProvenance(out, { commit: commitOf(root), command: words.map(withoutFolders).join(" ") });
}

/** A part of an experiment of the paper: what has to be there for it, and the command's own arguments. */
export interface ReproductionPart {
  readonly needs: string;
  readonly arguments: readonly string[];
}

/**
 * Runs `command` for the part that the script's first argument names, or for all parts, each into a folder of its name in `folder`. Further
 * arguments go to the command. Parts whose data is not there are left out with a word.
 */
export function runParts(
  command: readonly string[],
  parts: Readonly<Record<string, ReproductionPart>>,
  folder: string,
): void {
  const [first = "", ...rest] = process.argv.slice(2);
  const isPart = Object.hasOwn(parts, first);
  for (const name of isPart ? [first] : Object.keys(parts)) {
    const part = parts[name];
    if (!existsSync(part.needs)) {
      process.stdout.write(
        `${name}: left out, there is no ${part.needs} (PERCEPTUAL_BALL_DATA says where the data is)\n`,
      );
      continue;
    }
    const further = isPart ? rest : process.argv.slice(2);
    runPart([...command, ...part.arguments, ...further], join(folder, name));
  }
}

/** The commit that is checked out, with a mark if files that it holds have been changed. */
export function commitOf(folder: string): string {
  const git = (...words: string[]): string =>
    execFileSync("git", ["-C", folder, ...words], { encoding: "utf8" }).trim();
  const changed =
    git("status", "--porcelain", "--untracked-files=no", "--", "src", "assets", "package-lock.json") !== "";
  return `${git("rev-parse", "HEAD")}${changed ? " and uncommitted changes" : ""}`;
}

/** A word of a command without the folders of this machine. */
function withoutFolders(word: string): string {
  return word.replaceAll(data, "DATA").replaceAll(root, ".");
}

interface Setup {
  readonly name: string;
  readonly settings?: unknown;
  readonly effective?: unknown;
}

/** The parts of a results file that say where numbers come from; the rest of it is made again by the same command. */
interface Results {
  readonly model: unknown;
  readonly data: unknown;
  readonly settings?: unknown;
  readonly options?: unknown;
  readonly statistics?: unknown;
  readonly seed?: number;
  readonly step?: number;
  readonly directions?: number;
  readonly versions?: Readonly<Record<string, string>>;
  readonly run?: Readonly<Record<string, string>>;
  readonly machine?: string;
  readonly methods?: readonly Setup[];
  readonly attacks?: readonly Setup[];
  readonly detectors?: readonly Setup[];
  /** Of attacks, or of pictures. */
  readonly groups?: readonly { readonly name: string; readonly attacks?: readonly Setup[] }[];
}

const setupOf = ({ name, settings, effective }: Setup): Setup => ({ name, settings: effective ?? settings });

interface Provenance {
  readonly commit: string;
  readonly command: string;
  readonly model: unknown;
  readonly methods?: readonly Setup[];
}

/** `methods`, and those that the folder's judged records have of earlier runs of the same model, each with the commit and the command that made it. */
function withEarlier(
  folder: string,
  model: unknown,
  methods: readonly Setup[] | undefined,
): readonly Setup[] | undefined {
  const path = join(folder, "provenance.json");
  if (methods === undefined || !existsSync(path) || !existsSync(join(folder, judgedFile))) return methods;
  const earlier: Provenance = JSON.parse(readFileSync(path, "utf8"));
  if (JSON.stringify(earlier.model) !== JSON.stringify(model)) return methods;
  const { commit, command } = earlier;
  const names = new Set(methods.map(({ name }) => name));
  const others = (earlier.methods ?? []).filter(({ name }) => !names.has(name));
  return [...methods, ...others.map((one) => ({ commit, command, ...one }))];
}

/** Writes `provenance.json` into `folder` from the results beside it: model, data, settings in effect, versions and machine. */
export function writeProvenance(folder: string, made: { readonly commit: string; readonly command: string }): void {
  const file = ["results.json", "cones.json"].map((name) => join(folder, name)).find((path) => existsSync(path));
  if (file === undefined) throw new Error(`${relative(root, folder)} holds no results`);
  const results: Results = JSON.parse(readFileSync(file, "utf8"));
  const { model, settings, options, statistics, seed, step, directions, versions, run, machine } = results;
  const { methods, attacks, groups, detectors } = results;
  const attacked = attacks ?? groups?.flatMap((group) => group.attacks ?? []) ?? [];
  const provenance = {
    ...made,
    ...{ model, data: results.data, settings, options, statistics, seed, step, directions },
    versions: { ...versions, ...run, ...(machine === undefined ? {} : { machine }) },
    methods: withEarlier(folder, model, methods?.map(setupOf)),
    detectors: detectors?.map(setupOf),
    attacks: attacked.length === 0 ? undefined : attacked.map(setupOf),
  };
  writeFileSync(join(folder, "provenance.json"), `${JSON.stringify(provenance, null, 1)}\n`);
}
