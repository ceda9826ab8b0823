/** @file The part of RESULTS.md on torchvision's networks, made of the records alone. */
import { median } from "../bench/measuring.ts";
import type { Case } from "./cases.ts";
import { type CaseRecord, type ComparedRecord, isCompared } from "./record.ts";

/** A case's name with what is known of it. */
type Named<R = CaseRecord> = readonly [name: string, record: R];

const scientific = (value: number | undefined) => (value === undefined ? "–" : value.toExponential(1));
const percent = (value: number) => `${(100 * value).toFixed(0)} %`;

/** What differentiating may take: milliseconds, and memory beyond the model in multiples of the model's size. */
const bounds = { ms: 2000, memory: 1.5 };

/** Errors above this come from units on the other side of their kink. */
const tolerance = 1e-4;

/** The errors of the draws in brief: the smallest and the median. */
function brief(errors: readonly number[] | undefined): string {
  return errors === undefined ? "–" : `${scientific(Math.min(...errors))} / ${scientific(median(errors))}`;
}

/**
 * Whether the gradient agrees with PyTorch's: in onnxruntime to the tolerance for the draw that is farthest from the kinks, or else
 * in the float64 evaluator, or else as well as PyTorch's own float32 gradient does.
 */
function agrees(record: CaseRecord): boolean {
  if (!isCompared(record)) return false;
  const { referenceError, exactErrors, torchErrors, errors } = record;
  if (Math.min(...(exactErrors ?? errors)) <= tolerance) return true;
  if (referenceError !== undefined) return referenceError <= tolerance;
  return torchErrors !== undefined && median(exactErrors ?? errors) <= 3 * median(torchErrors);
}

function rowOf(name: string, record: CaseRecord): string {
  if (!isCompared(record)) return `| ${name} | ${record.failure ?? "not compared"} |`;
  const { settings, errors, exactErrors, torchErrors, referenceError, ratio, timedSize, operators } = record;
  return `| ${[
    name,
    settings.opset,
    `${settings.batch} × ${settings.size}²`,
    brief(exactErrors ?? errors),
    brief(torchErrors),
    scientific(referenceError),
    ratio === undefined ? "–" : `${ratio.toFixed(2)} (${timedSize}²)`,
    record.differentiateMs.toFixed(0),
    memoryOf(record)?.toFixed(2) ?? "–",
    operators.join(" "),
  ].join(" | ")} |`;
}

/** What differentiating takes beyond the model, in multiples of the model's size; undefined where it was not measured. */
function memoryOf({ peakBytes, heldBytes, modelBytes }: ComparedRecord): number | undefined {
  if (peakBytes === undefined || heldBytes === undefined || modelBytes === undefined) return undefined;
  return Math.max(peakBytes, heldBytes) / modelBytes;
}

/** The largest of what `of` gives for the records, by name, with the bound it is to keep. */
function largest(
  records: readonly Named<ComparedRecord>[],
  of: (record: ComparedRecord) => number | undefined,
  write: (value: number) => string,
  bound: number,
): string {
  const measured = records.flatMap(([name, record]) => {
    const value = of(record);
    return value === undefined ? [] : [{ name, value }];
  });
  if (measured.length === 0) return "not measured";
  const top = measured.reduce((a, b) => (b.value > a.value ? b : a));
  const over = measured.filter(({ value }) => value > bound).map(({ name }) => name);
  const judged = over.length === 0 ? `all within ${write(bound)}` : `over ${write(bound)}: ${over.join(", ")}`;
  return `${write(top.value)} at most (${top.name}), ${judged}`;
}

/** How many draws of all networks are off by more than the tolerance, of those with a float64 reference. */
function shareOfKinked(records: readonly ComparedRecord[], key: "exactErrors" | "torchErrors"): string {
  const all = records.flatMap((record) => (record.torchErrors === undefined ? [] : (record[key] ?? [])));
  return percent(all.filter((error) => error > tolerance).length / all.length);
}

function summaryOfTimes(records: readonly Named[]): string {
  const timed = records.flatMap(([name, { ratio }]) => (ratio === undefined ? [] : [{ name, ratio }]));
  if (timed.length === 0) return "No times were taken.";
  const worst = timed.toSorted((a, b) => b.ratio - a.ratio).slice(0, 5);
  const listed = worst.map(({ name, ratio }) => `${name} ${ratio.toFixed(2)}`).join(", ");
  const middle = median(timed.map(({ ratio }) => ratio));
  return `Gradient over forward: median ${middle.toFixed(2)} of ${timed.length} networks; the slowest are ${listed}.`;
}

/** That part for the records by case name. */
export function renderResults(cases: readonly Case[], records: Readonly<Record<string, CaseRecord>>): string {
  const named = cases.flatMap(({ name }): Named[] => (records[name] === undefined ? [] : [[name, records[name]]]));
  const compared = named.flatMap(([name, record]): Named<ComparedRecord>[] =>
    isCompared(record) ? [[name, record]] : [],
  );
  const all = compared.map(([, record]) => record);
  const agreeing = named.filter(([, record]) => agrees(record)).length;
  const versions = new Set(
    all.map(({ versions: { torch, torchvision, runtime, machine } }) =>
      [`PyTorch ${torch}`, torchvision === undefined ? undefined : `torchvision ${torchvision}`, runtime, machine]
        .filter(Boolean)
        .join(", "),
    ),
  );
  return `# Gradients beside those of the framework that wrote the file

First torchvision's classifiers in many dresses, then [real exports](#real-exports) of timm, Hugging Face, ultralytics, Keras and onnxruntime's quantizer.

## torchvision

${agreeing} of ${named.length} exports agree with PyTorch. Written by \`npm run conformance\`, from a fixed seed: ${[...versions].join("; ")}.

Each network has random weights, BatchNormalization the statistics of random pictures. It is exported by torch.onnx.export at the
opset that is given, loaded, prepared and differentiated by this package; onnxruntime then computes the product of a random
cotangent of the logits with the Jacobian, for several draws of picture and cotangent. Flags after a name are those of export.py.

- **error**: ‖found − reference‖ / ‖reference‖ against PyTorch's autograd in float64 (float32 where the network is too large), the
  smallest and the median of the draws; **PyTorch**: the same of PyTorch's own float32 gradient. A deep ReLU network has units within
  float32's rounding of their kink for most pictures. Each that falls on the other side changes the gradient by about one part in
  the square root of its layer's size: ${shareOfKinked(all, "exactErrors")} of onnxruntime's draws and ${shareOfKinked(all, "torchErrors")} of PyTorch's are off by more than ${tolerance.toExponential(0)} for that reason.
- **float64**: for networks with kinks, the gradient graph in this package's float64 evaluator against PyTorch in float64, BatchNormalization
  kept: there no unit is that close to its kink, and what differs would be a wrong rule.
- **ratio**: time of the gradient graph (forward and backward in one run) over that of the plain forward pass of the exported file, one
  picture of the given size, two threads, turn by turn in one process, medians. ${summaryOfTimes(named)}
- **ms**: to differentiate the loaded graph, BatchNormalization folded, the least of three times;
  ${largest(
    compared,
    ({ differentiateMs }) => differentiateMs,
    (ms) => `${ms.toFixed(0)} ms`,
    bounds.ms,
  )}.
- **memory**: what that takes beyond the model, in multiples of the model's size: the larger of what the differentiated graph holds, and
  of how much the process grew at its largest, reading the file included, less the model's size;
  ${largest(compared, memoryOf, (multiple) => `${multiple.toFixed(2)} ×`, bounds.memory)}.

| network | opset | input | error | PyTorch | float64 | ratio | ms | memory | operators |
|---|---|---|---|---|---|---|---|---|---|
${named.map(([name, record]) => rowOf(name, record)).join("\n")}
`;
}
