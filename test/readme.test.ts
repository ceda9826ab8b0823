import { execFile } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { Writable } from "node:stream";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import type { Command } from "commander";
import * as ort from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CliIo } from "../src/cli/context.ts";
import { commandLine, run } from "../src/cli/run.ts";
import { writePng } from "../src/node/pictures/write-image.ts";
import { bundledScenes } from "../src/scenes/scenes.ts";
import { given } from "./given.ts";

const root = resolve(import.meta.dirname, "..");
const documents = [
  "README.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  "OPERATORS.md",
  "examples/wrong-cue/README.md",
  ...readdirSync(join(import.meta.dirname, "../docs"))
    .filter((file) => file.endsWith(".md"))
    .map((file) => `docs/${file}`),
];
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const packageJson = JSON.parse(read("package.json")) as { scripts: Record<string, string> };

/** The fenced blocks of a document in one of the given languages. */
function blocksOf(document: string, ...languages: string[]): string[] {
  const blocks = read(document).matchAll(/^( *)```(\w+)\n([\s\S]*?)^ *```$/gm);
  return [...blocks].flatMap(([, indent, language, text]) =>
    languages.includes(language) ? [text.replaceAll(new RegExp(`^${indent}`, "gm"), "")] : [],
  );
}

/** The words of a command line as a shell sees them, up to a comment or a redirection. */
function wordsOf(line: string): string[] {
  const [command] = line.split(/\s[#>]/);
  return Array.from(
    command.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g),
    ([, single, double, plain]) => single ?? double ?? plain,
  );
}

/** The lines that run the command line, as its arguments. */
function commandLines(document: string): string[][] {
  return blocksOf(document, "sh", "console").flatMap((block) =>
    block.split("\n").flatMap((line) => {
      const words = wordsOf(line.replace(/^\$ /, ""));
      const start = words.indexOf("perceptual-ball");
      return start === 0 || words[start - 1] === "npx" ? [words.slice(start + 1)] : [];
    }),
  );
}

class Sink extends Writable {
  text = "";
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk;
    done();
  }
}

function testIo(): CliIo & { readonly stdout: Sink; readonly stderr: Sink } {
  return { stdout: new Sink(), stderr: new Sink(), signal: new AbortController().signal, env: {} };
}

describe("documents", () => {
  test.each(documents)("%s: every file it links to exists", (document) => {
    const targets = [...read(document).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target.split("#")[0]);
    const files = targets.filter((target) => target !== "" && !/^https?:/.test(target));
    expect(files.filter((file) => !existsSync(resolve(root, dirname(document), file)))).toEqual([]);
  });

  test.each(documents)("%s: every path in the repository that it names exists", (document) => {
    const paths = Array.from(
      read(document).matchAll(/`((?:src|test|docs|bench|scripts|assets|training|conformance)\/[\w./-]+)`/g),
      ([, path]) => path,
    );
    expect(paths.filter((path) => !existsSync(join(root, path)) && path !== "training/data")).toEqual([]);
  });

  test.each(documents)("%s: every npm script it names exists", (document) => {
    const scripts = Array.from(read(document).matchAll(/npm (?:run ([\w:]+)|(start|test)\b)/g), ([, a, b]) => a ?? b);
    expect(scripts.filter((script) => !(script in packageJson.scripts))).toEqual([]);
  });

  test("the snippets of CONTRIBUTING.md are the code", () => {
    const snippets = blocksOf("CONTRIBUTING.md", "ts");
    expect(snippets.length).toBeGreaterThan(3);
    for (const snippet of snippets) {
      const [, path, code] = given(/^\/\/ (\S+)\n([\s\S]+)$/.exec(snippet));
      // Rows of a table are indented there.
      expect(read(path).replaceAll(/^ +/gm, "")).toContain(code.trim().replaceAll(/^ +/gm, ""));
    }
  });

  test("the README opens with a picture of less than 400 kB, and has no place left to fill", () => {
    const [, picture] = given(/^# .*\n\n!\[[^\]]+\]\(([^)]+)\)/.exec(read("README.md")));
    expect(readFileSync(join(root, picture)).byteLength).toBeLessThan(400_000);
    expect(read("README.md")).not.toMatch(/TODO|TBD|<!--|@@/);
  });

  test("the documents say of the bundled classifier what its record says", () => {
    const { testAccuracy, testScenes } = JSON.parse(read("assets/scenes-vgg.json"));
    expect(read("docs/limits.md")).toContain(
      `names ${(100 * testAccuracy).toFixed(1)} % of ${testScenes.count} rendered pictures`,
    );
  });
});

describe("commands", async () => {
  const everything = await commandLine({ io: testIo(), argv: [], run: async () => 0, exitCode: 0 });
  const lines = documents.flatMap(commandLines);

  /** The command that the words begin with, and the words after its name. */
  function commandOf(words: readonly string[]): { command: Command; rest: readonly string[] } {
    let command = everything;
    let rest = words;
    for (;;) {
      const inner = command.commands.find((candidate) => candidate.name() === rest[0]);
      if (inner === undefined) return { command, rest };
      [command, rest] = [inner, rest.slice(1)];
    }
  }

  test("there are examples of every command", () => {
    const paths = (command: Command, path: readonly string[]): string[] => [
      ...(command.registeredArguments.length > 0 || command.options.length > 0 ? [path.join(" ")] : []),
      ...command.commands.flatMap((inner) => paths(inner, [...path, inner.name()])),
    ];
    const all = everything.commands.flatMap((c) => paths(c, [c.name()]));
    const shown = lines.map((words) => words.slice(0, words.length - commandOf(words).rest.length).join(" "));
    expect([...new Set(shown)].toSorted()).toEqual(all.filter((path) => path !== "help").toSorted());
  });

  test.each(lines.map((words) => [words.join(" "), words] as const))("%s: parses", async (_, words) => {
    const { command, rest } = commandOf(words);
    let parsed = false;
    command
      .exitOverride()
      .configureOutput({ writeErr() {} })
      .action(() => {
        parsed = true;
      });
    await command.parseAsync([...rest], { from: "user" });
    expect(parsed).toBe(true);
  });

  test("docs/results.md has every field of result.json, and no other", async () => {
    const folder = mkdtempSync(join(tmpdir(), "perceptual-ball-readme-"));
    try {
      const [scene] = bundledScenes();
      const picture = join(folder, "picture.png");
      await writePng(picture, scene.image);
      const io = testIo();
      const args = [
        "explain",
        picture,
        "--model",
        join(root, "assets/scenes-vgg.onnx"),
        "--out",
        join(folder, "report"),
      ];
      expect(await run([...args, "--method", "perceptual", "--evaluations", "5", "--json", "--quiet"], io)).toBe(0);
      const [, table] = read("docs/results.md").split("## `result.json`");
      const documented = [...table.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell]) =>
        cell.replaceAll("`", "").split(", "),
      );
      // Named beside the outcome, in its row.
      expect([...documented, "outcomeDescription"].toSorted()).toEqual(
        Object.keys(JSON.parse(io.stdout.text)).toSorted(),
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("what it shows of the output is what comes out", async () => {
    const consoles = blocksOf("docs/cli.md", "console").filter((block) => block.includes("assets/scenes-vgg.onnx"));
    expect(consoles).toHaveLength(2);
    const folder = mkdtempSync(join(tmpdir(), "perceptual-ball-readme-"));
    try {
      for (const block of consoles) {
        const [first, ...shown] = block.trimEnd().split("\n");
        const words = wordsOf(first).slice(3);
        const io = testIo();
        const args = words.map((word) =>
          word.startsWith("assets/") ? join(root, word) : word.replace(/^gradient/, `${folder}/gradient`),
        );
        expect(await run(args, io)).toBe(0);
        const actual = io.stdout.text.replaceAll(`${folder}/`, "").trimEnd().split("\n");
        let position = 0;
        for (const line of shown) {
          if (line === "…") continue;
          const found = actual.indexOf(line, position);
          expect(found, line).toBeGreaterThanOrEqual(position);
          position = found + 1;
        }
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

/** What the browser's snippet finds in a browser: files by address, and a decoder. */
const browserStandIn = `
import { readFile } from "node:fs/promises";
import sharp from "sharp";
globalThis.fetch = async (address) => new Response(await readFile(address));
globalThis.createImageBitmap = async (blob) => {
  const { data, info } = await sharp(await blob.arrayBuffer()).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, data, close() {} };
};
globalThis.OffscreenCanvas = class {
  getContext() {
    return {
      drawImage: (bitmap) => { this.bitmap = bitmap; },
      getImageData: () => ({ data: new Uint8ClampedArray(this.bitmap.data) }),
    };
  }
};
`;

/** What the documents' snippets take for granted: values that others have made, and what they import by their words. */
const aroundSnippets = `
type Main = typeof import("perceptual-ball");
type Room<N extends "optimize" | "onnx" | "experiments" | "node"> = {
  optimize: typeof import("perceptual-ball/optimize");
  onnx: typeof import("perceptual-ball/onnx");
  experiments: typeof import("perceptual-ball/experiments");
  node: typeof import("perceptual-ball/node");
}[N];
type LocalizationRecord = import("perceptual-ball/experiments").LocalizationRecord;
declare const classifier: import("perceptual-ball/node").FileClassifier;
declare const image: import("perceptual-ball").ImageTensor;
declare const another: typeof image;
declare const images: readonly (typeof image)[];
declare const map: import("perceptual-ball").SaliencyMap;
declare const label: number;
declare const sha256: string;
declare const modelFile: File;
declare const files: readonly { readonly name: string; readonly path: string; readonly label: number }[];
declare const dataset: Awaited<ReturnType<Room<"node">["loadDataset"]>>;
${Object.entries({
  main: ["defineMethod", "defineAttack", "gradient"],
  optimize: [
    ...["numberOption", "countOption", "ballOptions", "ballOf", "momentum", "signStep", "inLockstep", "likelihoodOf"],
    "projectOnBudget",
  ],
  onnx: ["floatTensor"],
  experiments: [
    ...["defaultLocalizationSettings", "memoryStore", "localizationIdentity", "localizationItems", "runExperiment"],
    ...["localizationCompute", "summarizeMethods"],
  ],
  node: ["readImage"],
})
  .flatMap(([room, names]) => {
    const of = room === "main" ? "Main" : `Room<"${room}">`;
    return names.map((name) => `declare const ${name}: ${of}["${name}"];`);
  })
  .join("\n")}
declare module "*?url" {
  const address: string;
  export default address;
}
`;

describe("code", () => {
  const snippets = ["docs/library.md", "docs/browser.md"].flatMap((document) => blocksOf(document, "js"));
  let folder = "";

  beforeAll(async () => {
    if (!existsSync(join(root, "dist/index.js"))) throw new Error("There is no build. Run `npm run build` first.");
    // A project of its own, as a user has it: the packages are found through its node_modules.
    folder = mkdtempSync(join(tmpdir(), "perceptual-ball-readme-"));
    mkdirSync(join(folder, "node_modules"));
    symlinkSync(root, join(folder, "node_modules/perceptual-ball"), "junction");
    for (const name of ["onnxruntime-node", "onnxruntime-web", "sharp"]) {
      symlinkSync(join(root, "node_modules", name), join(folder, "node_modules", name), "junction");
    }
    copyFileSync(join(root, "assets/scenes-vgg.onnx"), join(folder, "model.onnx"));
    const [scene] = bundledScenes();
    await writePng(join(folder, "dog.png"), scene.image);
    writeFileSync(join(folder, "browser.mjs"), browserStandIn);
    snippets.forEach((snippet, i) => {
      writeFileSync(join(folder, `snippet-${i}.mjs`), snippet);
    });
  });

  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  async function output(index: number, ...flags: string[]): Promise<string> {
    const { stdout } = await promisify(execFile)(process.execPath, [...flags, `snippet-${index}.mjs`], { cwd: folder });
    return stdout;
  }

  test("in Node: a classifier, a map and a box", async () => {
    const lines = (await output(0)).trimEnd().split("\n");
    const [scene] = bundledScenes();
    expect(lines[0]).toBe("the model's own metadata");
    expect(lines[1]).toMatch(new RegExp(`^${scene.className} (0\\.\\d+|1)$`));
    expect(lines[2]).toMatch(/^flipped \w+ 0\.\d+$/);
    expect(lines[2]).not.toContain(scene.className);
    expect(lines[3]).toMatch(/^\[ \d+, \d+, \d+, \d+ \]$/);
    expect(existsSync(join(folder, "map.png"))).toBe(true);
  });

  test("in Node: an explanation and an attack by name", async () => {
    const [explanation, attack] = (await output(1)).trimEnd().split("\n");
    expect(explanation).toBe("[ 96, 96 ] { forward: 100, gradient: 0 } { forward: 6001, gradient: 0 }");
    expect(attack).toMatch(/^flipped (true|false) 0\.03\d+$/);
  });

  test("in Node: a model with its gradient", async () => {
    expect(await output(2)).toContain("input_gradient");
    const session = await ort.InferenceSession.create(join(folder, "gradient.onnx"));
    const results = await session.run({
      image: new ort.Tensor("float32", new Float32Array(4 * 3 * 96 * 96), [4, 3, 96, 96]),
      cotangent: new ort.Tensor("float32", new Float32Array(40).fill(1), [4, 10]),
    });
    expect(results.input_gradient.dims).toEqual([4, 3, 96, 96]);
    await session.release();
  });

  test("in a browser", async () => {
    expect(await output(3, "--import", pathToFileURL(join(folder, "browser.mjs")).href)).toBe("flipped [ 96, 96 ]\n");
  });

  test("in TypeScript: what the documents show compiles, strictly", async () => {
    const typed = documents.filter((document) => document.startsWith("docs/"));
    const blocks = typed.flatMap((document) => blocksOf(document, "ts").map((block) => [document, block] as const));
    expect(blocks.length).toBeGreaterThan(8);
    const project = join(folder, "typed");
    mkdirSync(project);
    blocks.forEach(([document, block], i) => {
      writeFileSync(join(project, `${basename(document, ".md")}-${i}.mts`), `export {};\n${block}`);
    });
    writeFileSync(join(project, "around.d.ts"), aroundSnippets);
    writeFileSync(join(folder, "package.json"), "{}");
    const compilerOptions = {
      ...{ module: "nodenext", target: "es2023", lib: ["es2023", "dom", "dom.iterable"], types: ["node"] },
      ...{ typeRoots: [join(root, "node_modules/@types")], strict: true, noEmit: true, skipLibCheck: true },
    };
    writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.mts", "*.d.ts"] }));
    const compiler = join(root, "node_modules/typescript/bin/tsc");
    const run = promisify(execFile)(process.execPath, [compiler, "-p", project, "--pretty", "false"]);
    expect(await run.then(({ stdout }) => stdout).catch(({ stdout }) => stdout)).toBe("");
  }, 120_000);

  test("there is no other code, and none in the README", () => {
    expect(blocksOf("README.md", "js", "ts")).toEqual([]);
    expect(snippets).toHaveLength(4);
  });

  test("the README is one screen of what and why: two commands, five examples, links", () => {
    expect(read("README.md").split("\n").length).toBeLessThan(60);
    expect(blocksOf("README.md", "sh")[0].match(/^npm /gm)).toHaveLength(2);
    expect(commandLines("README.md")).toHaveLength(5);
  });
});
