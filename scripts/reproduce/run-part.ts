/** @file One part of a reproduction: the command that makes it, and what the repository keeps of where it came from. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";

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

/** The commit that is checked out, with a mark if files that it holds have been changed. */
function commitOf(folder: string): string {
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
  readonly groups?: readonly { readonly name: string; readonly attacks: readonly Setup[] }[];
}

const setupOf = ({ name, settings, effective }: Setup): Setup => ({ name, settings: effective ?? settings });

/** Writes `provenance.json` into `folder` from the results beside it: model, data, settings in effect, versions and machine. */
export function writeProvenance(folder: string, made: { readonly commit: string; readonly command: string }): void {
  const file = ["results.json", "cones.json"].map((name) => join(folder, name)).find((path) => existsSync(path));
  if (file === undefined) throw new Error(`${relative(root, folder)} holds no results`);
  const results: Results = JSON.parse(readFileSync(file, "utf8"));
  const { model, settings, options, statistics, seed, step, directions, versions, run, machine } = results;
  const { methods, attacks, groups, detectors } = results;
  const provenance = {
    ...made,
    ...{ model, data: results.data, settings, options, statistics, seed, step, directions },
    versions: { ...versions, ...run, ...(machine === undefined ? {} : { machine }) },
    methods: methods?.map(setupOf),
    detectors: detectors?.map(setupOf),
    attacks: attacks?.map(setupOf) ?? groups?.flatMap((group) => group.attacks.map(setupOf)),
  };
  writeFileSync(join(folder, "provenance.json"), `${JSON.stringify(provenance, null, 1)}\n`);
}
