import { Command } from "commander";
import { describe, expect, test } from "vitest";
import { describeOption } from "../../options/describe.ts";
import { writableOptions } from "../../options/schema.ts";
import { type AttackRunFlags, attackRunsOf } from "./attack-flags.ts";
import { addRunnableFlags, attackKind, flagOf, methodKind, runnableHelp, runsOf } from "./runnables.ts";

const quiet = (): Command => new Command().exitOverride().configureOutput({ outputError() {} });
const all = { fallback: ["all"], hasVariants: true };

function runsOfMethods(...argv: string[]) {
  const command = addRunnableFlags(quiet(), methodKind, all);
  return runsOf(methodKind, command.parse(argv, { from: "user" }).opts(), all);
}

function runsOfAttacks(...argv: string[]) {
  const command = addRunnableFlags(quiet(), attackKind, { fallback: ["pgd"], hasVariants: true });
  const flags: AttackRunFlags = command.parse(argv, { from: "user" }).opts();
  return attackRunsOf(flags, { fallback: ["pgd"], hasVariants: true });
}

test("a flag that a command uses for something else is no setting, whoever has one of its name", () => {
  const command = quiet().option("--channels <order>");
  addRunnableFlags(command, methodKind, all);
  const flags = command.parse(["--channels", "bgr", "--method", "gradient,score-cam"], { from: "user" }).opts();
  expect(runsOf(methodKind, flags, all).map(({ settings }) => settings)).toEqual([{}, {}]);
  const own = runsOfMethods("--channels", "5", "--method", "score-cam");
  expect(own.map(({ settings }) => settings)).toEqual([{ channels: 5 }]);
});

describe("which run", () => {
  test("all by default, each once, in the registry's order; both spellings are one flag", () => {
    const names = runsOfMethods().map(({ name }) => name);
    expect(names).toContain("perceptual");
    expect(new Set(names).size).toBe(names.length);
    expect(runsOfMethods("--methods", "all,gradient").map(({ name }) => name)).toEqual(names);
    expect(runsOfMethods("--method", "rise,gradient").map(({ name }) => name)).toEqual(["rise", "gradient"]);
    expect(runsOfAttacks("--attacks", "fgsm").map(({ name }) => name)).toEqual(["fgsm"]);
    expect(runsOfAttacks("--attack", "fgsm").map(({ name }) => name)).toEqual(["fgsm"]);
    expect(runnableHelp(methodKind).split("\n")).toHaveLength(names.length);
  });

  test("variants are once more the same; commas inside of brackets divide nothing", () => {
    const runs = runsOfMethods(
      ...["--methods", "none", "--variant", "two layers=perceptual,layers=[Relu[:3],7],margin=-2,preset=paper"],
      ...["--variant", "plain=gradient"],
    );
    expect(runs.map(({ name, of }) => [name, of.name])).toEqual([
      ["two layers", "perceptual"],
      ["plain", "gradient"],
    ]);
    expect(runs[0]?.settings).toEqual({ layers: ["Relu[:3]", 7], margin: -2, preset: "paper" });
    expect(runs[1]?.settings).toEqual({});
    const [, variant] = runsOfAttacks("--variant", "T/-1=perceptual,margin=-1");
    expect(variant).toMatchObject({ name: "T/-1", group: "T", settings: { margin: -1 } });
  });
});

describe("settings", () => {
  test("of the only one by its name, of several by both names; values are what the setting takes", () => {
    const one = runsOfMethods("--method", "rise", "--set", "masks=12", "--set", "preset=paper");
    expect(one[0]?.settings).toEqual({ masks: 12, preset: "paper" });
    const [gradient, rise] = runsOfMethods("--method", "gradient,rise", "--set", "rise.masks=12");
    expect([gradient?.settings, rise?.settings]).toEqual([{}, { masks: 12 }]);
    expect(runsOfAttacks("--attack", "pgd", "--set", "epsilon=4/255")[0]?.settings).toEqual({ epsilon: 4 / 255 });
  });

  test("by flags that are made of the schemas; --set takes precedence", () => {
    const flags = [
      "--perceptual-weight",
      "10",
      "--layers",
      "Relu[1],4",
      "--epsilon",
      "8/255",
      "--set",
      "epsilon=1/255",
    ];
    expect(runsOfMethods("--method", "perceptual", ...flags)[0]?.settings).toEqual({
      perceptualWeight: 10,
      layers: ["Relu[1]", 4],
      epsilon: 1 / 255,
    });
    const [pgd, fgsm, wagner] = runsOfAttacks(
      "--attack",
      "pgd,fgsm,carlini-wagner",
      "--epsilon",
      "0.1",
      "--steps",
      "3",
    );
    expect(pgd?.settings).toEqual({ epsilon: 0.1, steps: 3 });
    expect(fgsm?.settings).toEqual({ epsilon: 0.1 });
    expect(wagner?.settings).toEqual({ steps: 3 });
  });

  test("a word goes to those that know it", () => {
    const [perceptual, deepfool] = runsOfMethods("--method", "perceptual,deepfool", "--preset", "released");
    expect([perceptual?.settings, deepfool?.settings]).toEqual([{ preset: "released" }, {}]);
    expect(() => runsOfMethods("--method", "perceptual,deepfool", "--preset", "none")).toThrow(
      /--preset: unknown value/,
    );
  });

  test("every setting that text can hold has a flag, with the schema's own words, but where the command has another flag of that name", () => {
    const command = addRunnableFlags(quiet().option("--samples <n>"), methodKind, all);
    for (const { settings } of methodKind.all) {
      for (const [name] of writableOptions(settings)) {
        expect(command.options.some(({ long }) => long === flagOf(name))).toBe(true);
      }
    }
    const weight = command.options.find(({ long }) => long === "--perceptual-weight");
    const [spec] = methodKind.all.flatMap(({ settings }) => settings.perceptualWeight ?? []);
    expect(spec).toBeDefined();
    if (spec !== undefined) expect(weight?.description).toContain(describeOption(spec));
    expect(command.options.filter(({ long }) => long === "--samples")).toHaveLength(1);
  });
});

test("what cannot be meant is refused", () => {
  expect(() => runsOfMethods("--set", "masks")).toThrow(/--set: not a setting.*METHOD\.NAME=VALUE/);
  expect(() => runsOfMethods("--set", "masks=3")).toThrow(/--set: whose setting "masks" is meant is open/);
  expect(() => runsOfMethods("--variant", "x")).toThrow(/--variant: not a variant/);
  expect(() => runsOfMethods("--variant", "x=perceptual,margin")).toThrow(/--variant: not a variant/);
  expect(() => runsOfMethods("--variant", "x=perceptul")).toThrow(/Did you mean perceptual/);
  expect(() => runsOfMethods("--variant", "rise=rise")).toThrow(/the name "rise" is taken already/);
  expect(() => runsOfMethods("--methods", "none")).toThrow(/--method: no method is to run/);
  expect(() => runsOfMethods("--methods", "rise", "--set", "risse.masks=3")).toThrow(/Did you mean rise/);
  expect(() => runsOfMethods("--method", "rise", "--masks", "0")).toThrow(/--masks: value out of range/);
  expect(() => runsOfMethods("--method", "gradient", "--masks", "9")).toThrow(
    /--masks: gradient has no such setting.*rise/,
  );
  expect(() => runsOfAttacks("--attack", "none", "--variant", "T=pgd,steps=0")).toThrow(
    /pgd: steps: value out of range/,
  );
});
