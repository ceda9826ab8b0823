import { describe, expect, test } from "vitest";
import { MisuseError } from "../../errors.ts";
import { type Environment, shardFromEnvironment } from "./shard-environment.ts";

const slurm = (id: number, min: number, max: number, step: number, count: number): Environment => ({
  SLURM_ARRAY_TASK_ID: String(id),
  SLURM_ARRAY_TASK_MIN: String(min),
  SLURM_ARRAY_TASK_MAX: String(max),
  SLURM_ARRAY_TASK_STEP: String(step),
  SLURM_ARRAY_TASK_COUNT: String(count),
});
const sge = (id: string, first = "1", last = "10", step = "1"): Environment => ({
  SGE_TASK_ID: id,
  SGE_TASK_FIRST: first,
  SGE_TASK_LAST: last,
  SGE_TASK_STEPSIZE: step,
});
/** What every batch script is to srun. */
const batch = { SLURM_PROCID: "0", SLURM_NTASKS: "1" };

describe("which share, of how many", () => {
  test.each<[string, Environment, number | undefined, string, string]>([
    ["Slurm, from 0", { ...slurm(6, 0, 39, 1, 40), ...batch }, undefined, "7/40", "SLURM_ARRAY_TASK_ID=6"],
    ["Slurm, from 1", slurm(40, 1, 40, 1, 40), undefined, "40/40", "SLURM_ARRAY_TASK_ID=40"],
    ["Slurm, from anywhere in steps", slurm(16, 10, 28, 3, 7), undefined, "3/7", "SLURM_ARRAY_TASK_ID=16"],
    ["Slurm, an uneven end", slurm(9, 1, 9, 4, 3), undefined, "3/3", "SLURM_ARRAY_TASK_ID=9"],
    ["Slurm, the number given as well", slurm(6, 0, 39, 1, 40), 40, "7/40", "SLURM_ARRAY_TASK_ID=6"],
    ["Slurm, some of 40 from 0 again", slurm(9, 5, 9, 1, 3), 40, "10/40", "SLURM_ARRAY_TASK_ID=9"],
    ["Slurm, the last of 40 from 1 again", slurm(40, 5, 40, 1, 2), 40, "1/40", "SLURM_ARRAY_TASK_ID=40"],
    [
      "a batch script of an array, of which the count is given",
      { ...slurm(1, 0, 2, 1, 3), SLURM_JOB_ID: "7", SLURM_PROCID: "0" },
      3,
      "2/3",
      "SLURM_ARRAY_TASK_ID=1",
    ],
    [
      "a step of srun",
      { SLURM_JOB_ID: "7", SLURM_STEP_ID: "0", SLURM_PROCID: "1", SLURM_NTASKS: "2" },
      2,
      "2/2",
      "SLURM_PROCID=1",
    ],
    ["srun", { SLURM_PROCID: "3", SLURM_NTASKS: "8" }, undefined, "4/8", "SLURM_PROCID=3"],
    ["Kubernetes", { JOB_COMPLETION_INDEX: "0" }, 40, "1/40", "JOB_COMPLETION_INDEX=0"],
    ["Kubernetes, the last", { JOB_COMPLETION_INDEX: "39" }, 40, "40/40", "JOB_COMPLETION_INDEX=39"],
    [
      "AWS Batch",
      { AWS_BATCH_JOB_ARRAY_INDEX: "9", AWS_BATCH_JOB_ARRAY_SIZE: "10", AWS_BATCH_JOB_ATTEMPT: "2" },
      undefined,
      "10/10",
      "AWS_BATCH_JOB_ARRAY_INDEX=9",
    ],
    ["Google Batch", { BATCH_TASK_INDEX: "0", BATCH_TASK_COUNT: "5" }, undefined, "1/5", "BATCH_TASK_INDEX=0"],
    ["Cloud Run", { CLOUD_RUN_TASK_INDEX: "4", CLOUD_RUN_TASK_COUNT: "5" }, undefined, "5/5", "CLOUD_RUN_TASK_INDEX=4"],
    ["Grid Engine", sge("1"), undefined, "1/10", "SGE_TASK_ID=1"],
    ["Grid Engine in steps", sge("7", "3", "12", "2"), undefined, "3/5", "SGE_TASK_ID=7"],
    ["PBS, from 0", { PBS_ARRAY_INDEX: "0" }, 4, "1/4", "PBS_ARRAY_INDEX=0"],
    ["PBS, from 1, the last", { PBS_ARRAY_INDEX: "4" }, 4, "1/4", "PBS_ARRAY_INDEX=4"],
    ["Torque", { PBS_ARRAYID: "2" }, 4, "3/4", "PBS_ARRAYID=2"],
    ["LSF", { LSB_JOBINDEX: "3", LSB_JOBINDEX_END: "8" }, undefined, "3/8", "LSB_JOBINDEX=3"],
    ["GNU parallel", { PARALLEL_SEQ: "100", PARALLEL_JOBSLOT: "2" }, 100, "100/100", "PARALLEL_SEQ=100"],
    ["Nomad", { NOMAD_ALLOC_INDEX: "1" }, 3, "2/3", "NOMAD_ALLOC_INDEX=1"],
    ["GitLab", { CI_NODE_INDEX: "1", CI_NODE_TOTAL: "3" }, undefined, "1/3", "CI_NODE_INDEX=1"],
    ["CircleCI", { CIRCLE_NODE_INDEX: "2", CIRCLE_NODE_TOTAL: "3" }, undefined, "3/3", "CIRCLE_NODE_INDEX=2"],
    [
      "Buildkite",
      { BUILDKITE_PARALLEL_JOB: "0", BUILDKITE_PARALLEL_JOB_COUNT: "2" },
      undefined,
      "1/2",
      "BUILDKITE_PARALLEL_JOB=0",
    ],
    ["Open MPI", { OMPI_COMM_WORLD_RANK: "1", OMPI_COMM_WORLD_SIZE: "2" }, undefined, "2/2", "OMPI_COMM_WORLD_RANK=1"],
    ["PMI", { PMI_RANK: "0", PMI_SIZE: "2" }, undefined, "1/2", "PMI_RANK=0"],
    ["torchrun", { RANK: "7", WORLD_SIZE: "8" }, undefined, "8/8", "RANK=7"],
    [
      "one that two agree on",
      { SLURM_PROCID: "1", SLURM_NTASKS: "4", PMI_RANK: "1", PMI_SIZE: "4" },
      undefined,
      "2/4",
      "SLURM_PROCID=1",
    ],
    ["one process", batch, undefined, "1/1", "SLURM_PROCID=0"],
    [
      "no array, but ranks",
      { ...sge("undefined", "undefined", "undefined", "undefined"), LSB_JOBINDEX: "0", RANK: "1", WORLD_SIZE: "2" },
      undefined,
      "2/2",
      "RANK=1",
    ],
    [
      "a job without parallel in GitLab, and ranks",
      { CI_NODE_TOTAL: "1", RANK: "1", WORLD_SIZE: "2" },
      undefined,
      "2/2",
      "RANK=1",
    ],
  ])("%s", (_, env, of, share, from) => {
    const { index, of: count, source } = shardFromEnvironment(env, of);
    expect(`${index}/${count}`).toBe(share);
    expect(source).toContain(from);
  });

  test("each of 40 ids is another share, wherever they begin", () => {
    for (const first of [0, 1]) {
      for (const variable of ["PBS_ARRAY_INDEX", "SLURM_ARRAY_TASK_ID"]) {
        const shares = Array.from(
          { length: 40 },
          (_, i) => shardFromEnvironment({ [variable]: String(first + i) }, 40).index,
        );
        expect(new Set(shares)).toEqual(new Set(Array.from({ length: 40 }, (_, i) => i + 1)));
      }
    }
  });
});

describe("what is incomplete or contradictory is refused", () => {
  test.each<[string, Environment, number | undefined, string]>([
    ["nothing", { PATH: "/bin" }, undefined, "nothing in the environment says"],
    ["Azure", { AZ_BATCH_TASK_ID: "task-7" }, undefined, "Azure Batch names its tasks"],
    ["HTCondor", { _CONDOR_SLOT: "slot1" }, 40, "nothing in the environment says"],
    ["only the index: Kubernetes", { JOB_COMPLETION_INDEX: "3" }, undefined, "--shard auto/40"],
    ["only the index: PBS", { PBS_ARRAY_INDEX: "3" }, undefined, "(PBS_ARRAY_INDEX=3), but not of how many"],
    ["only the index: parallel", { PARALLEL_SEQ: "3" }, undefined, "--shard {}/100 ::: {1..100}"],
    ["only the index: Nomad", { NOMAD_ALLOC_INDEX: "0" }, undefined, "--shard auto/40"],
    ["only the index: AWS", { AWS_BATCH_JOB_ARRAY_INDEX: "0" }, undefined, "--shard auto/40"],
    [
      "only the index, beside a process of one",
      { JOB_COMPLETION_INDEX: "3", RANK: "0", WORLD_SIZE: "1" },
      undefined,
      "but not of how many",
    ],
    ["only the count", { BATCH_TASK_COUNT: "5" }, undefined, "BATCH_TASK_COUNT is 5, but BATCH_TASK_INDEX is not set"],
    [
      "a batch script of four tasks that starts none of them",
      { SLURM_JOB_ID: "7", SLURM_PROCID: "0", SLURM_NTASKS: "4" },
      undefined,
      "nothing in the environment",
    ],
    ["a list of ids in Slurm", slurm(9, 1, 30, 1, 5), undefined, "--shard auto/40"],
    [
      "two that disagree",
      { ...slurm(6, 0, 39, 1, 40), SLURM_PROCID: "2", SLURM_NTASKS: "4" },
      undefined,
      "two systems disagree",
    ],
    [
      "an index that disagrees",
      { JOB_COMPLETION_INDEX: "3", RANK: "1", WORLD_SIZE: "8" },
      undefined,
      "two systems disagree",
    ],
    ["another number", { RANK: "1", WORLD_SIZE: "8" }, 40, "RANK=1 of 8 is none of 40 shares"],
    ["a process of one of 40", batch, 40, "none of 40 shares"],
    ["a larger array", slurm(3, 0, 99, 1, 100), 40, "none of 40 shares"],
    ["an index beyond the count", { RANK: "8", WORLD_SIZE: "8" }, undefined, "RANK=8 is none of 8 shares"],
    ["an index beyond the number given", { JOB_COMPLETION_INDEX: "40" }, 40, "none of 40 shares"],
    ["an index before the first", { CI_NODE_INDEX: "0", CI_NODE_TOTAL: "3" }, undefined, "none of 3 shares"],
    ["an id between steps", slurm(2, 1, 9, 4, 3), undefined, "none of 3 shares"],
    ["no number", { RANK: "one", WORLD_SIZE: "8" }, undefined, 'RANK is no index, expected a whole number, got "one"'],
    ["a negative number", { RANK: "-1", WORLD_SIZE: "8" }, undefined, "RANK is no index"],
  ])("%s", (_, env, of, message) => {
    expect(() => shardFromEnvironment(env, of)).toThrow(MisuseError);
    expect(() => shardFromEnvironment(env, of)).toThrow(message);
  });
});
