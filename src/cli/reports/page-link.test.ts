import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Writable } from "node:stream";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { openPage, pageLink } from "./page-link.ts";

const stream = (isTTY: boolean) => Object.assign(new Writable(), { isTTY });

test("a link in a terminal, a path everywhere else", () => {
  const page = "my report/index.html";
  const address = pathToFileURL(resolve(page)).href;
  expect(address).toContain("my%20report");
  expect(pageLink(page, stream(true), {})).toBe(`\u001b]8;;${address}\u001b\\${page}\u001b]8;;\u001b\\`);
  expect(pageLink(page, stream(false), {})).toBe(page);
  expect(pageLink(page, stream(true), { TERM: "dumb" })).toBe(page);
});

test.skipIf(process.platform === "win32")(
  "the browser is given the page's address; one that fails is said",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "perceptual-ball-open-"));
    try {
      const script = (name: string, text: string): string => {
        const path = join(folder, name);
        writeFileSync(path, `#!/bin/sh\n${text}\n`);
        chmodSync(path, 0o755);
        return path;
      };
      const page = join(folder, "a b.html");
      const seen = join(folder, "seen");
      expect(await openPage(page, { BROWSER: script("good", `printf %s "$1" > '${seen}'`) })).toBeUndefined();
      expect(readFileSync(seen, "utf8")).toBe(pathToFileURL(page).href);
      expect(await openPage(page, { BROWSER: script("bad", "exit 3") })).toMatch(
        /bad did not open the page \(exit code 3\)/,
      );
      expect(await openPage(page, { BROWSER: join(folder, "none") })).toMatch(
        /none did not open the page \(spawn .*ENOENT\)/,
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);
