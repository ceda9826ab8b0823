import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { checkRunFolder, openRunFolder, readRunMark } from "./run-folder.ts";

let parent: string;
let folder: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "perceptual-ball-run-"));
  folder = join(parent, "out");
});
afterEach(() => rmSync(parent, { recursive: true }));

const put = (root: string, file: string, text = "new"): void => {
  mkdirSync(join(root, file, ".."), { recursive: true });
  writeFileSync(join(root, file), text);
};
const textOf = (file: string): string => readFileSync(join(folder, file), "utf8");

/** A run that writes these files, and is finished. */
async function runOf(names: readonly string[], files: readonly string[], text: string) {
  const opened = await openRunFolder(folder, "explain", names);
  for (const file of files) put(opened.path, file, text);
  return { opened, replaced: await opened.finish(2) };
}

test("a new folder is written to as it is, and says what is the run's", async () => {
  const { opened, replaced } = await runOf(["index.html", "a", "b"], ["index.html", "a/map.png", "a/m/map.png"], "1");
  expect(opened.path).toBe(folder);
  expect(replaced).toBeUndefined();
  const mark = readRunMark(folder);
  expect(mark).toMatchObject({ command: "explain", pictures: 2, names: ["index.html", "a", "b"] });
  expect(mark?.files).toEqual(["a/m/map.png", "a/map.png", "index.html"]);
  expect(Date.parse(mark?.finished ?? "")).toBeGreaterThanOrEqual(Date.parse(mark?.started ?? ""));
  expect(readdirSync(folder).sort()).toEqual(["a", "index.html", "run.json"]);
});

test("an earlier run's files stay until the new run is finished; then all of them are gone, and nothing else", async () => {
  await runOf(["index.html", "a", "b"], ["index.html", "a/map.png", "b/map.png", "b/old.png"], "1");
  put(folder, "b/notes.txt", "mine");
  put(folder, "thesis.tex", "mine");
  const opened = await openRunFolder(folder, "explain", ["index.html", "b", "c"]);
  put(opened.path, "index.html", "2");
  put(opened.path, "b/map.png", "2");
  put(opened.path, "c/map.png", "2");
  expect(opened.path).not.toBe(folder);
  expect([textOf("index.html"), textOf("b/map.png"), existsSync(join(folder, "c"))]).toEqual(["1", "1", false]);
  const replaced = await opened.finish(2);
  expect(replaced).toMatchObject({ pictures: 2, names: ["index.html", "a", "b"] });
  expect(readdirSync(folder).sort()).toEqual(["b", "c", "index.html", "run.json", "thesis.tex"]);
  expect(readdirSync(join(folder, "b")).sort()).toEqual(["map.png", "notes.txt"]);
  expect([textOf("index.html"), textOf("b/map.png"), textOf("b/notes.txt"), textOf("c/map.png")]).toEqual([
    ...["2", "2", "mine", "2"],
  ]);
  expect(readRunMark(folder)?.files).toEqual(["b/map.png", "c/map.png", "index.html"]);
});

test("a run that is abandoned leaves the earlier one as it was, or nothing", async () => {
  await runOf(["index.html"], ["index.html"], "1");
  const before = textOf("run.json");
  const second = await openRunFolder(folder, "explain", ["index.html", "a"]);
  put(second.path, "a/map.png");
  await second.abandon();
  expect([textOf("index.html"), textOf("run.json"), readdirSync(folder).length]).toEqual(["1", before, 2]);
  rmSync(folder, { recursive: true });
  const only = await openRunFolder(folder, "explain", ["index.html", "a"]);
  put(only.path, "a/map.png");
  await only.abandon();
  expect(existsSync(folder)).toBe(false);
});

test("what a killed run has left is the next run's to replace", async () => {
  const killed = await openRunFolder(folder, "explain", ["index.html", "a"]);
  put(killed.path, "a/map.png", "1");
  // As a process that is gone: its lock does not count any more.
  for (const file of readdirSync(folder)) if (file.includes(".lock")) rmSync(join(folder, file));
  const { replaced } = await runOf(["index.html", "b"], ["index.html", "b/map.png"], "2");
  expect(replaced).toMatchObject({ finished: null });
  expect(readdirSync(folder).sort()).toEqual(["b", "index.html", "run.json"]);
  // And one that was killed while it replaced another: what it had begun to write lies apart, and is no result.
  const staged = await openRunFolder(folder, "explain", ["index.html", "c"]);
  put(staged.path, "c/map.png", "3");
  for (const file of readdirSync(folder)) if (file.includes(".lock")) rmSync(join(folder, file));
  await runOf(["index.html", "d"], ["index.html", "d/map.png"], "4");
  expect(readdirSync(folder).sort()).toEqual(["d", "index.html", "run.json"]);
});

test("two runs at once are refused", async () => {
  const first = await openRunFolder(folder, "explain", ["index.html"]);
  await expect(openRunFolder(folder, "explain", ["index.html"])).rejects.toThrow(/run\.json/);
  put(first.path, "index.html");
  await first.finish(1);
  await (await openRunFolder(folder, "explain", ["index.html"])).abandon();
});

test.each([
  { file: "index.html", names: ["index.html", "a"], says: /index\.html would be overwritten/ },
  { file: "a/photo.jpg", names: ["index.html", "a"], says: /a would be overwritten/ },
  { file: "run.json", names: ["index.html"], says: /run\.json would be overwritten/ },
])("$file of somebody else is not touched", async ({ file, names, says }) => {
  put(folder, file, "mine");
  expect(() => checkRunFolder(folder, "explain", names)).toThrow(says);
  await expect(openRunFolder(folder, "explain", names)).rejects.toThrow(says);
  expect(textOf(file)).toBe("mine");
});

test("another command's folder is not this one's, and files beside are no obstacle", async () => {
  await runOf(["index.html"], ["index.html"], "1");
  expect(() => checkRunFolder(folder, "attack", ["index.html"])).toThrow(/no earlier run of attack/);
  put(folder, "other.txt");
  expect(() => checkRunFolder(folder, "explain", ["index.html", "a"])).not.toThrow();
});

test("run.json that leads out of the folder is nobody's", () => {
  const mark = { command: "explain", started: "", finished: "", pictures: 1, names: ["index.html"], files: ["../x"] };
  put(folder, "run.json", JSON.stringify(mark));
  put(folder, "index.html", "mine");
  expect(readRunMark(folder)).toBeUndefined();
  expect(() => checkRunFolder(folder, "explain", ["index.html"])).toThrow(/would be overwritten/);
  put(folder, "run.json", JSON.stringify({ ...mark, files: ["index.html"] }));
  expect(() => checkRunFolder(folder, "explain", ["index.html"])).not.toThrow();
});
