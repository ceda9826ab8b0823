/**
 * @file Compiles the kernels of `src/simd/assembly` and writes them, as text, to `src/simd/kernels-binary.ts`: `npm run kernels`.
 *
 * Called with `compileKernels`, it gives the bytes and writes nothing: a test compares them with what is written.
 */
import { writeFileSync } from "node:fs";
import { relative, resolve } from "node:path";
import asc from "assemblyscript/asc";

const root = resolve(import.meta.dirname, "..");
const source = "src/simd/assembly/kernels.ts";
const target = resolve(root, "src/simd/kernels-binary.ts");

/** The module's bytes, or an error with what the compiler says. */
export async function compileKernels(): Promise<Uint8Array> {
  const outputs = new Map<string, string | Uint8Array>();
  const flags = ["-O3", "--noAssert", "--runtime", "stub", "--importMemory", "--noExportMemory", "--enable", "simd"];
  const { error, stderr } = await asc.main([source, "--baseDir", root, "--outFile", "kernels.wasm", ...flags], {
    writeFile: (name, contents) => {
      outputs.set(name, contents);
    },
  });
  const bytes = outputs.get("kernels.wasm");
  if (error !== null || !(bytes instanceof Uint8Array)) throw new Error(`${error?.message ?? "no output"}\n${stderr}`);
  return bytes;
}

/** The module as TypeScript, with lines that a review can bear. */
export function kernelsText(bytes: Uint8Array): string {
  const lines = Buffer.from(bytes)
    .toString("base64")
    .match(/.{1,116}/g);
  return `/** @file The module of \`assembly/kernels.ts\` in base64. \`npm run kernels\` writes this file. */
export const kernelsBinary = \`
${(lines ?? []).join("\n")}
\`;
`;
}

if (import.meta.filename === process.argv[1]) {
  const bytes = await compileKernels();
  writeFileSync(target, kernelsText(bytes));
  console.log(`${relative(root, target)}: ${bytes.length} bytes`);
}
