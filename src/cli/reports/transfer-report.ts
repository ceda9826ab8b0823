/** @file `attack --transfer-to`: the attacked pictures shown to other models. */
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { decidesEachLabel } from "../../classifier/network/head/head.ts";
import { MisuseError } from "../../errors.ts";
import type { AttackItem } from "../../experiments/attack/protocol.ts";
import type { AttackFinding } from "../../experiments/attack/record.ts";
import { type TransferMatrix, type TransferModel, transferMatrix } from "../../experiments/attack/transfer.ts";
import type { RecordStore } from "../../experiments/records/record-store.ts";
import type { FileClassifier } from "../../node/models/load-classifier.ts";
import { pathBytes } from "../../node/path-bytes.ts";
import { writeFileAtomically } from "../../node/write-file.ts";
import { transferCsv, transferMarkdown, transferSentence } from "../../report/attack/transfer-table.ts";
import type { AttackInputs } from "../attack-inputs.ts";
import { type CliContext, notesOf } from "../context.ts";
import type { RuntimeFlags } from "../flags/runtime-flags.ts";
import { openClassifier, samplePictures } from "../open-classifier.ts";

/** Throws a MisuseError for a model that is not there, before anything is computed. */
export function checkTransferModels(paths: readonly string[]): void {
  const missing = paths.find((path) => !existsSync(pathBytes(path)));
  if (missing === undefined) return;
  throw new MisuseError({
    where: "--transfer-to",
    what: "there is no such model",
    expected: "ONNX files, with commas between them",
    got: JSON.stringify(missing),
  });
}

export interface TransferOptions {
  readonly paths: readonly string[];
  readonly opened: AttackInputs;
  readonly items: readonly AttackItem[];
  readonly store: RecordStore<AttackFinding>;
  readonly flags: RuntimeFlags & { readonly out: string; readonly quiet?: boolean };
  /** The label that is attacked, of a first network that decides each by itself: others that know it are asked for it alone. */
  readonly decision: string | undefined;
}

/**
 * The matrix of the attacks and the models, which is also written to transfer.md and transfer.csv. Each model prepares pictures in its own way, as it says or
 * as the pictures suggest: flags on preprocessing are those of the first.
 */
export async function transferTo(
  { paths, opened, items, store, flags, decision }: TransferOptions,
  { io }: CliContext,
): Promise<TransferMatrix> {
  const { runtime, classifier, inputs } = opened;
  const { runtime: runtimeName, threads, providers, out } = flags;
  const note = notesOf(io, flags);
  const others: TransferModel[] = [];
  const toDispose: FileClassifier[] = [];
  try {
    for (const model of paths) {
      const other = await openClassifier(
        { model, runtime: runtimeName, threads, providers },
        {
          ...{ runtime, signal: io.signal, note, takesAllLabels: true },
          samples: async () => {
            const pictures = [];
            for (const { input } of inputs.slice(0, samplePictures)) pictures.push({ picture: await input() });
            return { pictures };
          },
        },
      );
      toDispose.push(other);
      const one = asked(other, decision);
      if (one !== other) toDispose.push(one);
      others.push({ name: nameOf(model, paths), classifier: one });
    }
    const own = { name: basename(classifier.file.path), classifier };
    const matrix = await transferMatrix(items, store, [own, ...others], { signal: io.signal });
    if (matrix.withoutImage > 0) {
      note(
        `perceptual-ball: ${matrix.withoutImage} results of an earlier run keep no image, and are not in the matrix; --fresh computes them again`,
      );
    }
    await writeFileAtomically(join(out, "transfer.md"), `${transferMarkdown(matrix)}\n\n${transferSentence}\n`);
    await writeFileAtomically(join(out, "transfer.csv"), transferCsv(matrix));
    return matrix;
  } finally {
    await Promise.all(toDispose.map((one) => one.dispose()));
  }
}

/** The network for the one decision that is attacked, where it makes it. */
function asked(other: FileClassifier, decision: string | undefined): FileClassifier {
  const { head } = other.prepared;
  if (head.kind === "value") {
    throw new MisuseError({
      where: `--transfer-to: ${other.file.path}`,
      what: `output ${JSON.stringify(head.value)} is taken as a number, which is no class that could change`,
      expected: "a classification",
    });
  }
  const label = decision === undefined || !decidesEachLabel(head) ? -1 : (other.labels ?? []).indexOf(decision);
  return label < 0 ? other : other.decision(label);
}

/** The file's name, or its path where two have one name. */
function nameOf(path: string, paths: readonly string[]): string {
  const name = basename(path);
  return paths.filter((other) => basename(other) === name).length > 1 ? path : name;
}
