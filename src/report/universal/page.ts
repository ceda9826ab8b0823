/** @file The page of a universal change: one HTML file that needs nothing else but its script of a few lines. */
import { checkForm } from "../../errors.ts";
import { escapeMarkup } from "../../escape-text.ts";
import type { UniversalCounts } from "../../experiments/universal/judge-universal.ts";
import { benchmarkStyle } from "../style/benchmark-style.ts";
import { compareFigure } from "../style/compare-figure.ts";
import { htmlPage } from "../style/html-page.ts";
import { pageScript } from "../style/page-script.ts";
import { termList } from "../style/term-list.ts";
import { percent, shortName } from "../style/wording.ts";

/** What is said of a universal change; JSON. */
export interface UniversalRecord {
  readonly model: { readonly name: string; readonly sha256: string };
  readonly data: string;
  readonly epsilon: number;
  readonly target: string | null;
  /** The pixels of the network's input that may change, where not all may. */
  readonly mask?: { readonly inside: number; readonly of: number };
  readonly settings: Readonly<Record<string, unknown>>;
  /** Of each epoch, the share of pictures that were fooled when it was their turn. */
  readonly epochs: readonly number[];
  readonly learned: UniversalCounts;
  readonly heldOut: UniversalCounts;
  readonly versions: Readonly<Record<string, string>>;
}

export interface UniversalPageInput {
  readonly record: UniversalRecord;
  labelName(index: number): string;
  /** The change about gray, by a factor; addresses are data URIs. */
  readonly change: { readonly source: string; readonly factor: number };
  readonly examples: readonly {
    readonly image: string;
    readonly before: string;
    readonly after: string;
    readonly labels: readonly [before: string, after: string];
  }[];
  readonly size: { readonly width: number; readonly height: number };
}

const style = `
.change{display:grid;grid-template-columns:minmax(0,320px) minmax(0,1fr);gap:26px;align-items:start}.change img{width:100%;height:auto;border-radius:10px;border:1px solid var(--line)}.change figure{margin:0}.change figcaption{color:var(--soft);font-size:.86rem;padding-top:6px}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(250px,1fr));gap:18px}.grid h3{font-size:.9rem;font-weight:600;margin:0 0 6px;overflow-wrap:anywhere}
@media (max-width:700px){.change{grid-template-columns:minmax(0,1fr)}}
`;

/** The page. The same input gives the same text. */
export function universalPage(input: UniversalPageInput): string {
  checkForm("universalPage: input", input, ["record", "change", "examples", "size"]);
  const { record, change, examples, size, labelName } = input;
  const { model, data, heldOut, learned, target, mask, epochs } = record;
  const isPixelated = Math.max(size.width, size.height) < 128;
  const pixels = isPixelated ? ' class="pixels"' : "";
  const rows = (
    [
      ["held out", heldOut],
      ["learned from", learned],
    ] as const
  ).map(
    ([name, counts]) =>
      `<tr><th scope="row">${name}</th>${universalCells(counts)
        .map((cell) => `<td>${escapeMarkup(cell)}</td>`)
        .join("")}</tr>`,
  );
  const to = heldOut.to.slice(0, 5).map(({ label, count }) => `${shortName(labelName(label))} ${count}`);
  const cards = examples.map(({ image, before, after, labels }) => {
    const figure = compareFigure({
      before: { source: before, alt: `as given: ${labels[0]}`, title: "as given", text: shortName(labels[0]) },
      after: {
        source: after,
        alt: `with the change: ${labels[1]}`,
        title: "with the change",
        text: shortName(labels[1]),
      },
      size,
      isPixelated,
    });
    return `<article><h3>${escapeMarkup(image)}</h3>${figure}</article>`;
  });
  return htmlPage({
    title: `One change for all pictures: ${model.name} on ${data}`,
    style: `${benchmarkStyle}${style}`,
    script: pageScript,
    body: `<main>
<header>
<h1>One change for all pictures: <em>${escapeMarkup(model.name)}</em> on ${escapeMarkup(data)}</h1>
<p class="lead">${escapeMarkup(universalSentence(record))}</p>
${termList("facts", [
  ["Network", model.name],
  ["Radius", `ℓ∞ ${levels(record.epsilon)}`],
  ...(target === null ? [] : ([["Target", target]] as [string, string][])),
  ...(mask === undefined ? [] : ([["Region", `${mask.inside} of ${mask.of} pixels`]] as [string, string][])),
])}
</header>
<section class="change"><figure><img${pixels} src="${change.source}" width="${size.width}" height="${size.height}" alt="the change × ${change.factor}"><figcaption>The change × ${change.factor}; gray is none. <code>perturbation.png</code> has it exactly: level 128 is none, 129 one level more.</figcaption></figure>
<div><div class="scroll" tabindex="0" role="region" aria-label="Pictures that are fooled"><table class="results"><thead><tr>${universalColumns.map((column) => `<th scope="col">${column}</th>`).join("")}</tr></thead><tbody>${rows.join("")}</tbody></table></div>
<p>Pictures and change are in 8 bits at the size of the network's input. Random signs are one pattern of the largest changes that the radius has room for${mask === undefined ? "" : ", in the same region"}.</p>${to.length === 0 ? "" : `<p>Held-out pictures that are fooled are called: ${escapeMarkup(to.join(", "))}${heldOut.to.length > 5 ? ", …" : ""}.</p>`}
<p>While it was learned: ${epochs.map((share, n) => `epoch ${n + 1} ${percent(share)}`).join(", ")}.</p></div></section>
${cards.length === 0 ? "" : `<section><h2>Held-out pictures that are fooled</h2><div class="grid">${cards.join("\n")}</div></section>`}
<footer><details><summary>Settings</summary><p><code>${escapeMarkup(JSON.stringify(record.settings))}</code></p></details><p>${escapeMarkup(
      Object.entries(record.versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(" · "),
    )} · model SHA-256 <code>${escapeMarkup(model.sha256.slice(0, 16))}…</code></p>
<p>Universal perturbations: Moosavi-Dezfooli et al., CVPR 2017; learned by mini-batches as in Shafahi et al., AAAI 2020.</p></footer>
</main>`,
  });
}

/** The columns of the table. */
export const universalColumns = ["pictures", "number", "fooled", "by random signs"] as const;

/** A row of it, without its name. */
export function universalCells({ pictures, fooled, byNoise }: UniversalCounts): string[] {
  return [String(pictures), shareText(fooled), shareText(byNoise)];
}

function shareText(share: UniversalCounts["fooled"]): string {
  if (share === null) return "–";
  return `${(100 * share.value).toFixed(1)} % [${(100 * share.low).toFixed(1)}, ${(100 * share.high).toFixed(1)}]`;
}

/** What comes of it, in a sentence. */
export function universalSentence({
  heldOut,
  epsilon,
  target,
  mask,
}: Pick<UniversalRecord, "heldOut" | "epsilon" | "target" | "mask">): string {
  const { fooled, byNoise, pictures } = heldOut;
  if (fooled === null || byNoise === null) return "No held-out picture could be judged.";
  const share = (of: number): string => `${(100 * of).toFixed(1)} %`;
  const region = mask === undefined ? "" : `, in ${mask.inside} of ${mask.of} pixels,`;
  const subject = `One change of at most ${levels(epsilon)}${region}`;
  return target === null
    ? `${subject} turns the label of ${share(fooled.value)} of ${pictures} pictures that it was not learned from; random signs of this size turn that of ${share(byNoise.value)}.`
    : `${subject} has ${share(fooled.value)} of ${pictures} pictures that it was not learned from called ${target}; random signs of this size have ${share(byNoise.value)}.`;
}

function levels(epsilon: number): string {
  return `${Number((255 * epsilon).toFixed(2))}/255`;
}
