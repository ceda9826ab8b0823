/** @file The methods and attacks: which there are and what they need of a network. Loaded while the runtime starts, so that neither waits for the other. */
import { attacks } from "../../attacks/attacks.ts";
import type { Classifier } from "../../classifier/classifier.ts";
import { isWithoutGradient } from "../../classifier/network/prepare-model.ts";
import { PerceptualBallError } from "../../errors.ts";
import { expectedOf } from "../../options/option.ts";
import { type OptionSchema, writableOptions } from "../../options/schema.ts";
import { usualMethodsOf } from "../../report/explanation/usual-methods.ts";
import type { SaliencyMethod } from "../../saliency/method.ts";
import { saliencyMethods } from "../../saliency/methods.ts";
import type { NetworkView, OptionView, TechniqueView } from "../protocol.ts";

export { attackNamed } from "../../attacks/attacks.ts";
export { methodNamed } from "../../saliency/methods.ts";

/** All methods and attacks, with what they cost on `classifier`, or why they do not work there. */
export function techniqueViews(
  classifier: Classifier,
): Pick<NetworkView, "methods" | "attacks" | "usualMethod" | "usualAttack"> {
  const methods = saliencyMethods.map((method) => methodView(method, classifier));
  return {
    methods,
    usualMethod: usualMethodOf(classifier, methods),
    usualAttack: isWithoutGradient(classifier) ? "square" : "pgd",
    attacks: attacks.map((attack) => ({
      ...{ name: attack.name, title: attack.title, summary: attack.summary, source: attack.source },
      options: optionViews(attack.options),
      changes: true,
      refusal: refusalOf(() => attack.check(classifier)),
    })),
  };
}

/** The cheapest of the usual methods, of which the first draws the box. */
function usualMethodOf(classifier: Classifier, methods: readonly TechniqueView[]): string {
  const runs = (name: string): number => {
    const { forward, gradient } = methods.find((method) => method.name === name)?.cost ?? { forward: 0, gradient: 0 };
    return forward + gradient;
  };
  return usualMethodsOf(classifier).reduce((cheapest, name) => (runs(name) < runs(cheapest) ? name : cheapest));
}

function methodView(method: SaliencyMethod, classifier: Classifier): TechniqueView {
  const { name, title, summary, source, settings, perturbing, box } = method;
  const view = { name, title, summary, source, box, options: optionViews(settings), changes: perturbing !== undefined };
  try {
    return { ...view, cost: method.costOf(classifier) };
  } catch (error) {
    if (error instanceof PerceptualBallError) return { ...view, refusal: error.message };
    throw error;
  }
}

function refusalOf(check: () => void): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    if (error instanceof PerceptualBallError) return error.message;
    throw error;
  }
}

function optionViews(schema: OptionSchema): OptionView[] {
  return writableOptions(schema).map(([name, { doc, kind, fallbackText }]) => {
    return { name, doc, kind, expected: expectedOf(kind), fallbackText };
  });
}
