/** @file What `inspect` says of a model: facts, layers, and what works, what is guessed, what to give. */
import type { Classifier } from "../classifier/classifier.ts";
import { shortNameOf } from "../classifier/labels/short-names.ts";
import { describeNeeds } from "../classifier/network/check-needs.ts";
import { decidesEachLabel, describeHead } from "../classifier/network/head/head.ts";
import type { InspectedLayer, Inspection } from "../classifier/network/inspect-model.ts";
import { describeGeometry } from "../image/geometry.ts";
import type { LoadedModel } from "../node/models/load-model.ts";

/** What is said of a model, line by line; names come from the model, so each line is to be shown as text only. */
export function inspectionLines(
  inspection: Inspection,
  classifier: Classifier | undefined,
  { bytes, sha256, weightsFiles }: Pick<LoadedModel, "bytes" | "sha256" | "weightsFiles">,
): string[] {
  const { works, guessed, give } = adviceOn(inspection, classifier);
  return [
    inspection.verdict,
    "",
    ...factsOf(inspection, classifier, { bytes, sha256, weightsFiles }).map(
      ([term, text]) => `${term.padEnd(12)}${text}`,
    ),
    "",
    ...layerTable(inspection),
    "",
    ...works.map((text) => `Works:   ${text}`),
    ...guessed.map((text) => `Guessed: ${text}`),
    ...give.map((text) => `Give:    ${text}`),
  ];
}

function factsOf(
  inspection: Inspection,
  classifier: Classifier | undefined,
  { bytes, sha256, weightsFiles }: Pick<LoadedModel, "bytes" | "sha256" | "weightsFiles">,
): (readonly [term: string, text: string])[] {
  const weights = weightsFiles.map(({ location }) => location);
  const guess = classifier?.guess;
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
    const known = classifier.labels?.slice(0, 3).map(shortNameOf);
    rows.push(
      ["Logits", describeHead(classifier.prepared.head)],
      ...classifier.prepared.head.alternatives.map(
        ({ value, description }) => ["", `not ${value}: ${description}`] as const,
      ),
      [
        "Classes",
        `${classifier.classCount}${known === undefined ? " (without names)" : `: ${known.join(", ")}${classifier.classCount > known.length ? ", …" : ""}`} (${classifier.labelsReason})`,
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
  return rows;
}

/** What would help a model that is blocked: what the message advises, or another model. */
function wayOutOf({ wayOut, unsupported }: Inspection): string {
  if (Object.keys(unsupported).length > 0)
    return "a model without the operators that block this one; OPERATORS.md lists what is supported";
  return wayOut?.replace(/\.$/, "") ?? "a model without what blocks this one";
}

/** What works, what was guessed, and which flags would replace a guess. */
export function adviceOn(inspection: Inspection, classifier: Classifier | undefined) {
  if (classifier === undefined || !inspection.works) {
    return {
      works: [],
      guessed: [],
      give: inspection.works ? [] : [wayOutOf(inspection)],
    };
  }
  const { guess, labels, labelsReason, prepared, classCount } = classifier;
  const { head, channels, height, width } = prepared;
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
  if (prepared.isSizeAssumed) {
    guessed.push(`the size of the pictures: the file leaves it open, and ${height}x${width} is usual`);
    give.push("--input-size, if the network was made for another");
  }
  if (guess.isUncertain) {
    guessed.push(`how pixels are prepared: ${guess.name ?? "custom"} (${guess.reason})`);
    give.push("--preprocessing NAME, or --mean, --std, --scale and --channels; explain looks at the pictures as well");
  }
  if (!guess.hasKnownChannels && channels === 3) {
    guessed.push(`the order of the channels: ${guess.preprocessing.channels} is assumed, nothing says so`);
    give.push("--channels bgr, if they are blue, green and red");
  }
  if (head.kind === "sigmoid" && prepared.warnings.some(({ code }) => code === "one-value-head")) {
    guessed.push(
      `what the output means: ${JSON.stringify(head.value)} is one number, taken as the logit of two classes`,
    );
    give.push("--head value, if it is a quantity");
  }
  if (prepared.isMeaningAssumed && labels === undefined) {
    const name = JSON.stringify(head.value);
    guessed.push(`what the output means: nothing says that the ${head.count} numbers of ${name} are scores of classes`);
    give.push(
      "--head multi-label, if each label is present or absent by itself, or --head value, if they are quantities",
    );
  }
  if (labels === undefined) {
    guessed.push(`nothing about the names of the ${classCount} classes: ${labelsReason}`);
    give.push("--labels FILE");
  }
  if (decidesEachLabel(classifier.prepared.head))
    give.push("--label, for the decision that is meant; explain takes the most probable one");
  return { works, guessed, give };
}

function layerTable({ layers }: Inspection): string[] {
  const header = ["#", "layer", "name", "shape", "parameters", "gradient"];
  const cells = layers.map((layer) => [
    String(layer.index),
    `${layer.operator}[${layer.ordinal}]`,
    layer.name,
    layer.shape === null ? "?" : layer.shape.join("x"),
    layer.parameters === 0 ? "" : layer.parameters.toLocaleString("en-US"),
    describeGradient(layer),
  ]);
  const widths = header.map((title, column) =>
    cells.reduce((width, row) => Math.max(width, row[column].length), title.length),
  );
  const isNumber = (column: number): boolean => column === 0 || column === 4;
  return [header, ...cells].map((row) =>
    row
      .map((cell, column) => (isNumber(column) ? cell.padStart(widths[column]) : cell.padEnd(widths[column])))
      .join("  ")
      .trimEnd(),
  );
}

function describeGradient({ gradient }: InspectedLayer): string {
  return { rule: "yes", "none by design": "none (by design)", missing: "MISSING" }[gradient];
}
