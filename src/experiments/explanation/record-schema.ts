/** @file The form of `result.json` as a JSON Schema (draft 2020-12), for programs in other languages that read it. */

import { attackOutcomes } from "../../attacks/attack.ts";
import { checkForm } from "../../errors.ts";
import { type JsonSchema, optionsJsonSchema } from "../../options/json-schema.ts";
import type { OptionSchema } from "../../options/schema.ts";
import type { SaliencyMethod } from "../../saliency/method.ts";
import { saliencyMethods } from "../../saliency/methods.ts";
import { topCount } from "../records/label-record.ts";

/** As much of JSON Schema as records need. */
export interface RecordJsonSchema extends Omit<JsonSchema, "properties" | "items" | "additionalProperties"> {
  readonly $schema?: string;
  readonly title?: string;
  readonly const?: unknown;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, RecordJsonSchema>>;
  readonly items?: RecordJsonSchema;
  readonly maxItems?: number;
  readonly anyOf?: readonly RecordJsonSchema[];
  readonly allOf?: readonly RecordJsonSchema[];
  readonly if?: RecordJsonSchema;
  readonly then?: RecordJsonSchema;
  readonly else?: RecordJsonSchema;
  readonly additionalProperties?: boolean | RecordJsonSchema;
}

const text: RecordJsonSchema = { type: "string" };
const number: RecordJsonSchema = { type: "number" };
const count: RecordJsonSchema = { type: "integer", minimum: 0 };
const share: RecordJsonSchema = { type: "number", minimum: 0, maximum: 1.000001 };
const truth: RecordJsonSchema = { type: "boolean" };
const anything: RecordJsonSchema = { type: "object" };
const nothing: RecordJsonSchema = { type: "null" };
const texts: RecordJsonSchema = { type: "array", items: text };
const box: RecordJsonSchema = { type: "array", items: number, minItems: 4, maxItems: 4 };

/** All of these names and no others. */
function exactly(properties: Readonly<Record<string, RecordJsonSchema>>): RecordJsonSchema {
  return { type: "object", required: Object.keys(properties), properties, additionalProperties: false };
}

const orNull = (schema: RecordJsonSchema): RecordJsonSchema => ({ anyOf: [schema, nothing] });
const described = (description: string, schema: RecordJsonSchema): RecordJsonSchema => ({ description, ...schema });

const label = exactly({ index: count, name: text, confidence: share });
const classNamed = exactly({ index: count, name: text });
const bothPictures = exactly({ clean: share, adversarial: share });
const labels: RecordJsonSchema = { type: "array", items: label, maxItems: topCount };

/** What only records of methods that change the picture have, and what they have otherwise than those of the others. */
const perturbationFields = {
  outcome: { enum: attackOutcomes },
  solverOutcome: described("Why the search stopped.", { type: ["string", "null"] }),
  adversarialLabel: described("The predicted class of the perturbed picture.", label),
  confidences: exactly({ label: bothPictures, adversarialLabel: bothPictures }),
  margin: exactly({ clean: number, adversarial: number }),
  top: exactly({ clean: labels, adversarial: labels }),
  distances: described(
    "From the clean picture, in pixels of [0, 1]; l0 counts positions.",
    exactly({ l0: count, l1: number, l2: number, linf: number, perceptual: { type: ["number", "null"] } }),
  ),
  rounded: described("What the network says of perturbed.png.", exactly({ ...classNamed.properties, flipped: truth })),
  layers: texts,
} satisfies Record<string, RecordJsonSchema>;

const mapFields = {
  outcome: { const: "explained" },
  adversarialLabel: nothing,
  margin: exactly({ clean: number, adversarial: nothing }),
  top: exactly({ clean: labels, adversarial: nothing }),
  distances: nothing,
} satisfies Record<string, RecordJsonSchema>;

const mapFiles = ["input", "overlay", "panel", "map", "mapNpy", "result"] as const;
const files = (names: readonly string[]): RecordJsonSchema =>
  exactly(Object.fromEntries(names.map((name) => [name, text])));

/** How the map became a box: these stand among the settings. */
const ruleFields = {
  sigmaPixels: { type: "number", minimum: 0 },
  threshold: { type: "object", required: ["kind"], properties: { kind: text } },
  connectivity: { enum: [4, 8] },
} satisfies Record<string, RecordJsonSchema>;

/** Settings in effect: where a word follows from other settings, it may be one that cannot be given. */
function settingsSchema(description: string, settings: OptionSchema): RecordJsonSchema {
  const { properties = {}, ...schema } = optionsJsonSchema(settings, { open: true });
  const inEffect = Object.entries(properties).map(([name, { enum: choices, ...rest }]) => {
    const isDerived = choices === undefined || choices.includes(null);
    return [name, isDerived ? rest : { ...rest, enum: choices }] as const;
  });
  return { description, ...schema, properties: Object.fromEntries(inEffect) };
}

/**
 * The schema of the records of `explain`. Settings are those of the method that the record names, as its options say; settings that follow
 * from them may be there besides. A record of a method that is not among `methods` (by default, all there are) may have any settings.
 */
export function explanationRecordSchema(methods: readonly SaliencyMethod[] = saliencyMethods): RecordJsonSchema {
  checkForm("explanationRecordSchema: methods", methods, "list");
  const common = {
    kind: { enum: ["perturbation", "map"] },
    ...{ image: text, method: text, methodTitle: text, methodSummary: text, methodSource: text },
    mapShows: { enum: ["change", "interest"] },
    model: exactly({ path: text, sha256: text }),
    label: described(
      "The class that is explained, with its softmax on the clean picture; null where the output is taken as a number.",
      exactly({ index: count, name: text, confidence: orNull(share) }),
    ),
    number: described("What the output is, where it is taken as a number.", orNull({ type: "number" })),
    top: described("The most probable classes before and after.", { type: "object" }),
    adversarialLabel: {},
    margin: {},
    distances: {},
    outcome: {},
    outcomeDescription: text,
    target: orNull(classNamed),
    evaluations: described("Runs of the network with gradient.", count),
    forwardEvaluations: described("Runs of the network without.", count),
    seconds: { type: "number", minimum: 0 },
    box: described("[x0, y0, x1, y1), in pixels of the picture as given.", orNull(box)),
    inputBox: described("The same in pixels of the network's input.", orNull(box)),
    boxShare: orNull(exactly({ area: share, change: share })),
    groundTruth: orNull(exactly({ box, iou: share })),
    settings: { type: "object", required: Object.keys(ruleFields), properties: ruleFields },
    details: anything,
    preprocessing: anything,
    head: anything,
    labelsReason: text,
    warnings: { type: "array", items: exactly({ code: text, message: text }) },
    versions: exactly({ perceptualBall: text, runtime: text, platform: text }),
    files: {},
  } satisfies Record<string, RecordJsonSchema>;
  const onlyOfPerturbations = Object.keys(perturbationFields).filter((name) => !(name in common));
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "result.json of perceptual-ball explain",
    type: "object",
    required: Object.keys(common),
    properties: { ...common, ...Object.fromEntries(onlyOfPerturbations.map((name) => [name, {}])) },
    additionalProperties: false,
    allOf: [
      {
        if: { properties: { kind: { const: "perturbation" } } },
        // biome-ignore lint/suspicious/noThenProperty: the name is JSON Schema's
        then: {
          required: [...onlyOfPerturbations],
          properties: { ...perturbationFields, files: files([...mapFiles, "perturbed", "perturbation"]) },
        },
        else: { properties: { ...mapFields, files: files(mapFiles) } },
      },
      ...methods.map(({ name, settings, summary }) => ({
        if: { properties: { method: { const: name } } },
        // biome-ignore lint/suspicious/noThenProperty: the name is JSON Schema's
        then: { properties: { settings: settingsSchema(summary, settings) } },
      })),
    ],
  };
}
