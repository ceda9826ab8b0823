/** @file The registry of attacks: each by its name. */
import { namedAmong } from "../errors.ts";
import { featureMatch } from "./adaptive/feature-match.ts";
import { logitMatch } from "./adaptive/logit-match.ts";
import { orthogonalPgd } from "./adaptive/orthogonal-pgd.ts";
import type { AnyAttack } from "./attack.ts";
import { apgd } from "./autoattack/apgd.ts";
import { autoattack } from "./autoattack/autoattack.ts";
import { fab } from "./autoattack/fab.ts";
import { square } from "./autoattack/square.ts";
import { carliniWagner } from "./carlini-wagner.ts";
import { fgsm } from "./fgsm.ts";
import { fastLpa } from "./lpips/fast-lpa.ts";
import { lpa } from "./lpips/lpa.ts";
import { ppgd } from "./lpips/ppgd.ts";
import { deepfool } from "./minimal/deepfool.ts";
import { ead } from "./minimal/ead.ts";
import { fmn } from "./minimal/fmn.ts";
import { hopskipjump } from "./minimal/hopskipjump.ts";
import { sparsefool } from "./minimal/sparsefool.ts";
import { l2, perceptual } from "./perceptual/perceptual.ts";
import { pgd } from "./pgd.ts";
import { pgdMean } from "./pgd-mean.ts";
import { miFgsm } from "./transfer/mi-fgsm.ts";

/** The attacks by name, in the order in which they are listed to users. */
export const attacksByName = {
  perceptual,
  l2,
  pgd,
  "pgd-mean": pgdMean,
  fgsm,
  "carlini-wagner": carliniWagner,
  deepfool,
  apgd,
  fab,
  square,
  autoattack,
  fmn,
  ead,
  sparsefool,
  hopskipjump,
  "mi-fgsm": miFgsm,
  lpa,
  ppgd,
  "fast-lpa": fastLpa,
  "logit-match": logitMatch,
  "feature-match": featureMatch,
  "orthogonal-pgd": orthogonalPgd,
} as const;

/** All attacks, in the same order. */
export const attacks: readonly AnyAttack[] = Object.values(attacksByName);

export type AttackName = keyof typeof attacksByName;

/** The attack called `name`, with its own types: a name that does not exist does not compile. For names from outside, {@link attackNamed}. */
export function findAttack<N extends AttackName>(name: N): (typeof attacksByName)[N] {
  attackNamed(name);
  return attacksByName[name];
}

/** The attack called `name`, whatever its options are; throws a MisuseError with the nearest name if there is none. */
export function attackNamed(name: string): AnyAttack {
  return namedAmong("attack", attacks, name);
}
