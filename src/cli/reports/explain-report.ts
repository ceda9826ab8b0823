/** @file The report of a run of `explain`: a folder that the run owns, with the files of each picture, a table, and the page. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ExplanationRecord } from "../../experiments/explanation/record.ts";
import type { ColorMap } from "../../image/color-map.ts";
import type { Picture } from "../../image/picture.ts";
import { isEndpoint } from "../../node/endpoint/open-endpoint.ts";
import type { FileClassifier } from "../../node/models/load-classifier.ts";
import { writePng } from "../../node/pictures/write-image.ts";
import { checkRunFolder, openRunFolder, type RunFolder, type RunMark } from "../../node/run-folder.ts";
import { writeFileAtomically } from "../../node/write-file.ts";
import { explanationCsv } from "../../report/explanation/csv.ts";
import type { PictureExplanation } from "../../report/explanation/explain-picture.ts";
import { type PageEntry, type PageInput, reportPage } from "../../report/explanation/page.ts";
import { stackPanels } from "../../report/explanation/panel.ts";
import type { Search } from "../../report/explanation/search-frames.ts";
import { usualMethods } from "../../report/explanation/usual-methods.ts";
import type { PictureSource } from "../pictures.ts";
import { modelNameOf } from "./model-name.ts";
import {
  amplifyAlike,
  inlinedIn,
  type WrittenExplanation,
  writeExplanation,
  writeSearch,
} from "./write-explanation.ts";

/** So many characters of pictures are inside the page; the others it shows from their files, so that a browser can open it and scroll. */
const mostInline = 24e6;

/** The search that made an explanation, with the names of its labels. */
export interface Film {
  readonly search: Search;
  readonly labelName: (index: number) => string;
}

export interface ExplainReport {
  /** Of everything that is written, in order. */
  readonly records: readonly ExplanationRecord[];
  /** The page, once the report is finished. */
  readonly page: string;
  /** Writes the files of one explanation, and the film of its search if there is one; those of a picture follow each other. */
  add(explanation: PictureExplanation, film?: Film): Promise<void>;
  /** What several methods of the picture have in common; also where the last of them was interrupted. */
  endPicture(source: PictureSource): Promise<void>;
  /** Writes table and page and puts everything in its place; without records, nothing is left. What was replaced comes back. */
  finish(classifier: FileClassifier, failures: PageInput["failures"]): Promise<RunMark | undefined>;
}

/**
 * The report of a run on these pictures into the folder `out`. Throws a MisuseError if it would overwrite what no earlier report has
 * written. Nothing is written before there is something to write.
 */
export function explainReport(
  { out, colorMap }: { readonly out: string; readonly colorMap: ColorMap },
  pictures: readonly Pick<PictureSource, "name">[],
): ExplainReport {
  const names = ["index.html", "results.csv", ...pictures.map(({ name }) => name)];
  checkRunFolder(out, "explain", names);
  let opened: Promise<RunFolder> | undefined;
  const folder = async (): Promise<RunFolder> => {
    opened ??= openRunFolder(out, "explain", names);
    return await opened;
  };
  const entries: PageEntry[] = [];
  const records: ExplanationRecord[] = [];
  let written: WrittenExplanation[] = [];
  let panels: Picture[] = [];
  let inlined = 0;
  return {
    records,
    page: join(out, "index.html"),
    async add(explanation, film) {
      const { path } = await folder();
      const inline = inlined < mostInline;
      const { entry: still, panel } = await writeExplanation(path, explanation, { inline, colorMap });
      const { search: steps, labelName } = film ?? {};
      const search =
        steps === undefined || labelName === undefined
          ? undefined
          : await writeSearch(path, explanation, steps, { inline, labelName });
      const entry = search === undefined ? still : { ...still, search };
      written.push({ entry, perturbation: explanation.arrays.perturbation });
      panels.push(panel);
      records.push(entry.record);
    },
    async endPicture({ name }) {
      if (written.length === 0) return;
      const { path } = await folder();
      const alike = await amplifyAlike(path, written);
      inlined += alike.reduce((sum, entry) => sum + inlinedIn(entry), 0);
      entries.push(...alike);
      const [{ record }] = alike;
      // Each method has a folder of its own: above these lie the picture's overlay, that of the first, and the panel of all.
      if (record.files.overlay !== `${name}/overlay.png`) {
        const overlay = await readFile(join(path, record.files.overlay));
        await writeFileAtomically(join(path, name, "overlay.png"), overlay);
        await writePng(join(path, name, "panel.png"), stackPanels(panels));
      }
      [written, panels] = [[], []];
    },
    async finish(classifier, failures) {
      if (records.length === 0) {
        await (await opened)?.abandon();
        return undefined;
      }
      const { path, finish } = await folder();
      const { file, classCount, layers } = classifier;
      const size = {
        operations: layers.length,
        parameters: layers.reduce((sum, layer) => sum + layer.parameters, 0),
      };
      const page = reportPage({
        model: {
          ...{ name: modelNameOf(classifier), sha256: file.sha256, classCount },
          ...(isEndpoint(classifier) ? {} : size),
        },
        entries,
        failures,
        usualMethod: usualMethods[0],
        colorMap,
      });
      await writeFileAtomically(join(path, "results.csv"), explanationCsv(records));
      await writeFileAtomically(join(path, "index.html"), page);
      return await finish(new Set(records.map(({ image }) => image)).size);
    },
  };
}
