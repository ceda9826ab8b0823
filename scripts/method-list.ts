/** @file The list of methods in docs/choose.md, between its marks. */

/** What method-pictures.ts finds out about a method. */
export interface PicturedMethod {
  readonly name: string;
  readonly title: string;
  readonly summary: string;
  readonly source: string;
  /** The most runs of the network that a picture took. */
  readonly cost?: { readonly forward: number; readonly gradient: number };
  /** Of the default box with the object's, for each Scene. */
  readonly iou?: readonly number[];
  /** Why there are no pictures: what the method says of the bundled network. */
  readonly refused?: string;
}

/** What methods have in common, in the order of the page. The first family that fits is a method's own. */
const families: readonly { readonly title: string; readonly about: string; readonly names: RegExp }[] = [
  {
    title: "Change the picture until the label flips",
    about:
      "Counterfactuals: the map is a change that really turns the decision, so it can be checked. They answer “what would have to be different?”, also for a class of your choice (`--target`).",
    names: /perceptual|deepfool/,
  },
  {
    title: "Weigh feature maps",
    about: "Class activation maps: coarse, smooth, cheap. The first thing to try when you only want to know where.",
    names: /cam\b|cam-/,
  },
  {
    title: "Hand the score back through the layers by rules",
    about:
      "One pass backward with other rules than the chain rule's. Some of them show edges whatever the network knows.",
    names: /lrp|deep-?lift|excitation|deconvnet|guided-backprop/,
  },
  {
    title: "Follow attention",
    about: "For transformers: what tokens looked at, layer by layer.",
    names: /rollout|attention|transformer|chefer/,
  },
  {
    title: "Hide parts and look at the score",
    about: "No gradients, so they work where gradients mislead; hundreds to thousands of runs of the network.",
    names: /rise|occlusion|extremal|ablation|shap-kernel|kernel-shap|lime/,
  },
  {
    title: "Follow the gradient",
    about:
      "Fine, noisy, cheap; averaging over noise or along a path makes them calmer. Integrated gradients and their kin add up to the score.",
    names: /gradient|grad/,
  },
];
const others = { title: "Others", about: "What belongs to none of these.", names: /./ };

const marks = ["<!-- methods -->", "<!-- end of methods -->"] as const;

/** The document with the list of `methods` between its marks; `reference` is docs/methods.md, whose first mention of a method says where it stands. */
export function methodList(document: string, methods: readonly PicturedMethod[], reference: string): string {
  const [start, end] = marks.map((mark) => document.indexOf(mark));
  if (start === -1 || end < start)
    throw new Error(`docs/choose.md: no place for the list, between ${marks.join(" and ")}`);
  const all = [...families, others];
  const familyOf = ({ name }: PicturedMethod): string =>
    all.find(({ names }) => names.test(name))?.title ?? others.title;
  const sections = all.flatMap(({ title, about }) => {
    const members = methods.filter((method) => familyOf(method) === title);
    return members.length === 0
      ? []
      : [
          `### ${title}\n\n${about}\n\n<div class="methods">\n\n${members.map((method) => item(method, reference)).join("\n\n")}\n\n</div>`,
        ];
  });
  return `${document.slice(0, start)}${marks[0]}\n\n${sections.join("\n\n")}\n\n${document.slice(end)}`;
}

function item({ name, title, summary, cost, iou, refused }: PicturedMethod, reference: string): string {
  const anchor = reference.match(new RegExp(`\\[\`${name}\`\\]\\((#[\\w-]+)\\)`))?.[1] ?? "";
  const heading = `**[${title}](methods.md${anchor})** \`${name}\``;
  if (cost === undefined || iou === undefined)
    return `<div>\n\n${heading}\n\n${summary}\n\nNot for the bundled network: ${refused}\n\n</div>`;
  const runs = [
    cost.gradient > 0 ? `${cost.gradient} with gradient` : "",
    cost.forward > 0 ? `${cost.forward} forward` : "",
  ];
  const boxes = iou.map((value) => value.toFixed(2)).join(", ");
  return [
    "<div>",
    heading,
    `![${title} on a mug, a cactus and an airplane](images/methods/${name}.webp)`,
    summary,
    `Runs of the network: ${runs.filter((text) => text !== "").join(", ")}. IoU of the box: ${boxes}.`,
    "</div>",
  ].join("\n\n");
}
