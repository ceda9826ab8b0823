import { expect, test } from "vitest";
import { benchmarkStyle } from "./benchmark-style.ts";

/** What the rules of a selector say, by property; `within` a rule of media. */
function declarations(selector: string, within?: string): Record<string, string> {
  const css =
    within === undefined
      ? benchmarkStyle.replace(/@media[^{]*\{(?:[^{}]*\{[^{}]*\})*\}/g, "")
      : (new RegExp(`@media ${within}\\{((?:[^{}]*\\{[^{}]*\\})*)\\}`).exec(benchmarkStyle)?.[1] ?? "");
  const rules = [...css.matchAll(/([^{}]+)\{([^{}]*)\}/g)].filter(([, names]) =>
    names
      .split(",")
      .map((name) => name.trim())
      .includes(selector),
  );
  return Object.fromEntries(
    rules.flatMap(([, , body]) => body.split(";").map((one) => one.split(":") as [string, string])),
  );
}

test("plots lie on white in the dark as well, and so do their titles", () => {
  expect(declarations(".plots figure").background).toBe("#fff");
  // Not the ink of the page, which is nearly white in the dark.
  for (const text of [".plots figcaption", ".plots figcaption b"]) {
    expect(declarations(text).color, text).toMatch(/^#[0-6]/);
  }
});

test("paper does not scroll: tables are there whole, no title without what it is of", () => {
  expect(declarations(".scroll", "print").overflow).toBe("visible");
  expect(declarations(".results td", "print")["white-space"]).toBe("normal");
  expect(declarations("h2", "print")["break-after"]).toBe("avoid");
});
