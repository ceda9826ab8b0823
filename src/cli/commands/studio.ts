/** @file `perceptual-ball studio`: the page, served on this machine. */
import { spawn } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { basename, dirname, extname, join, resolve } from "node:path";
import { Command, Option } from "commander";
import { isModelName } from "../../datasets/paths.ts";
import { BadInputError, MisuseError } from "../../errors.ts";
import { packageRoot } from "../../node/package-root.ts";
import { pathBytes } from "../../node/path-bytes.ts";
import { serveFolder } from "../../node/serve-folder.ts";
import { studioHeaders } from "../../web/content-security-policy.ts";
import { type CliContext, say, sayAside } from "../context.ts";
import { number } from "../flags/parse-values.ts";
import { systemOpener } from "../reports/page-link.ts";

interface StudioFlags {
  readonly port: number;
  readonly open: boolean;
}

export function studioCommand(context: CliContext): Command {
  return new Command("studio")
    .description(
      "Serves a page in which one drops a model and a picture, and watches what the network looks at. " +
        "Everything is computed in the browser; the page may ask nobody but this server, and the server answers nobody but this machine.",
    )
    .argument("[files...]", "an ONNX model, and pictures; without them the bundled classifier and rendered scenes")
    .addOption(
      new Option("--port <n>", "port on the loopback interface")
        .default(0, "any that is free")
        .argParser(number("--port", { min: 0, max: 65535, integer: true })),
    )
    .option("--no-open", "do not open the browser")
    .addHelpText(
      "after",
      `
Examples:
  perceptual-ball studio
  perceptual-ball studio resnet50.onnx dog.jpg cat.png

Weights beside the model (model.onnx.data) are opened with it.
Ctrl-C ends the server.`,
    )
    .action((files: string[], flags: StudioFlags) => studio(files, flags, context));
}

/** Where the built page lies. */
const folder = join(packageRoot, "dist/studio");

async function studio(given: readonly string[], { port, open }: StudioFlags, { io }: CliContext): Promise<void> {
  if (statSync(join(folder, "index.html"), { throwIfNoEntry: false }) === undefined) {
    throw new BadInputError({
      where: "studio",
      what: "the page has not been built",
      expected: join(folder, "index.html"),
      advice: "In a checkout, `npm run build` builds it.",
    });
  }
  const models = given.filter(isModelName);
  if (models.length > 1) {
    throw new MisuseError({ where: "studio", what: "one model at a time", expected: "one", got: models.join(", ") });
  }
  for (const file of given) {
    if (statSync(pathBytes(file), { throwIfNoEntry: false })?.isFile() === true) continue;
    throw new BadInputError({ where: file, what: "no such file" });
  }
  const [model] = models;
  const pictures = given.filter((file) => file !== model);
  const files = new Map<string, string>();
  const put = (file: string): string => {
    const path = `files/${files.size}/${basename(file)}`;
    files.set(path, resolve(file));
    return path.split("/").map(encodeURIComponent).join("/");
  };
  const hash = new URLSearchParams();
  if (model !== undefined) {
    hash.set("model", put(model));
    for (const weights of weightsBeside(model)) hash.append("beside", put(weights));
  }
  for (const picture of pictures) hash.append("file", put(picture));
  const served = await serveFolder({ folder, files, headers: studioHeaders, port });
  const address = `${served.address}${hash.size === 0 ? "" : `#${hash}`}`;
  say(io, `The studio is at ${address}`, "Ctrl-C ends it.");
  if (open) openBrowser(address, (text) => sayAside(io, text));
  await aborted(io.signal);
  await served.close();
}

/** Files whose names begin with the model's: where exporters put weights that do not fit into it. */
function weightsBeside(model: string): string[] {
  const [name, stem] = [basename(model), basename(model, extname(model))];
  return readdirSync(dirname(resolve(model)))
    .filter(
      (other) =>
        other !== name && (other.startsWith(`${name}.`) || other.startsWith(`${name}_`) || other === `${stem}.data`),
    )
    .map((other) => join(dirname(resolve(model)), other));
}

function openBrowser(address: string, note: (text: string) => void): void {
  const [program, args] = systemOpener(address, process.platform);
  const child = spawn(program, args, { stdio: "ignore", detached: true });
  child.on("error", () => note("No browser could be opened; the address above is where the page is."));
  child.unref();
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal.aborted) done();
    else signal.addEventListener("abort", () => done(), { once: true });
  });
}
