/** @file The documentation as a site: `npm run docs` builds it into `dist-site`, `npm run docs:watch` shows it while it is written. */
import { cpSync, existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { defineConfig } from "vitepress";
import { linkedFiles, outsidePages, root, siteLink } from "./outside-pages.ts";

/** The path under which the site is served, with slashes at both ends. */
const base = `/${process.env.SITE_BASE ?? ""}/`.replaceAll(/\/+/g, "/");

// Programs that pages link to are files, not pages without their ending.
process.env.VITE_EXTRA_EXTENSIONS = "py";

const guide = [
  {
    text: "Begin",
    items: [
      { text: "Start in five minutes", link: "/start" },
      { text: "Which method should I use?", link: "/choose" },
      { text: "From training to a report", link: "/tutorial" },
      { text: "Debug a wrong cue", link: "/wrong-cue" },
      { text: "Gallery", link: "/gallery" },
      { text: "Questions", link: "/faq" },
      { text: "Compared with other tools", link: "/comparison" },
    ],
  },
  {
    text: "Use",
    items: [
      { text: "Command line", link: "/cli" },
      { text: "Library", link: "/library" },
      { text: "Browser and studio", link: "/browser" },
      { text: "Exporting to ONNX", link: "/export" },
      { text: "What is found in a model", link: "/models" },
      { text: "What a result says", link: "/results" },
      { text: "Limits", link: "/limits" },
    ],
  },
  {
    text: "Understand",
    items: [
      { text: "The paper, and what we found", link: "/paper" },
      { text: "The method and its presets", link: "/method" },
      { text: "Explanations", link: "/methods" },
      { text: "Attacks", link: "/attacks" },
      { text: "Detecting attacks", link: "/detection" },
    ],
  },
  {
    text: "Measure",
    items: [
      { text: "Data sets", link: "/datasets" },
      { text: "Localization (Table 1)", link: "/localization" },
      { text: "Experiments", link: "/experiments" },
      { text: "On many machines", link: "/cluster" },
      { text: "Recipes for clusters", link: "/project/cluster-recipes" },
      { text: "A large run, simulated", link: "/project/cluster-simulation" },
      { text: "Results: Table 1 on ImageNet", link: "/project/table1-imagenet" },
      { text: "Results: Table 1", link: "/project/table1" },
      { text: "Results: Table 2", link: "/project/table2" },
      { text: "Results: detectors and attacks", link: "/project/undetectable" },
      { text: "Results: the paper's figures", link: "/project/figures" },
      { text: "Results: cones", link: "/project/cone" },
      { text: "Thresholds of boxes", link: "/project/thresholds" },
      { text: "Evaluations of a search", link: "/project/budgets" },
      { text: "Labels in eight bits", link: "/project/eight-bits" },
      { text: "Robust accuracy beside the authors' AutoAttack", link: "/project/robustness" },
      { text: "Speed and memory", link: "/project/speed" },
      ...(outsidePages.has("bench/STUDIO.md") ? [{ text: "Speed of the studio", link: "/project/studio-speed" }] : []),
      { text: "Gradients beside PyTorch", link: "/project/conformance" },
    ],
  },
  {
    text: "Look up",
    items: [
      { text: "API by task", link: "/reference" },
      { text: "Operators", link: "/project/operators" },
      { text: "Design", link: "/design" },
      { text: "Contributing", link: "/project/contributing" },
      { text: "Mutation testing", link: "/mutation" },
      { text: "The bundled classifier", link: "/project/training" },
      { text: "Changes", link: "/project/changes" },
    ],
  },
];

export default defineConfig({
  title: "perceptual-ball",
  description:
    "What does an image classifier look at? Explanations and attacks for ONNX files, in Node and in the browser.",
  lang: "en",
  base,
  outDir: join(root, "dist-site"),
  cacheDir: join(root, "node_modules/.cache/vitepress"),
  lastUpdated: false,
  // The reference and the studio are put beside the pages when these are built; test/documentation-site.test.ts checks links to them.
  ignoreDeadLinks: [/^\/?(reference|studio|files)\//],
  head: [["link", { rel: "icon", href: `${base}icon.svg` }]],
  themeConfig: {
    nav: [
      { text: "Start", link: "/start" },
      { text: "Which method?", link: "/choose" },
      { text: "Gallery", link: "/gallery" },
      { text: "API", link: "/reference" },
      { text: "Studio", link: "/studio/index.html", target: "_self" },
    ],
    sidebar: guide,
    outline: [2, 3],
    search: { provider: "local" },
    docFooter: { prev: "Before", next: "Next" },
    externalLinkIcon: true,
  },
  markdown: {
    theme: { light: "github-light-high-contrast", dark: "github-dark-high-contrast" },
    // Documents show templates and types as they are; none of them is a Vue template.
    config(md) {
      md.core.ruler.push("site-links", (state) => {
        const { relativePath } = state.env;
        if (typeof relativePath !== "string" || relativePath.startsWith("project/")) return;
        for (const block of state.tokens) {
          // Wide commands can be scrolled, by the keyboard too.
          if (block.type === "code_block") block.attrSet("tabindex", "0");
          for (const token of block.children ?? []) {
            const href = token.type === "link_open" ? token.attrGet("href") : null;
            if (href !== null) token.attrSet("href", siteLink(`docs/${relativePath}`, href));
          }
        }
      });
    },
  },
  // The first page has no main landmark of its own.
  transformHtml: (code) =>
    code.includes("<main") ? code : code.replace('id="VPContent"', 'id="VPContent" role="main"'),
  buildEnd({ outDir }) {
    const copy = (from: string, to: string): void => {
      mkdirSync(dirname(join(outDir, to)), { recursive: true });
      cpSync(join(root, from), join(outDir, to), { recursive: true });
    };
    for (const [from, to, command] of [
      ["dist-reference", "reference", "npm run reference"],
      ["dist/studio", "studio", "npm run build:studio"],
    ] as const) {
      if (!existsSync(join(root, from))) throw new Error(`${from} is not there. Run \`${command}\` first.`);
      copy(from, to);
    }
    for (const file of linkedFiles) copy(file, join("files", file));
  },
});
