/** @file How the studio is built: a static folder that works in any sub-path. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { contentSecurityPolicy } from "./src/web/content-security-policy.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const { version }: { readonly version: string } = JSON.parse(readFileSync(here("package.json"), "utf8"));

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
  ],
});
