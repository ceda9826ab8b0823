/** @file The commands that can be continued, on a tiny network and a few pictures: what is killed, again and again. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeModelFile } from "../../../src/node/models/write-model-file.ts";
import { writePng } from "../../../src/node/pictures/write-image.ts";
import { tinyClassifier, tinyImage } from "../../../test/tiny-classifier.ts";

export interface Program {
  readonly name: string;
  /** The command without `--out`. */
  readonly argv: readonly string[];
  /** Folders of records in the folder of results, relative to it. */
  readonly folders: readonly string[];
  /** Whether it makes child processes of its own. */
  readonly hasWorkers?: boolean;
  /** Whether it is run through `queue work`. */
  readonly isQueued?: boolean;
}

const pictures = 10;

/** The programs, and their model and data written to `folder`. */
export async function writePrograms(folder: string): Promise<readonly Program[]> {
  const [data, model] = [join(folder, "data"), join(folder, "tiny.onnx")];
  mkdirSync(data, { recursive: true });
  writeModelFile(model, tinyClassifier());
  const rows: string[] = [];
  for (let n = 0; n < pictures; n++) {
    await writePng(join(data, `p${n}.png`), tinyImage(n));
    rows.push(`p${n}.png,${n % 5},3,${12 + (n % 8)},${14 + (n % 7)},${n % 4}\n`);
  }
  writeFileSync(join(data, "boxes.csv"), `image,x0,y0,x1,y1,class\n${rows.join("")}`);
  const common = ["--model", model, "--threads", "1", "--quiet"];
  const labeled = ["--data", data, "--label", "predicted", ...common];
  const localization = [
    ...["benchmark", "localization", ...labeled, "--methods", "gradient,smooth-grad"],
    ...["--set", "smooth-grad.samples=40", "--figure-rows", "0"],
  ];
  const attack = ["attack", data, ...common, "--attack", "fgsm,pgd", "--set", "pgd.steps=40"];
  return [
    { name: "benchmark localization", argv: localization, folders: ["."] },
    { name: "attack", argv: attack, folders: ["."] },
    {
      name: "benchmark detection",
      argv: [
        ...["benchmark", "detection", ...labeled, "--just-detect", "--attack", "fgsm", "--samples", "2"],
        ...["--train-images", "4"],
      ],
      folders: ["."],
    },
    {
      name: "cone",
      argv: [
        ...["cone", join(data, "p0.png"), join(data, "p1.png"), ...common, "--attack", "fgsm"],
        ...["--step", "0.25", "--directions", "2", "--epsilon", "0.5"],
      ],
      folders: [".", "attacks"],
    },
    {
      name: "benchmark robustness",
      argv: [
        ...["benchmark", "robustness", ...labeled, "--attack", "pgd", "--set", "pgd.steps=20"],
        ...["--epsilon", "2/255,8/255"],
      ],
      folders: ["."],
    },
    {
      name: "benchmark detection --detector",
      argv: [
        ...["benchmark", "detection", ...labeled, "--detector", "confidence,squeezing", "--attack", "fgsm"],
        ...["--train-images", "4"],
      ],
      folders: ["."],
    },
    { name: "attack --workers 2", argv: [...attack, "--workers", "2"], folders: ["."], hasWorkers: true },
    { name: "queue work", argv: localization, folders: ["."], isQueued: true },
  ];
}
