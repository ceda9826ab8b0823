import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import config from "../docs/.vitepress/config.ts";
import { outsidePages } from "../docs/.vitepress/outside-pages.ts";
import { taskOf, tasks } from "../docs/.vitepress/reference-tasks.mjs";
import { saliencyMethods } from "../src/saliency/methods.ts";

const root = resolve(import.meta.dirname, "..");
const site = join(root, "dist-site");
if (!existsSync(join(site, "index.html")))
  throw new Error("There is no site. Run `npm run build` and `npm run docs` first.");

const pages = ["", "project/"].flatMap((folder) =>
  readdirSync(join(site, folder)).flatMap((file) => (file.endsWith(".html") ? [`${folder}${file}`] : [])),
);
const htmlOf = (page: string): string => readFileSync(join(site, page), "utf8");

/** The values of an attribute in a page, as they are meant. */
function valuesOf(page: string, attribute: string): string[] {
  return Array.from(htmlOf(page).matchAll(new RegExp(`\\s${attribute}="([^"]*)"`, "g")), ([, value]) =>
    value.replaceAll("&amp;", "&"),
  );
}

/** What a page can be jumped to in. Pages are read once. */
const anchors = new Map<string, ReadonlySet<string>>();
function anchorsOf(page: string): ReadonlySet<string> {
  const known = anchors.get(page) ?? new Set(valuesOf(page, "id"));
  anchors.set(page, known);
  return known;
}

/** What is wrong with a link of a page; undefined if it leads somewhere. */
function problemOf(page: string, target: string): string | undefined {
  const { pathname, hash } = new URL(target, `http://site/${page}`);
  const path = decodeURI(pathname)
    .replace(/^\//, "")
    .replace(/(^|\/)$/, "$1index.html");
  const file = [path, `${path}.html`].find((candidate) => {
    const absolute = join(site, candidate);
    return existsSync(absolute) && statSync(absolute).isFile();
  });
  if (file === undefined) return `${page}: ${target} is not there`;
  if (hash === "" || !file.endsWith(".html") || anchorsOf(file).has(decodeURI(hash.slice(1)))) return undefined;
  return `${page}: ${target} has no such place`;
}

describe("the built site", () => {
  test("every document is a page", () => {
    const documents = readdirSync(join(root, "docs")).filter((file) => file.endsWith(".md"));
    const expected = [
      ...documents.map((file) => file.replace(/\.md$/, ".html")),
      ...Array.from(outsidePages.values(), (page) => `project/${page}.html`),
    ];
    expect(pages.filter((page) => page !== "404.html").toSorted()).toEqual(expected.toSorted());
  });

  test("every page but the first is in the sidebar, and nothing else", () => {
    const groups: unknown = config.themeConfig?.sidebar;
    const links = JSON.stringify(groups).matchAll(/"link":"\/([^"]*)"/g);
    const listed = Array.from(links, ([, link]) => `${link}.html`);
    const expected = pages.filter((page) => page !== "404.html" && page !== "index.html");
    expect(listed.toSorted()).toEqual(expected.toSorted());
  });

  test.each(pages)("%s: links, places in pages and pictures are there", (page) => {
    const targets = [...valuesOf(page, "href"), ...valuesOf(page, "src")];
    const inner = targets.filter((target) => target !== "" && !/^(https?:|data:|mailto:)/.test(target));
    expect(inner.length).toBeGreaterThanOrEqual(5);
    expect(inner.flatMap((target) => problemOf(page, target) ?? [])).toEqual([]);
  });

  test.each(pages)("%s: every picture says what it shows", (page) => {
    const pictures = htmlOf(page).match(/<img [^>]*>/g) ?? [];
    expect(pictures.filter((picture) => !/ alt="[^"]{8}/.test(picture))).toEqual([]);
  });

  test("a link that leads nowhere would be found", () => {
    expect(problemOf("start.html", "/nowhere.html")).toBe("start.html: /nowhere.html is not there");
    expect(problemOf("start.html", "./methods.html#nowhere")).toBe(
      "start.html: ./methods.html#nowhere has no such place",
    );
    expect(problemOf("start.html", "./methods.html#rise")).toBeUndefined();
  });
});

describe("the reference", () => {
  test("tasks are told apart by the longest beginning", () => {
    expect(taskOf("saliency/rise/rise.ts")).toBe("Explain a picture");
    expect(taskOf("saliency/define-method.ts")).toBe("Write a method, an attack or settings of your own");
    expect(taskOf("nowhere/file.ts")).toBeUndefined();
  });

  test("every task has something, and leads to its pages", () => {
    const html = htmlOf("reference.html");
    const sections = html.split('<section class="task"').slice(1);
    expect(sections).toHaveLength(tasks.length);
    for (const [n, { title }] of tasks.entries()) {
      expect(sections[n]).toContain(title);
      expect(sections[n]).toMatch(/href="\/reference\/\w+\/perceptual-ball/);
    }
    const index = readFileSync(join(site, "reference/modules/perceptual-ball.html"), "utf8");
    expect(index).toContain("Explain a picture");
  });
});

test("the tutorial's programs are the files that ran", () => {
  const blocks = readFileSync(join(root, "docs/tutorial.md"), "utf8").matchAll(/^```python\n([\s\S]*?)^```$/gm);
  const files = ["with_pytorch.py", "with_timm.py", "with_keras.py"];
  const programs = files.map((file) => readFileSync(join(root, "examples/training", file), "utf8"));
  expect(Array.from(blocks, ([, code]) => code)).toEqual(programs);
});

describe("which method should I use?", () => {
  const page = readFileSync(join(root, "docs/choose.md"), "utf8");
  const listed = JSON.parse(readFileSync(join(root, "docs/images/methods/methods.json"), "utf8")) as {
    readonly name: string;
    readonly refused?: string;
  }[];

  test("every method is on the page: `npm run pictures` draws what is missing", () => {
    expect(listed.map(({ name }) => name)).toEqual(saliencyMethods.map(({ name }) => name));
    for (const { name } of listed) expect(page).toContain(`\`${name}\``);
  });

  test("and has its picture, unless it says why not", () => {
    const missing = listed.filter(({ name, refused }) => {
      const file = join(root, `docs/images/methods/${name}.webp`);
      return refused === undefined ? !existsSync(file) : !page.includes(refused);
    });
    expect(missing).toEqual([]);
  });

  test("the repository stays light: all pictures of the documents together", () => {
    const files = readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" });
    const sizes = files
      .filter((file) => /\.(png|webp|gif|jpg|svg)$/.test(file))
      .map((file) => statSync(join(root, "docs", file)).size);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(2.5e6);
  });
});
