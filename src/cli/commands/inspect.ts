/** @file `perceptual-ball inspect`: what is in a model, and whether it works. */
import { Command, Option } from "commander";
import { createClassifier } from "../../classifier/classifier.ts";
import { type InspectedLayer, type Inspection, inspectModel } from "../../classifier/network/inspect-model.ts";
import { describeGeometry } from "../../image/geometry.ts";
import { loadModelFile } from "../../node/models/load-model.ts";
import { referenceRuntime } from "../../runtime/reference-runtime.ts";
import { type CliContext, exitCodes } from "../context.ts";
import { imageSize } from "../flags/parse-values.ts";

interface InspectFlags {
  readonly inputSize?: readonly [height: number, width: number];
  readonly logits?: string;
  readonly json?: boolean;
}

export function inspectCommand(context: CliContext): Command {
  return new Command("inspect")
    .description(
      "Lists the numbered layers of a model with operator, name, shape and parameters, what has a gradient and what has not,\n" +
        "its input and output, and how pixels become its input. Nothing is run.",
    )
    .argument("<file>", "an ONNX model")
    .addOption(
      new Option("--input-size <size>", "224, or height x width, where the model leaves it open").argParser(
        imageSize("--input-size"),
      ),
    )
    .option("--logits <value>", "the value that holds the logits, where it is not found by itself")
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

function inspect(file: string, { inputSize, logits, json }: InspectFlags, context: CliContext): void {
  const { stdout } = context.io;
  const { model, ...about } = loadModelFile(file);
  const { inspection, classifier } = inspectModel(model, () =>
    // Any runtime will do: nothing runs.
    createClassifier(model, { runtime: referenceRuntime, where: file, inputSize, logits }),
  );
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
    stdout.write(`${JSON.stringify({ file, sha256, bytes, weights, ...inspection, classes, preprocessing })}\n`);
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
      ["Classes", `${classifier.classCount}${known === undefined ? " (without names)" : `: ${known.join(", ")}, …`}`],
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
  rows.push(["Weights", inspection.parameters.toLocaleString("en-US")]);
  for (const [operator, nodes] of Object.entries(inspection.unsupported)) {
    rows.push(["Unsupported", `${operator}: ${nodes.join(", ")}`]);
  }
  const facts = rows.map(([term, text]) => `${term.padEnd(12)}${text}`).join("\n");
  stdout.write(`${inspection.verdict}\n\n${facts}\n\n${layerTable(inspection)}`);
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
