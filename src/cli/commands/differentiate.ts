/** @file `perceptual-ball differentiate`: a model in, the model with its input gradient out. */
import { existsSync, realpathSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { Command, Option } from "commander";
import { differentiateModel, notesKey } from "../../autodiff/differentiate-model.ts";
import { MisuseError, throwIfAborted } from "../../errors.ts";
import { checkWritableFolder } from "../../node/check-folder.ts";
import { type LoadedModel, loadModelFile } from "../../node/models/load-model.ts";
import { writeModelFile } from "../../node/models/write-model-file.ts";
import type { Model, ValueInfo } from "../../onnx/model.ts";
import { type CliContext, say, sayJson } from "../context.ts";
import { imageSize, number } from "../flags/parse-values.ts";

interface DifferentiateFlags {
  readonly output: string;
  readonly of?: string;
  readonly wrt?: string;
  readonly batch?: number;
  readonly inputSize?: readonly [height: number, width: number];
  readonly fold: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export function differentiateCommand(context: CliContext): Command {
  return new Command("differentiate")
    .description(
      "Writes the model with one more input, `cotangent`, and one more output, `input_gradient`: the cotangent times the Jacobian " +
        "of the model's output with respect to its input. Any ONNX runtime executes it.",
    )
    .argument("<file>", "an ONNX model")
    .requiredOption("-o, --output <file>", "the model to write")
    .option("--of <value>", "the value to differentiate (default: the first output)")
    .option("--wrt <input>", "the input to differentiate with respect to, where there are several")
    .addOption(
      new Option("--batch <n>", "batch size (default: the model's own, or 1)").argParser(
        number("--batch", { min: 1, max: 65536, integer: true }),
      ),
    )
    .addOption(
      new Option(
        "--input-size <size>",
        "224, or height x width, where the model leaves it open (default: 224)",
      ).argParser(imageSize("--input-size")),
    )
    .option("--no-fold", "keep BatchNormalization nodes rather than folding them into convolutions")
    .option("--json", "print one JSON object on stdout")
    .option("--quiet", "print nothing")
    .addHelpText(
      "after",
      `
Example:
  perceptual-ball differentiate resnet50.onnx -o gradient.onnx --batch 8

The file holds its own weights; above protobuf's 2 GB they are put beside it.
Exit code: 0 done, 1 failed, 2 misuse, 130 interrupted (nothing is written).`,
    )
    .action((file: string, flags: DifferentiateFlags) => differentiate(file, flags, context));
}

async function differentiate(file: string, flags: DifferentiateFlags, { io }: CliContext): Promise<void> {
  const { output, of, wrt, batch, inputSize, fold, json, quiet } = flags;
  checkWritableFolder(dirname(resolve(output)));
  const { model, ...about } = loadModelFile(file);
  checkNotRead(output, about);
  const differentiated = differentiateModel(model, { where: file, of, wrt, batch, inputSize, fold });
  // All of it was one turn, in which nobody hears Ctrl-C.
  await new Promise(setImmediate);
  throwIfAborted(io.signal, "differentiate");
  writeModelFile(output, differentiated);
  const notes = differentiated.metadata.get(notesKey);
  if (json) sayJson(io, { file, output, ...signatureOf(differentiated), notes: notes ?? null });
  else if (!quiet) {
    const { inputs, outputs } = signatureOf(differentiated);
    say(io, output, `  inputs:  ${inputs.join("; ")}`, `  outputs: ${outputs.join("; ")}`);
    if (notes !== undefined) say(io, `  notes:   ${notes}`);
  }
}

/** Throws a MisuseError if writing `output` would destroy what the model is read from. */
function checkNotRead(output: string, { path, weightsFiles }: Omit<LoadedModel, "model">): void {
  const read = new Set([path, ...weightsFiles.map((weights) => weights.path)].map((name) => realpathSync(name)));
  for (const written of [output, `${output}.data`]) {
    if (!existsSync(written) || !read.has(realpathSync(written))) continue;
    throw new MisuseError({
      where: `--output ${output}`,
      what: "this would overwrite the model that is read",
      advice: "Choose another name.",
    });
  }
}

function signatureOf({ graph }: Model): { inputs: string[]; outputs: string[] } {
  const describe = ({ name, dtype, shape }: ValueInfo): string => `${name} ${dtype} [${shape?.join(", ")}]`;
  return { inputs: graph.inputs.map(describe), outputs: graph.outputs.map(describe) };
}
