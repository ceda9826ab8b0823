/** @file How the studio is built: a static folder that works in any sub-path. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { contentSecurityPolicy, studioHeaders } from "./src/web/content-security-policy.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const { version }: { readonly version: string } = JSON.parse(readFileSync(here("package.json"), "utf8"));

/** What is fetched only when it is needed, and kept from then on. */
const isLarge = (file: string): boolean => /\.(wasm|onnx)$/.test(file);

/** The service worker, with what it is to keep. */
function serviceWorker(files: readonly string[], contents: (file: string) => string | Uint8Array): string {
  const source = readFileSync(here("src/studio/service-worker.js"), "utf8");
  const hash = createHash("sha256").update(source);
  for (const file of files) hash.update(file).update(contents(file));
  const constants = {
    FILES: files,
    FIRST_FILES: files.filter((file) => !isLarge(file)),
    VERSION: hash.digest("hex").slice(0, 12),
    HEADERS: studioHeaders,
  };
  const lines = Object.entries(constants).map(([name, value]) => `const ${name} = ${JSON.stringify(value)};`);
  return `${lines.join("\n")}\n${source}`;
}

export default defineConfig({
  root: here("src/studio"),
  base: "./",
  publicDir: here("src/studio/public"),
  define: { packageVersion: JSON.stringify(version) },
  // The page has a document of its own to draw plots in.
  resolve: { alias: { linkedom: here("src/studio/page/no-linkedom.ts") } },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  worker: { format: "es" },
  build: {
    outDir: here("dist/studio"),
    emptyOutDir: true,
    target: "es2023",
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1000,
    reportCompressedSize: true,
  },
  plugins: [
    {
      name: "content-security-policy",
      transformIndexHtml: (html) => ({
        html,
        tags: [
          {
            tag: "meta",
            attrs: { "http-equiv": "Content-Security-Policy", content: contentSecurityPolicy },
            injectTo: "head-prepend",
          },
        ],
      }),
    },
    {
      name: "service-worker",
      apply: "build",
      generateBundle: {
        order: "post",
        handler(_, bundle) {
          const files = ["icon.svg", ...Object.keys(bundle).filter((file) => !file.endsWith(".map"))].sort();
          const contents = (file: string): string | Uint8Array => {
            const built = bundle[file];
            if (built === undefined) return "";
            return built.type === "chunk" ? built.code : built.source;
          };
          this.emitFile({ type: "asset", fileName: "service-worker.js", source: serviceWorker(files, contents) });
        },
      },
    },
  ],
});
