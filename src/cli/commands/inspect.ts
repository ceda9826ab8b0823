/** @file `perceptual-ball inspect`: what is in a model, and whether it works. */
import { Command, Option } from "commander";
import { type Classifier, createClassifier } from "../../classifier/classifier.ts";
import { type Inspection, inspectModel } from "../../classifier/network/inspect-model.ts";
import { probeGradient } from "../../classifier/network/probe-gradient.ts";
import { AbortedError, PerceptualBallError } from "../../errors.ts";
import { labelsOf } from "../../node/models/load-classifier.ts";
import { loadModelFile } from "../../node/models/load-model.ts";
import { machineMemory } from "../../node/models/machine-memory.ts";
import { readBesideModel } from "../../node/models/read-beside-model.ts";
import { type CliContext, exitCodes, say, sayJson } from "../context.ts";
import { adviceOn, inspectionLines } from "../describe-inspection.ts";
import { allowMemoryOption, headOption, inputOption, labelsOption, type ModelFlags } from "../flags/model-flags.ts";
import { imageSize } from "../flags/parse-values.ts";
import { loadRuntime } from "../flags/runtime-flags.ts";

interface InspectFlags extends Pick<ModelFlags, "labels" | "inputSize" | "logits" | "head" | "input" | "allowMemory"> {
  readonly json?: boolean;
}

export function inspectCommand(context: CliContext): Command {
  return new Command("inspect")
    .description(
      "Lists the numbered layers of a model with operator, name, shape and parameters, what has a gradient and what has not, " +
        "its input and output, which output is taken for the classes and what it means, and how pixels become its input. The network is run " +
        "back a few times on pictures of noise, to see whether a gradient arrives at the pixels. The last lines say what works, what is guessed " +
        "and what to give.",
    )
    .argument("<file>", "an ONNX model")
    .addOption(labelsOption())
    .addOption(
      new Option("--input-size <size>", "224, or height x width, where the model leaves it open").argParser(
        imageSize("--input-size"),
      ),
    )
    .option("--logits <value>", "the value that holds the logits, where it is not found by itself")
    .addOption(headOption())
    .addOption(inputOption())
    .addOption(allowMemoryOption())
    .option("--json", "print one JSON object")
    .addHelpText(
      "after",
      `
Example:
  perceptual-ball inspect resnet50.onnx

The first line is the verdict: "works", or "blocked by: …".
Exit code: 0 works, 1 blocked or not an ONNX model, 2 misuse.`,
    )
    .action((file: string, flags: InspectFlags) => inspect(file, flags, context));
}

async function inspect(
  file: string,
  { labels, inputSize, logits, head, input: inputs, allowMemory, json }: InspectFlags,
  context: CliContext,
): Promise<void> {
  const { signal } = context.io;
  const { model, ...about } = loadModelFile(file);
  // Outside of what is tried: a list that cannot be read says nothing of the model.
  const names = labels === undefined ? undefined : labelsOf(labels);
  const runtime = await loadRuntime({ runtime: "node" });
  const described = inspectModel(model, () =>
    createClassifier(model, {
      ...{ runtime, where: file, weightsFolder: about.folder, lowMemory: true },
      ...{ labels: names, inputSize, logits, head, inputs, beside: readBesideModel(file) },
      ...{ allowMemory, machineMemory: machineMemory() },
    }),
  );
  const { classifier } = described;
  const inspection = await withProbe(described.inspection, classifier, signal);
  await classifier?.dispose();
  const advice = adviceOn(inspection, classifier);
  if (!inspection.works) context.exitCode = exitCodes.failed;
  const guess = classifier?.guess;
  const preprocessing =
    guess === undefined
      ? null
      : { ...guess.preprocessing, name: guess.name ?? null, reason: guess.reason, isUncertain: guess.isUncertain };
  const { sha256, bytes } = about;
  const weights = about.weightsFiles.map((weightsFile) => weightsFile.location);
  if (json) {
    const labels = classifier?.labels?.slice(0, 3) ?? null;
    const classes = classifier === undefined ? null : { count: classifier.classCount, first: labels };
    const head = classifier?.prepared.head ?? null;
    const warnings = classifier?.warnings ?? [];
    const found = { head, classes, preprocessing, warnings, advice };
    sayJson(context.io, { file, sha256, bytes, weights, ...inspection, ...found });
  } else say(context.io, ...inspectionLines(inspection, classifier, about));
}

/** `inspection` with what a few runs of the network say: a gradient that arrives, or what is in its way. */
async function withProbe(
  inspection: Inspection,
  classifier: Classifier | undefined,
  signal: AbortSignal,
): Promise<Inspection> {
  if (classifier === undefined) return inspection;
  const blocked = (blocker: string): Inspection => ({ ...inspection, works: false, verdict: `blocked by: ${blocker}` });
  try {
    const { blocker, notTried } = await probeGradient(classifier, { signal });
    if (notTried !== undefined) {
      return { ...inspection, notes: [...inspection.notes, `whether a gradient arrives was not tried: ${notTried}`] };
    }
    return blocker === undefined ? inspection : blocked(blocker);
  } catch (error) {
    if (!(error instanceof PerceptualBallError) || error instanceof AbortedError) throw error;
    return blocked(error.message.replace(/\.$/, ""));
  }
}
