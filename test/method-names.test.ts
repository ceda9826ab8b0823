import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { saliencyMethods } from "../src/saliency/methods.ts";

/** Where methods are defined. Their files know their own names; nobody else's does. */
const ownFiles = /^saliency\/(gradients|cams|perturbations|relevance|superpixels|attention|rise|extremal|occlusion)\//;
/** Names that are words for other things as well: an attack, a distance, an output. Only questions about them are looked for. */
const alsoWords = ["perceptual", "gradient", "deepfool", "rise", "occlusion", "extremal"];

const source = resolve(import.meta.dirname, "../src");
const modules = readdirSync(source, { recursive: true, encoding: "utf8" })
  .map((file) => file.replaceAll("\\", "/"))
  .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts") && !ownFiles.test(file))
  // What runs unless told otherwise is a choice of names.
  .filter((file) => file !== "report/explanation/usual-methods.ts")
  .map((file) => ({ file, text: readFileSync(join(source, file), "utf8") }));
const names = saliencyMethods.map(({ name }) => name);

/** The file and the name of each place that `pattern` matches. */
function places(pattern: RegExp): string[] {
  return modules.flatMap(({ file, text }) => [...text.matchAll(pattern)].map(([place]) => `${file}: ${place}`));
}

test("the names of methods stand in their own files only", () => {
  const unmistakable = names.filter((name) => !alsoWords.includes(name));
  expect(unmistakable.length).toBeGreaterThan(8);
  expect(places(new RegExp(`["'\`](${unmistakable.join("|")})["'\`]`, "g"))).toEqual([]);
});

test("no module asks for a method by its name: it asks for what the method says of itself", () => {
  const name = `["'\`](${names.join("|")})["'\`]`;
  const questions = [
    `[=!]==\\s*${name}`,
    `${name}\\s*[=!]==`,
    `case ${name}`,
    `\\.(includes|has|get|startsWith|endsWith|indexOf)\\(${name}`,
    `(findMethod|methodNamed)\\(${name}`,
    `\\bmethods(\\[${name}\\]|\\.(${names.join("|")})\\b)`,
  ];
  expect(places(new RegExp(questions.join("|"), "g"))).toEqual([]);
});
