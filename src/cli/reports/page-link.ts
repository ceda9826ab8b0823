/** @file The way from the terminal to a page: a link that terminals open, and the browser itself. */
import { spawn } from "node:child_process";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { printable } from "../../escape-text.ts";
import type { RunMark } from "../../node/run-folder.ts";
import type { CliIo, OutputStream } from "../context.ts";

/**
 * The path `page` as it is shown on `stream`: in a terminal as a link to the file (OSC 8, which terminals that do not know it ignore),
 * elsewhere and in terminals that say that they are dumb as it is.
 */
export function pageLink(page: string, stream: OutputStream, env: CliIo["env"]): string {
  if (!stream.isTTY || env.TERM === "dumb") return printable(page);
  return `\u001b]8;;${pathToFileURL(resolve(page)).href}\u001b\\${printable(page)}\u001b]8;;\u001b\\`;
}

/** Says where a page is: as a link where the terminal makes one. */
export function sayPage(io: CliIo, page: string): void {
  io.stdout.write(`Report: ${pageLink(page, io.stdout, io.env)}\n`);
}

/** "the report of 2 pictures from 2026-04-01 12:30 UTC, which was unfinished", in words for whoever ran the command. */
export function describeReplaced({ started, finished, pictures }: RunMark): string {
  const when = `${started.slice(0, 10)} ${started.slice(11, 16)} UTC`;
  if (finished === null) return `an unfinished report from ${when}`;
  return `the report of ${pictures} picture${pictures === 1 ? "" : "s"} from ${when}`;
}

/** The system's program that opens the page at an address, with its arguments. */
export function systemOpener(address: string, platform: NodeJS.Platform): readonly [string, readonly string[]] {
  if (platform === "darwin") return ["open", [address]];
  if (platform === "win32") return ["rundll32", ["url.dll,FileProtocolHandler", address]];
  return ["xdg-open", [address]];
}

/** How long an opener may take to say that it cannot; browsers that it starts may run for hours. */
const patienceMs = 3000;

/**
 * Opens `page` in the browser: the one that BROWSER names, or the system's. What is wrong comes back as a sentence, undefined if the browser was
 * started: a page that cannot be opened is there all the same.
 */
export async function openPage(
  page: string,
  env: CliIo["env"],
  platform: NodeJS.Platform = process.platform,
): Promise<string | undefined> {
  const address = pathToFileURL(resolve(page)).href;
  const [program, args] = env.BROWSER ? [env.BROWSER, [address]] : systemOpener(address, platform);
  return await new Promise((done) => {
    const child = spawn(program, args, { stdio: "ignore", detached: true, windowsHide: true });
    const complain = (why: string): void =>
      done(`--open: ${program} did not open the page (${why}). Open ${page} yourself.`);
    const timer = setTimeout(() => done(undefined), patienceMs);
    child.on("error", ({ message }) => complain(message));
    child.on("exit", (code) => (code === 0 ? done(undefined) : complain(`exit code ${code}`)));
    child.on("close", () => clearTimeout(timer));
    child.unref();
  });
}
