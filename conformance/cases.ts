/** @file What the conformance run covers of torchvision 0.14: every classification architecture, some of them in other dresses. */

/**
 * Height and width of the input by prefix of the architecture's name, the longest that fits. Small, where the network takes
 * it: of the million units of a deep ReLU network at 224², a few lie within float32's rounding of their kink for any picture, and
 * each that falls on the other side changes the gradient by a thousandth, in PyTorch as here. AlexNet, VGG, ViT and MaxViT are bound to theirs: the exporter asks it of adaptive pooling, and position embeddings have one size.
 */
const sizes: Readonly<Record<string, number>> = {
  "": 32,
  convnext: 64,
  efficientnet: 64,
  googlenet: 64,
  mobilenet: 64,
  alexnet: 224,
  vgg: 224,
  inception: 96,
  vit: 224,
  vit_h_14: 112,
  vit_l: 128,
  swin: 112,
  swin_t: 224,
  swin_v2_t: 256,
  maxvit: 224,
};

const architectures = `
  alexnet vgg11 vgg11_bn resnet18 resnet50 squeezenet1_0 squeezenet1_1 mobilenet_v2 densenet121 googlenet
  mobilenet_v3_small mobilenet_v3_large efficientnet_b0 efficientnet_v2_s mnasnet0_5 regnet_x_400mf regnet_y_400mf
  resnext50_32x4d shufflenet_v2_x0_5 wide_resnet50_2 inception_v3 convnext_tiny vit_b_16 swin_t swin_v2_t maxvit_t
  vgg13 vgg13_bn vgg16 vgg16_bn vgg19 vgg19_bn resnet34 resnet101 resnet152 densenet161 densenet169 densenet201
  mnasnet0_75 mnasnet1_0 mnasnet1_3 shufflenet_v2_x1_0 shufflenet_v2_x1_5 shufflenet_v2_x2_0
  efficientnet_b1 efficientnet_b2 efficientnet_b3 efficientnet_b4 efficientnet_b5 efficientnet_b6 efficientnet_b7
  efficientnet_v2_m efficientnet_v2_l regnet_x_800mf regnet_x_1_6gf regnet_x_3_2gf regnet_x_8gf regnet_x_16gf regnet_x_32gf
  regnet_y_800mf regnet_y_1_6gf regnet_y_3_2gf regnet_y_8gf regnet_y_16gf regnet_y_32gf regnet_y_128gf
  resnext101_32x8d resnext101_64x4d wide_resnet101_2 convnext_small convnext_base convnext_large
  vit_b_32 vit_l_16 vit_l_32 vit_h_14 swin_s swin_b swin_v2_s swin_v2_b`
  .trim()
  .split(/\s+/);

/** The same networks as other people export them: by architecture, lists of flags of export.py. */
const dresses: Readonly<Record<string, readonly (readonly string[])[]>> = {
  resnet18: [
    ["--opset=9"],
    ["--opset=10"],
    ["--opset=11"],
    ["--opset=12", "--initializers-as-inputs"],
    ["--opset=17"],
    ["--no-fold"],
    ["--dynamic", "--batch=2"],
    ["--softmax"],
  ],
  vgg11_bn: [["--opset=9"], ["--no-fold", "--dynamic", "--batch=2"]],
  alexnet: [["--opset=11", "--dynamic"], ["--no-fold"]],
  squeezenet1_1: [["--opset=11"], ["--size=97"], ["--opset=12", "--softmax"]],
  mobilenet_v2: [["--opset=9"], ["--opset=12", "--no-fold"], ["--opset=16", "--dynamic", "--batch=3"]],
  densenet121: [["--opset=11"], ["--no-fold"], ["--dynamic", "--batch=2"]],
  googlenet: [["--opset=11"], ["--size=97"], ["--opset=14", "--no-fold"]],
  inception_v3: [
    ["--opset=11", "--size=107"],
    ["--opset=16", "--dynamic", "--batch=2"],
  ],
  mobilenet_v3_small: [["--opset=11"], ["--opset=14"], ["--opset=17", "--dynamic", "--batch=2"], ["--no-fold"]],
  efficientnet_b0: [["--opset=11"], ["--opset=14", "--dynamic", "--batch=2"], ["--no-fold"]],
  mnasnet0_5: [["--opset=11"], ["--no-fold"]],
  regnet_y_400mf: [["--opset=11"], ["--opset=17", "--dynamic", "--batch=2"]],
  shufflenet_v2_x0_5: [["--opset=11"], ["--opset=14", "--dynamic", "--batch=2"], ["--no-fold"]],
  resnext50_32x4d: [["--opset=16", "--size=97"]],
  convnext_tiny: [["--opset=11"], ["--opset=14", "--no-fold"], ["--opset=17", "--dynamic", "--batch=2"]],
  vit_b_16: [
    ["--opset=11", "--size=96"],
    ["--opset=14", "--size=96", "--no-fold"],
    ["--opset=17", "--size=96", "--dynamic", "--batch=2"],
  ],
  swin_t: [
    ["--opset=11", "--size=96"],
    ["--opset=14", "--size=96", "--no-fold"],
    ["--opset=17", "--size=97", "--dynamic", "--batch=2"],
  ],
  swin_v2_t: [
    ["--opset=14", "--size=96"],
    ["--opset=17", "--size=96", "--dynamic", "--batch=2"],
  ],
  maxvit_t: [["--opset=12"], ["--opset=16", "--dynamic", "--batch=2"], ["--opset=17", "--no-fold"]],
};

/** Fewer draws, and no float64 evaluator: it would take more memory or time than these tell, and others of their families have it. */
const heavy = new Set(["regnet_y_128gf", "vit_h_14"]);
/** PyTorch's own float64 would be too much as well. */
const float32Only = new Set(["vit_h_14"]);

/** Networks with kinks, for which the float64 evaluator is asked as well; of VGG, which takes it minutes at 224², the deepest two. */
const kinked = /^(resne|wide_|densenet|googlenet|inception|mnasnet|mobilenet|regnet|shufflenet|squeezenet|vgg1[69]_bn)/;

/** Height and width for which a network is made, at which it is timed; 224 otherwise. */
const nativeSizes: Readonly<Record<string, number>> = {
  inception_v3: 299,
  swin_v2_t: 256,
  swin_v2_s: 256,
  swin_v2_b: 256,
};

/** One export that is compared. */
export interface Case {
  /** By which the command line and the table know it. */
  readonly name: string;
  readonly architecture: string;
  /** What export.py takes for the comparison in float32. */
  readonly flags: readonly string[];
  /** For that in float64; undefined where there is none. */
  readonly referenceFlags: readonly string[] | undefined;
  /** For the timing; undefined where there is none. */
  readonly timeFlags: readonly string[] | undefined;
}

function caseOf(architecture: string, flags: readonly string[] = []): Case {
  const prefix = Object.keys(sizes)
    .filter((name) => architecture.startsWith(name))
    .reduce((longest, name) => (name.length > longest.length ? name : longest), "");
  const size = flags.some((flag) => flag.startsWith("--size")) ? [] : [`--size=${sizes[prefix]}`];
  const isHeavy = heavy.has(architecture);
  const isPlain = flags.length === 0;
  const draws = isHeavy || architecture.startsWith("vgg") ? 2 : isPlain ? 5 : 3;
  return {
    name: [architecture, ...flags].join(" "),
    architecture,
    flags: [...flags, ...size, `--draws=${draws}`, ...(float32Only.has(architecture) ? ["--no-float64"] : [])],
    referenceFlags: isPlain && !isHeavy && kinked.test(architecture) ? [...size, "--no-fold", "--draws=1"] : undefined,
    timeFlags: isPlain ? [`--size=${nativeSizes[architecture] ?? 224}`, "--no-float64", "--draws=1"] : undefined,
  };
}

export const cases: readonly Case[] = [
  ...architectures.flatMap((architecture) => [
    caseOf(architecture),
    ...(dresses[architecture] ?? []).map((flags) => caseOf(architecture, flags)),
  ]),
];
