/** @file The documents that lie outside `docs/`, as pages. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { outsidePages, root, withSiteLinks } from "../.vitepress/outside-pages.ts";

export default {
  paths: () =>
    Array.from(outsidePages, ([file, page]) => ({
      params: { page },
      content: withSiteLinks(file, readFileSync(join(root, file), "utf8")),
    })),
};
