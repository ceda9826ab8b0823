/** @file The part of RESULTS.md on real exports, made of the records alone. */
import type { ExportSource } from "./cases.ts";
import { explanations } from "./explanations.ts";
import type { ExportRecord, Opened, PreprocessingVerdict } from "./record.ts";

/** Errors above this come from units on the other side of their kink, or are wrong. */
export const tolerance = 1e-4;

const scientific = (value: number | undefined) => (value === undefined ? "–" : value.toExponential(1));
const least = (errors: readonly number[] | undefined) => (errors === undefined ? undefined : Math.min(...errors));

/**
 * Whether the gradient agrees with the reference: in onnxruntime for a draw that is far from the kinks, or else in the float64 evaluator, or else
 * for a draw as well as the reference's own float32 gradient does.
 */
export function isAgreeing({ failure, errors, referenceErrors, exactError }: Partial<ExportRecord>): boolean {
  if (failure !== undefined || errors === undefined) return false;
  if (Math.min(...errors) <= tolerance || (exactError !== undefined && exactError <= tolerance)) return true;
  return errors.some((error, draw) => error <= 3 * (referenceErrors?.[draw] ?? 0));
}

/** How well the gradient agrees, in a phrase. */
export function agreement(record: Partial<ExportRecord>): string {
  const judged = isAgreeing(record) ? "agrees" : "DIFFERS";
  return `${judged}: ${scientific(least(record.errors))} (reference's own ${scientific(least(record.referenceErrors))}, float64 ${scientific(record.exactError)}, logits ${scientific(least(record.logitsErrors))})`;
}

/** Whether the file opens by itself, with the right output: at the right size, or at the usual one where it leaves the size open. */
function worksAlone({ alone }: ExportRecord): boolean {
  return alone !== undefined && alone.refusal === undefined;
}

const verdicts: Readonly<Record<PreprocessingVerdict, string>> = {
  stated: "yes, stated",
  inferred: "yes, inferred",
  "guess right": "guessed, right",
  "guess wrong": "guessed, wrong",
  wrong: "WRONG",
};

function preprocessingOf(opened: Opened | undefined): string {
  if (opened === undefined) return "–";
  if (opened.preprocessing === undefined) return "does not open";
  return verdicts[opened.preprocessing.verdict];
}

/** The words of another program as text of a table's cell: no link, no markup. */
const escaped = (text: string) => text.replaceAll(/[|[\]<>*_`\\]/g, "\\$&").replaceAll("\n", " ");

function aloneOf(record: ExportRecord): string {
  const { alone, given } = record;
  if (alone?.refusal !== undefined)
    return `no: ${escaped(alone.refusal)}${given === undefined ? "" : ` With \`${given}\` yes.`}`;
  if (given !== undefined) return `yes, at ${alone?.size?.join("×")}: the size is open`;
  return "yes";
}

function rowOf(record: ExportRecord): string {
  const { name, failure } = record;
  const why = explanations[name];
  const because = why === undefined ? "" : ` ${why}`;
  if (failure !== undefined) return `| ${name} | ${[escaped(failure), why].filter(Boolean).join(" ")} | | | | | | | |`;
  const { case: about, errors, referenceErrors, exactError, processorRatio, ratio } = record;
  const error = `${isAgreeing(record) ? scientific(least(errors)) : `**${scientific(least(errors))}**`}${because}`;
  return `| ${[
    name,
    `${about?.exporter}, ${about?.opset}, ${about?.size.join("×")}`,
    aloneOf(record),
    preprocessingOf(record.alone),
    preprocessingOf(record.beside),
    error,
    scientific(least(referenceErrors)),
    scientific(exactError),
    processorRatio?.toFixed(2) ?? (ratio === undefined ? "–" : `(${ratio.toFixed(1)})`),
  ].join(" | ")} |`;
}

function summaryRow(source: ExportSource, cases: number, records: readonly ExportRecord[]): string {
  const count = (fits: (record: ExportRecord) => boolean) => records.filter(fits).length;
  const compared = records.filter(({ failure }) => failure === undefined);
  const verdictCount = (which: readonly PreprocessingVerdict[]) =>
    count(({ alone }) => alone?.preprocessing !== undefined && which.includes(alone.preprocessing.verdict));
  const ratios = compared
    .flatMap(({ processorRatio }) => (processorRatio === undefined ? [] : [processorRatio]))
    .sort((a, b) => a - b);
  return `| ${[
    source.title,
    `${records.length} of ${cases}`,
    compared.length,
    count(isAgreeing),
    count(worksAlone),
    verdictCount(["stated", "inferred"]),
    verdictCount(["guess right"]),
    verdictCount(["guess wrong"]),
    verdictCount(["wrong"]),
    ratios.length === 0 ? "–" : ratios[Math.floor(ratios.length / 2)].toFixed(2),
  ].join(" | ")} |`;
}

/** What ran, in words: versions and days. */
function provenance(records: readonly ExportRecord[]): string {
  const of = (values: readonly (string | undefined)[]) =>
    [...new Set(values.filter((value) => value !== undefined))].sort().join(", ");
  const dates = records.map(({ date }) => date).sort();
  const torch = of(records.map(({ case: about }) => about?.torch));
  return [
    of(records.map(({ case: about }) => about?.library)),
    torch === "" ? "" : `PyTorch ${torch}`,
    of(records.map(({ runtime }) => runtime)),
    `run on ${[...new Set([dates[0], dates.at(-1)])].join(" to ")}`,
  ]
    .filter(Boolean)
    .join("; ");
}

function sectionOf(source: ExportSource, records: readonly ExportRecord[]): string {
  if (records.length === 0) return "";
  return `### ${source.title}

${source.about} ${provenance(records)}.

| network | exporter, opset, input | works from the file alone | preprocessing from the file alone | with the files beside it | error | reference's own | float64 | ratio |
|---|---|---|---|---|---|---|---|---|
${records.map(rowOf).join("\n")}
`;
}

/** The part of RESULTS.md for these records, by source. */
export function renderExports(sources: readonly ExportSource[], records: readonly ExportRecord[]): string {
  const of = ({ cases }: ExportSource) => {
    const names = new Set(cases.map(({ name }) => name));
    return records.filter(({ name }) => names.has(name));
  };
  return `## Real exports

Each network has random weights: what initialization leaves at a constant (biases, scales of branches, position embeddings) is drawn, and
BatchNormalization has the statistics of pictures with the spectrum and the colours of natural ones, prepared as the network's configuration says.
It is exported by what its users export it with, and opened as a file that somebody sends: without any option.

- **works from the file alone**: it opens without an option, and the output that is taken is right. A size that the file leaves open is taken as 224 × 224 and
  called a guess; the gradient is then compared at the size that the network was made for, with \`--input-size\`. Otherwise the message, and what makes it work.
- **preprocessing from the file alone**: \`stated\`: metadata say it. \`inferred\`: the graph or the statistics of its first normalization decide it. *Guessed*:
  nothing in the file says it; what is usual is taken, and \`inspect\` and \`explain\` call it a guess, say what to give, and try others on the pictures.
  WRONG: taken as certain and not right. Most exports state nothing, and no reading of them can tell the three usual normalizations of a network without
  normalization layers apart; **with the files beside it** is the same with what its publisher puts beside it (timm's config.json,
  Hugging Face's preprocessor_config.json). Guesses count as they come out here; how often each is right among published networks is not known from this.
- **error**: ‖found − reference‖ / ‖reference‖ of onnxruntime's float32 gradient against autograd in float64, the least of two draws; **reference's own**: of
  autograd in float32. Cotangents are random. **float64**: of this package's float64 evaluator, asked where float32 is farther off than ${tolerance.toExponential(0)}:
  there no unit is on the other side of its kink. PyTorch's own gradient had to be repaired for the comparison: its BatchNorm on a CPU, in inference mode and
  with one picture, returns a wrong one where the cotangent is strided like a transposed matrix, in 1.13 as in 2.15. LeViT and XCiT, whose stems end in
  BatchNorm, Flatten and Transpose, were off by more than 100 %; with contiguous cotangents autograd agrees with the central difference in float64, and with
  the gradient of the exported file.
- **ratio**: processor time of the gradient over that of the forward pass of the exported file, turn by turn in one process, one thread, the least of each, at
  this small size. In parentheses: by the clock, with two threads, while some forty other processes wanted the same two cores: off by ten times for single rows.

| source | ran | compared | gradient agrees | works alone | preprocessing stated or inferred | guessed, right | guessed, wrong | wrong | ratio |
|---|---|---|---|---|---|---|---|---|---|
${sources.map((source) => summaryRow(source, source.cases.length, of(source))).join("\n")}

${sources.map((source) => sectionOf(source, of(source))).join("\n")}`;
}
