/** @file `perceptual-ball inspect`: what is in a model, and whether it works. */
import { Command, Option } from "commander";
import { type Classifier, createClassifier } from "../../classifier/classifier.ts";
import { describeNeeds } from "../../classifier/network/check-needs.ts";
import { describeHead } from "../../classifier/network/find-head.ts";
import { type InspectedLayer, type Inspection, inspectModel } from "../../classifier/network/inspect-model.ts";
import { probeGradient } from "../../classifier/network/probe-gradient.ts";
import { AbortedError, PerceptualBallError } from "../../errors.ts";
import { printable, printableJson } from "../../escape-text.ts";
import { describeGeometry } from "../../image/geometry.ts";
import { readBesideModel } from "../../node/models/beside-model.ts";
import { loadModelFile } from "../../node/models/load-model.ts";
import { machineMemory } from "../../node/models/machine-memory.ts";
import { type CliContext, exitCodes } from "../context.ts";
import { allowMemoryOption, headOption, inputOption, type ModelFlags } from "../flags/model-flags.ts";
import { imageSize } from "../flags/parse-values.ts";
import { loadRuntime } from "../flags/runtime-flags.ts";
import { isSeparate } from "../open-classifier.ts";

interface InspectFlags extends Pick<ModelFlags, "inputSize" | "logits" | "head" | "input" | "allowMemory"> {
  readonly json?: boolean;
}

export function inspectCommand(context: CliContext): Command {
  return new Command("inspect")
    .description(
      "Lists the numbered layers of a model with operator, name, shape and parameters, what has a gradient and what has not,\n" +
        "its input and output, which output is taken for the classes and what it means, and how pixels become its input. The network is run\n" +
        "back a few times on pictures of noise, to see whether a gradient arrives at the pixels. The last lines say what works, what is guessed\n" +
        "and what to give.",
    )
    .argument("<file>", "an ONNX model")
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

The first line is the verdict: "works", or "blocked by: …". Exit code: 0 works, 1 blocked or not an ONNX model, 2 misuse.`,
    )
    .action((file: string, flags: InspectFlags) => inspect(file, flags, context));
}

async function inspect(
  file: string,
  { inputSize, logits, head, input: inputs, allowMemory, json }: InspectFlags,
  context: CliContext,
): Promise<void> {
  const { stdout, signal } = context.io;
  const { model, ...about } = loadModelFile(file);
  const runtime = await loadRuntime({ runtime: "node" });
  const described = inspectModel(model, () =>
    createClassifier(model, {
      ...{ runtime, where: file, weightsFolder: about.folder, lowMemory: true },
      ...{ inputSize, logits, head, inputs, beside: readBesideModel(file) },
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
    stdout.write(`${printableJson({ file, sha256, bytes, weights, ...inspection, ...found })}\n`);
    return;
  }
  const rows: (readonly [string, string])[] = [
    [
      "File",
      `${(bytes / 1e6).toFixed(1)} MB, SHA-256 ${sha256}${weights.length > 0 ? `, weights in ${weights.join(", ")}` : ""}`,
    ],
    ["Producer", inspection.producer],
    [
      "Format",
      `IR ${inspection.irVersion}, opset ${Object.entries(inspection.opsets)
        .map(([domain, version]) => `${domain} ${version}`)
        .join(", ")}`,
    ],
    ["Input", inspection.inputs.join("; ") || "none"],
    ["Output", inspection.outputs.join("; ") || "none"],
  ];
  if (classifier !== undefined && guess !== undefined) {
    const { channelCount, height, width } = classifier.input;
    const { mean, std, scale, channels, layout } = guess.preprocessing;
    const known = classifier.labels?.slice(0, 3).map((label) => label.split(",")[0]);
    rows.push(
      ["Logits", describeHead(classifier.prepared.head)],
      ...classifier.prepared.head.alternatives.map(
        ({ value, description }) => ["", `not ${value}: ${description}`] as const,
      ),
      [
        "Classes",
        `${classifier.classCount}${known === undefined ? " (without names)" : `: ${known.join(", ")}, …`} (${classifier.labelsReason})`,
      ],
      [
        "Pixels",
        `${channelCount}x${height}x${width} ${layout}, ${guess.name ?? "custom"} normalization: ${guess.reason}${guess.isUncertain ? " (explain looks at the pictures as well)" : ""}`,
      ],
      [
        "",
        `scale ${scale}, ${channels}, mean ${mean.join(", ")}, std ${std.join(", ")}, resize ${describeGeometry(classifier.input.geometry)}`,
      ],
    );
  }
  for (const note of inspection.notes) rows.push(["Note", note]);
  for (const { message } of classifier?.warnings ?? []) rows.push(["Warning", message]);
  rows.push(["Weights", inspection.parameters.toLocaleString("en-US")]);
  if (inspection.needs !== null) rows.push(["Needs", describeNeeds(inspection.needs)]);
  for (const [operator, nodes] of Object.entries(inspection.unsupported)) {
    rows.push(["Unsupported", `${operator}: ${nodes.join(", ")}`]);
  }
  const facts = rows.map(([term, text]) => `${term.padEnd(12)}${text}`).join("\n");
  const lines = [
    ...advice.works.map((text) => `Works:   ${text}`),
    ...advice.guessed.map((text) => `Guessed: ${text}`),
    ...advice.give.map((text) => `Give:    ${text}`),
  ];
  const ending = lines.map((line) => `${line}\n`).join("");
  const text = `${inspection.verdict}\n\n${facts}\n\n${layerTable(inspection)}\n${ending}`;
  // Names come from the model: a line at a time, nothing in them reaches the terminal but as text.
  stdout.write(`${text.trimEnd().split("\n").map(printable).join("\n")}\n`);
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

/** What works, what was guessed, and which flags would replace a guess. */
function adviceOn(inspection: Inspection, classifier: Classifier | undefined) {
  if (classifier === undefined || !inspection.works) {
    return {
      works: [],
      guessed: [],
      give: inspection.works ? [] : ["a model without what blocks this one; OPERATORS.md lists what is supported"],
    };
  }
  const { guess, labels, labelsReason, prepared, classCount } = classifier;
  const { head, channels } = prepared;
  const isTried = !inspection.notes.some((note) => note.startsWith("whether a gradient arrives was not tried"));
  const works = [
    !isTried
      ? "explanations and attacks, as far as the operators say: nothing was run"
      : head.kind === "value"
        ? "explanations by methods that change nothing: a gradient arrives at the pixels"
        : "explanations and attacks: a gradient arrives at the pixels",
  ];
  const guessed: string[] = [];
  const give: string[] = [];
  if (guess.isUncertain) {
    guessed.push(`how pixels are prepared: ${guess.name ?? "custom"} (${guess.reason})`);
    give.push("--preprocessing NAME, or --mean, --std, --scale and --channels; explain looks at the pictures as well");
  } else if (!guess.hasKnownChannels && channels === 3) {
    guessed.push(`the order of the channels: ${guess.preprocessing.channels}, as usual`);
    give.push("--channels, if they are blue, green and red");
  }
  if (head.kind === "sigmoid" && prepared.warnings.some(({ code }) => code === "one-value-head")) {
    guessed.push(
      `what the output means: ${JSON.stringify(head.value)} is one number, taken as the logit of two classes`,
    );
    give.push("--head value, if it is a quantity");
  }
  if (labels === undefined) {
    guessed.push(`nothing about the names of the ${classCount} classes: ${labelsReason}`);
    give.push("--labels FILE");
  }
  if (isSeparate(classifier)) give.push("--label, for the decision that is meant; explain takes the most probable one");
  return { works, guessed, give };
}

function layerTable({ layers }: Inspection): string {
  const header = ["#", "layer", "name", "shape", "parameters", "gradient"];
  const cells = layers.map((layer) => [
    String(layer.index),
    `${layer.operator}[${layer.ordinal}]`,
    layer.name,
    layer.shape === null ? "?" : layer.shape.join("x"),
    layer.parameters === 0 ? "" : layer.parameters.toLocaleString("en-US"),
    describeGradient(layer),
  ]);
  const widths = header.map((title, column) => Math.max(title.length, ...cells.map((row) => row[column].length)));
  const isNumber = (column: number): boolean => column === 0 || column === 4;
  return [header, ...cells]
    .map((row) =>
      row
        .map((cell, column) => (isNumber(column) ? cell.padStart(widths[column]) : cell.padEnd(widths[column])))
        .join("  ")
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join("");
}

function describeGradient({ gradient }: InspectedLayer): string {
  return { rule: "yes", "none by design": "none (by design)", missing: "MISSING" }[gradient];
}
