import { Command } from "commander";
import { expect, test } from "vitest";
import { addMethodFlags, methodHelp, methodRunsOf } from "./method-flags.ts";

function runsOf(...argv: string[]) {
  const command = addMethodFlags(new Command().exitOverride().configureOutput({ outputError() {} }));
  return methodRunsOf(command.parse(argv, { from: "user" }).opts());
}

test("all methods run by default, each once, in the registry's order", () => {
  const names = runsOf().map(({ name }) => name);
  expect(names).toContain("perceptual");
  expect(new Set(names).size).toBe(names.length);
  expect(runsOf("--methods", "all,gradient").map(({ name }) => name)).toEqual(names);
  expect(methodHelp().split("\n")).toHaveLength(names.length);
});

test("settings are JSON where they can be, otherwise text, and belong to one method", () => {
  const [gradient, rise] = runsOf(
    ...["--methods", "gradient,rise", "--set", "rise.masks=12", "--set", "rise.preset=paper", "--set", "rise.a=b.c=d"],
  );
  expect(gradient.settings).toEqual({});
  expect(rise.settings).toEqual({ masks: 12, preset: "paper", a: "b.c=d" });
});

test("variants are methods once more; commas inside of brackets divide nothing", () => {
  const runs = runsOf(
    ...["--methods", "none", "--variant", 'two layers=perceptual,layers=["Relu[:3]",7],margin=-2,preset=paper'],
    ...["--variant", "plain=gradient"],
  );
  expect(runs.map(({ name, method }) => [name, method.name])).toEqual([
    ["two layers", "perceptual"],
    ["plain", "gradient"],
  ]);
  expect(runs[0].settings).toEqual({ layers: ["Relu[:3]", 7], margin: -2, preset: "paper" });
  expect(runs[1].settings).toEqual({});
});

test("what cannot be meant is refused", () => {
  expect(() => runsOf("--set", "masks=3")).toThrow(/--set: not a setting.*METHOD\.NAME=VALUE/);
  expect(() => runsOf("--variant", "x")).toThrow(/--variant: not a variant/);
  expect(() => runsOf("--variant", "x=perceptual,margin")).toThrow(/--variant: not a variant/);
  expect(() => runsOf("--variant", "x=perceptul")).toThrow(/Did you mean perceptual/);
  expect(() => runsOf("--methods", "rise", "--set", "risse.masks=3")).toThrow(/Did you mean rise/);
});
