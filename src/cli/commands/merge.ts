/** @file `perceptual-ball merge`: the results of several runs of one benchmark in one folder. */
import { Command } from "commander";
import { throwIfAborted } from "../../errors.ts";
import { checkWritableFolder } from "../../node/check-folder.ts";
import { mergeRecordFolders } from "../../node/records/merge-record-folders.ts";
import { type CliContext, notesOf, say, sayJson } from "../context.ts";

interface MergeFlags {
  readonly output?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export function mergeCommand(context: CliContext): Command {
  return new Command("merge")
    .description(
      "Unites folders of results that were written with --shard (or otherwise) by the same benchmark with the same model and settings. " +
        "The benchmark's own command with --out on the united folder then finds everything finished and writes the report.",
    )
    .argument("<folder...>", "folders that a benchmark wrote (--out)")
    .option("-o, --output <folder>", "where to put everything (default: into the first folder)")
    .option("--json", "print one JSON object on stdout")
    .option("--quiet", "print nothing")
    .addHelpText(
      "after",
      `
Example:
  perceptual-ball benchmark localization --shard 1/2 --out half1
  perceptual-ball benchmark localization --shard 2/2 --out half2
  perceptual-ball merge half1 half2 -o all
  perceptual-ball benchmark localization --out all

Exit code: 0 done, 1 a folder cannot be read or written,
2 misuse, such as folders of different experiments.`,
    )
    .action((folders: string[], flags: MergeFlags) => merge(folders, flags, context));
}

async function merge(folders: readonly string[], flags: MergeFlags, { io }: CliContext): Promise<void> {
  const { output = folders[0], json, quiet } = flags;
  checkWritableFolder(output);
  throwIfAborted(io.signal, "merge");
  const { finished, failed, problems } = await mergeRecordFolders(folders, output);
  const note = notesOf(io, flags);
  for (const problem of problems) note(`perceptual-ball: ${problem}`);
  if (json) sayJson(io, { output, finished, failed, problems });
  else if (!quiet) {
    const failures = failed === 0 ? "" : `, ${failed} failed`;
    say(io, `${output}: ${finished} finished${failures}`);
  }
}
