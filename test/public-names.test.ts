import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { attacks } from "../src/attacks/attacks.ts";
import * as face from "../src/index.ts";
import { saliencyMethods } from "../src/saliency/methods.ts";

const root = resolve(import.meta.dirname, "..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const { exports } = JSON.parse(read("package.json")) as { exports: Record<string, { types: string } | string> };

/** The source of each subpath. */
const rooms = Object.entries(exports).flatMap(([path, entry]) =>
  typeof entry === "string" ? [] : [[path, entry.types.replace("./dist/", "src/").replace(".d.ts", ".ts")] as const],
);

/** The names that a file exports, types as well. */
function namesOf(file: string): string[] {
  const lists = [...read(file).matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, list = ""]) => list.split(","));
  const names = lists.map((name) =>
    name
      .trim()
      .replace(/^type /, "")
      .replace(/^.* as /, ""),
  );
  return names.filter((name) => name !== "").toSorted();
}

test("perceptual-ball itself is what most people need: this list, and no more", () => {
  const names = namesOf("src/index.ts");
  // Every method and every attack is a value of its own; besides these there are no more than so many.
  const runnables = new Set<unknown>([...saliencyMethods, ...attacks]);
  const owned = new Set(Object.entries(face).flatMap(([name, value]) => (runnables.has(value) ? [name] : [])));
  expect(owned.size).toBe(runnables.size);
  expect(names.filter((name) => !owned.has(name)).length).toBeLessThanOrEqual(44);
  expect(names).toMatchInlineSnapshot(`
    [
      "AbortedError",
      "Adversarial",
      "AttackName",
      "AttackResult",
      "BadInputError",
      "Box",
      "Classification",
      "Classifier",
      "ClassifierOptions",
      "ExplainOptions",
      "Explainer",
      "Explanation",
      "ImageTensor",
      "MethodName",
      "MisuseError",
      "OddsStatistics",
      "OddsVerdict",
      "PerceptualBallError",
      "Picture",
      "Runtime",
      "SaliencyMap",
      "SaliencyMethod",
      "ThresholdRule",
      "UnsupportedError",
      "ablationCam",
      "apgd",
      "attackNamed",
      "attacks",
      "attentionRollout",
      "autoattack",
      "blur",
      "carliniWagner",
      "contrastiveExcitationBackprop",
      "createClassifier",
      "createExplainer",
      "deconvnet",
      "deepFool",
      "deepFoolAttack",
      "deepLift",
      "defineAttack",
      "defineMethod",
      "definePerturbationMethod",
      "detectOdds",
      "ead",
      "eigenCam",
      "excitationBackprop",
      "expectedGradients",
      "extremal",
      "fab",
      "fastLpa",
      "featureAblation",
      "featureMatch",
      "fgsm",
      "findAttack",
      "findMethod",
      "fitOdds",
      "fmn",
      "gradCam",
      "gradCamPlusPlus",
      "gradient",
      "gradientInput",
      "gradientShap",
      "guidedBackprop",
      "guidedGradCam",
      "guidedPerceptual",
      "hiResCam",
      "hopskipjump",
      "integratedGradients",
      "iou",
      "kernelShap",
      "l2Attack",
      "largestBox",
      "layerCam",
      "lime",
      "localizeMap",
      "logitMatch",
      "lpa",
      "lrp",
      "methodNamed",
      "miFgsm",
      "normalizeMap",
      "occlusion",
      "orthogonalPgd",
      "perceptual",
      "perceptualAttack",
      "pgd",
      "pgdMean",
      "ppgd",
      "rise",
      "saliencyMethods",
      "scoreCam",
      "smoothGrad",
      "sparsefool",
      "square",
      "threshold",
      "transformerAttribution",
      "xGradCam",
    ]
  `);
});

describe.each(rooms)("%s", (_path, file) => {
  test("names nothing twice, and nothing that is too general beside the rest", () => {
    const names = namesOf(file);
    expect(names.length).toBeGreaterThan(3);
    expect(names.filter((name, n) => names[n - 1] === name)).toEqual([]);
    const general = ["Problem", "Reference", "Output", "Space", "Share", "Point", "Seed", "Step", "Form", "Files"];
    expect(names.filter((name) => general.includes(name))).toEqual([]);
  });
});

test("what the documents import is there", () => {
  const documents = ["README.md", "CONTRIBUTING.md", ...readdirSync(join(root, "docs")).map((name) => `docs/${name}`)];
  const imports = documents
    .filter((name) => name.endsWith(".md"))
    .flatMap((document) =>
      [...read(document).matchAll(/import (?:type )?\{([^}]*)\} from "perceptual-ball(\/\w+)?"/g)].map(
        ([, list = "", room = ""]) => ({
          document,
          room: `.${room}`,
          names: list.split(",").map((name) => name.trim()),
        }),
      ),
    );
  expect(imports.length).toBeGreaterThan(8);
  const known = new Map(rooms.map(([path, file]) => [path, namesOf(file)]));
  const missing = imports.flatMap(({ document, room, names }) =>
    names
      .map((name) => name.replace(/^type /, "").replace(/ as .*$/, ""))
      .filter((name) => name !== "" && !known.get(room)?.includes(name))
      .map((name) => `${document}: ${name} of ${room}`),
  );
  expect(missing).toEqual([]);
});

test("every subpath is documented: the reference reads them all", () => {
  const { entryPoints } = JSON.parse(read("typedoc.json")) as { entryPoints: string[] };
  expect(entryPoints.toSorted()).toEqual(rooms.map(([, file]) => file).toSorted());
  for (const [, file] of rooms) expect(existsSync(join(root, file))).toBe(true);
});
