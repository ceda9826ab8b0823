/** @file The registry of attacks: each by its name. */

import type { Classifier } from "../classifier/classifier.ts";
import { MisuseError, nearest } from "../errors.ts";
import type { ImageTensor } from "../image/picture.ts";
import type { AttackMethod, AttackOptions, AttackResult } from "./attack.ts";
import { carliniWagner } from "./carlini-wagner.ts";
import { deepfool } from "./deepfool-method.ts";
import { fgsm } from "./fgsm.ts";
import { l2, perceptual } from "./perceptual/perceptual-method.ts";
import { pgd } from "./pgd.ts";
import { pgdMean } from "./pgd-mean.ts";
import { checkAttackOptions, runAttack } from "./run-attack.ts";

/** The common options and, under the names that `optionKeys` lists, an attack's own: each attack checks them itself. */
export type AnyAttackOptions = AttackOptions & Readonly<Record<string, unknown>>;

export interface RegisteredAttack extends AttackMethod<AnyAttackOptions> {
  /** What the attack makes of `images` [C, H, W], pixels in [0, 1] at the network's size, in order; see {@link runAttack}. */
  attack(classifier: Classifier, images: readonly ImageTensor[], options?: AnyAttackOptions): Promise<AttackResult[]>;
  /** Throws the MisuseError that `attack` would throw for `options`, before any image is at hand. */
  check(classifier: Classifier, options?: AnyAttackOptions): void;
}

function registered<O extends AttackOptions>(typed: AttackMethod<O>): RegisteredAttack {
  const method = typed as unknown as AttackMethod<AnyAttackOptions>;
  return {
    ...method,
    attack: (classifier, images, options = {}) => runAttack(method, classifier, images, options),
    check(classifier, options = {}) {
      checkAttackOptions(method, classifier, options);
    },
  };
}

/** All attacks, in the order in which they are listed to users. */
export const attacks: readonly RegisteredAttack[] = [
  registered(perceptual),
  registered(l2),
  registered(pgd),
  registered(pgdMean),
  registered(fgsm),
  registered(carliniWagner),
  registered(deepfool),
];

/** The attack called `name`; throws a MisuseError with the nearest name if there is none. */
export function findAttack(name: string): RegisteredAttack {
  const found = attacks.find((attack) => attack.name === name);
  if (found !== undefined) return found;
  const names = attacks.map((attack) => attack.name);
  const hint = nearest(name, names);
  throw new MisuseError({
    where: "attack",
    what: "no such attack",
    expected: `one of ${names.join(", ")}`,
    got: JSON.stringify(name),
    advice: hint === undefined ? undefined : `Did you mean ${JSON.stringify(hint)}?`,
  });
}
