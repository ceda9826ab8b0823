/**
 * @file Which share of the work a process has, as the system that started it says in its environment.
 *
 * Nothing is taken unasked: such variables are set in interactive sessions and in continuous integration too, and a share that nobody meant
 * gives results that are silently incomplete.
 */
import { MisuseError } from "../../errors.ts";
import type { Shard } from "./shards.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** What a system sets. */
interface System {
  readonly name: string;
  readonly index: string;
  /** The first index: a number, or the variable that has it; undefined: any that the user chose. */
  readonly base?: number | string;
  readonly step?: string;
  /** The variable that has the count, or the last index. */
  readonly count?: string;
  readonly last?: string;
  /** Values of the index that mean that there is no array. */
  readonly none?: readonly string[];
  /** Where the first is set and the second is not, the index means nothing: a batch script of Slurm has SLURM_PROCID=0, and no step. */
  readonly within?: readonly [string, string];
  /** What to do besides `auto/n` where there is no count. */
  readonly advice?: string;
}

/** In the order in which they are asked. */
export const shardSystems: readonly System[] = [
  {
    name: "Slurm array",
    index: "SLURM_ARRAY_TASK_ID",
    base: "SLURM_ARRAY_TASK_MIN",
    step: "SLURM_ARRAY_TASK_STEP",
    count: "SLURM_ARRAY_TASK_COUNT",
    last: "SLURM_ARRAY_TASK_MAX",
  },
  { name: "Kubernetes indexed Job", index: "JOB_COMPLETION_INDEX", base: 0 },
  { name: "AWS Batch array", index: "AWS_BATCH_JOB_ARRAY_INDEX", base: 0, count: "AWS_BATCH_JOB_ARRAY_SIZE" },
  { name: "Google Cloud Batch", index: "BATCH_TASK_INDEX", base: 0, count: "BATCH_TASK_COUNT" },
  { name: "Google Cloud Run job", index: "CLOUD_RUN_TASK_INDEX", base: 0, count: "CLOUD_RUN_TASK_COUNT" },
  {
    name: "Grid Engine array",
    index: "SGE_TASK_ID",
    base: "SGE_TASK_FIRST",
    step: "SGE_TASK_STEPSIZE",
    last: "SGE_TASK_LAST",
    none: ["undefined"],
  },
  { name: "PBS array", index: "PBS_ARRAY_INDEX" },
  { name: "Torque array", index: "PBS_ARRAYID" },
  { name: "LSF array", index: "LSB_JOBINDEX", base: 1, last: "LSB_JOBINDEX_END", none: ["0"] },
  {
    name: "GNU parallel",
    index: "PARALLEL_SEQ",
    base: 1,
    advice: "parallel … --shard {}/100 ::: {1..100} says both.",
  },
  { name: "Nomad", index: "NOMAD_ALLOC_INDEX", base: 0 },
  { name: "GitLab CI", index: "CI_NODE_INDEX", base: 1, count: "CI_NODE_TOTAL" },
  { name: "CircleCI", index: "CIRCLE_NODE_INDEX", base: 0, count: "CIRCLE_NODE_TOTAL" },
  { name: "Buildkite", index: "BUILDKITE_PARALLEL_JOB", base: 0, count: "BUILDKITE_PARALLEL_JOB_COUNT" },
  { name: "srun", index: "SLURM_PROCID", base: 0, count: "SLURM_NTASKS", within: ["SLURM_JOB_ID", "SLURM_STEP_ID"] },
  { name: "Open MPI", index: "OMPI_COMM_WORLD_RANK", base: 0, count: "OMPI_COMM_WORLD_SIZE" },
  { name: "MPI (PMI)", index: "PMI_RANK", base: 0, count: "PMI_SIZE" },
  { name: "torchrun", index: "RANK", base: 0, count: "WORLD_SIZE" },
];

/** What one system says: which of how many, from 1; `of` is undefined where it does not say, `index` where it depends on that. */
interface Saying {
  readonly system: System;
  readonly index: number | undefined;
  /** As the variable has it. */
  readonly id: number;
  readonly of: number | undefined;
  /** The variable with its value. */
  readonly from: string;
}

/**
 * The share that the environment says, with where it is from as `source`. `of` is the number of shares where the user gives it: systems that
 * do not say it can then be asked, and those that say another are contradicted. One share of one is taken only where no system says more.
 *
 * A user's ids that may count from any number are taken modulo `of`: with 40 shares, ids 0 to 39 and 1 to 40 both mean each share once, and
 * some of them that are started again mean the same shares as before.
 *
 * Throws a {@link MisuseError} if no system says an index, if only an index is known, or for what is contradictory.
 */
export function shardFromEnvironment(env: Environment, of?: number): Shard {
  const said = shardSystems.flatMap((system) => sayingOf(system, env, of) ?? []);
  // A process of one, as every batch script is to srun, says nothing beside a system that says more.
  const more = said.filter((saying) => saying.of !== 1);
  const relevant = more.length > 0 ? more : said;
  const [first] = relevant.filter((saying) => saying.of !== undefined);
  if (first === undefined) {
    const [known] = relevant;
    if (known === undefined) throw nothingSaid(env);
    throw new MisuseError({
      where,
      what: `${known.system.name} says which share this is (${known.from}), but not of how many`,
      expected: "the number of shares",
      advice: `Say it: --shard auto/40 for 40 shares.${known.system.advice === undefined ? "" : ` ${known.system.advice}`}`,
    });
  }
  for (const other of relevant) {
    const differs = other.index !== undefined && other.index !== first.index;
    if (!differs && (other.of === undefined || other.of === first.of)) continue;
    const share = (one: Saying): string =>
      `${one.system.name} says ${one.index ?? "?"} of ${one.of ?? "?"} (${one.from})`;
    throw new MisuseError({
      where,
      what: "two systems disagree on which share this is",
      expected: "one of them",
      got: `${share(first)}; ${share(other)}`,
      advice: "Say which is meant: --shard 7/40.",
    });
  }
  const { index, of: count = 1 } = first;
  if (of !== undefined && of !== count) throw contradiction(`${first.from} of ${count}`, of);
  if (index === undefined)
    throw new MisuseError({ where, what: `${first.from} is no share`, expected: `one of ${count}` });
  return { index, of: count, source: `${first.system.name}: ${first.from}` };
}

const where = "--shard auto";

function nothingSaid(env: Environment): MisuseError {
  const isAzure = env.AZ_BATCH_TASK_ID !== undefined;
  return new MisuseError({
    where,
    what: isAzure
      ? "Azure Batch names its tasks as the user does, which says no share"
      : "nothing in the environment says which share this is",
    expected: `a variable such as ${shardSystems
      .slice(0, 4)
      .map(({ index }) => index)
      .join(", ")}`,
    advice: "Say it: --shard 7/40.",
  });
}

/** What `system` says; undefined if it did not start this process. Throws a MisuseError for what contradicts itself. */
function sayingOf(system: System, env: Environment, given: number | undefined): Saying | undefined {
  const { index: variable, base, step, count, last, none = [], within } = system;
  if (within !== undefined && env[within[0]] !== undefined && env[within[1]] === undefined) return undefined;
  const text = env[variable];
  const counted = count === undefined ? undefined : numberOf(env, count);
  if (text === undefined || text.trim() === "" || none.includes(text.trim())) {
    // A system that counts and gives no index has started this process in no array, unless it counts more than one.
    if (counted === undefined || counted === 1 || text !== undefined) return undefined;
    throw new MisuseError({
      where,
      what: `${count} is ${counted}, but ${variable} is not set`,
      expected: "both, or neither",
      advice: "Say which share is meant: --shard 7/40.",
    });
  }
  const id = wholeNumber(variable, text);
  const from = `${variable}=${id}`;
  const every = step === undefined ? 1 : (numberOf(env, step) ?? 1);
  const begin = typeof base === "string" ? numberOf(env, base) : base;
  const end = last === undefined ? undefined : numberOf(env, last);
  const spanned = begin === undefined || end === undefined ? undefined : Math.floor((end - begin) / every) + 1;
  // A list of ids has gaps: how many there are is known, but not which of them this is.
  const isRange = counted === undefined || end === undefined || spanned === counted;
  const of = last !== undefined && count !== undefined ? (isRange ? counted : undefined) : (counted ?? spanned);
  const isOwnChoice = base === undefined || typeof base === "string";
  if (of === 1 && given !== undefined) return { system, index: 1, id, of, from };
  if (given !== undefined && of !== given && (of === undefined || variable === "SLURM_ARRAY_TASK_ID")) {
    // Ids of an array of `given` from 0 or from 1, some of which may have been started again.
    const from0 = isOwnChoice ? id % given : id - (begin ?? 0);
    if (id > given || (end ?? 0) > given || from0 < 0 || from0 >= given) throw contradiction(from, given);
    return { system, index: from0 + 1, id, of: given, from };
  }
  if (given !== undefined && of !== given) throw contradiction(`${from} of ${of}`, given);
  if (begin === undefined || of === undefined)
    return { system, index: isOwnChoice ? undefined : id - (begin ?? 0) + 1, id, of, from };
  const index = (id - begin) / every + 1;
  if (Number.isInteger(index) && index >= 1 && index <= of) return { system, index, id, of, from };
  throw contradiction(from, of);
}

function contradiction(said: string, of: number): MisuseError {
  return new MisuseError({
    where,
    what: `${said} is none of ${of} shares`,
    expected: "an index among them",
    advice: "Say which share is meant: --shard 7/40.",
  });
}

function numberOf(env: Environment, variable: string): number | undefined {
  const text = env[variable];
  return text === undefined || text.trim() === "" || text.trim() === "undefined"
    ? undefined
    : wholeNumber(variable, text);
}

function wholeNumber(variable: string, text: string): number {
  if (/^\s*\d{1,9}\s*$/.test(text)) return Number(text);
  throw new MisuseError({
    where,
    what: `${variable} is no index`,
    expected: "a whole number",
    got: JSON.stringify(text),
  });
}
