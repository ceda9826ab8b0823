import { existsSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { checkWritableFolder } from "./check-folder.ts";

const folder = mkdtempSync(join(tmpdir(), "check-folder-"));

/** What another process does between two steps of the trial. */
let meanwhile: (() => void) | undefined;
vi.mock("node:fs", async (original) => {
  const fs = await original<typeof import("node:fs")>();
  return {
    ...fs,
    writeFileSync(...given: Parameters<typeof fs.writeFileSync>) {
      fs.writeFileSync(...given);
      const now = meanwhile;
      meanwhile = undefined;
      now?.();
    },
  };
});

test("what another process begins at the same place meanwhile stays", () => {
  const out = join(folder, "a", "out");
  meanwhile = () => {
    mkdirSync(out, { recursive: true });
    writeFileSync(join(out, "records-1.jsonl"), "{}\n");
  };
  checkWritableFolder(out);
  expect(readdirSync(out)).toEqual(["records-1.jsonl"]);
  expect(readdirSync(folder)).toEqual(["a"]);
});

test("two trials at once do not disturb one another, and leave nothing", () => {
  const out = join(folder, "b", "out");
  meanwhile = () => checkWritableFolder(out);
  checkWritableFolder(out);
  expect(existsSync(join(folder, "b"))).toBe(false);
  mkdirSync(out, { recursive: true });
  meanwhile = () => checkWritableFolder(out);
  checkWritableFolder(out);
  expect(readdirSync(out)).toEqual([]);
});
