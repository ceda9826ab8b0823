/** @file Which networks are exported for real, by source. */

/** One export that is compared. */
export interface ExportCase {
  /** By which the command line and the table know it: "timm/resnet18", "timm/resnet18 opset=21". */
  readonly name: string;
  /** Which Python: README.md says what is in each. */
  readonly environment: "torch" | "optimum" | "tensorflow";
  /** What exporters/serve.py is asked. */
  readonly request: Readonly<Record<string, string | number | boolean | object | null>>;
}

export interface ExportSource {
  readonly title: string;
  /** What was exported and how, a sentence or two. */
  readonly about: string;
  readonly cases: readonly ExportCase[];
}

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/** Of modules of timm's from A to H, and of some others, a smaller member: by the dynamo exporter. With {@link timmMembers} all modules are covered. */
const timmFamilies = words(`
  beit_base_patch16_224:depth=2 botnet26t_256 repvgg_a0 cait_xxs24_224 coat_tiny convit_tiny convmixer_768_32 convnext_atto cpubone_nano
  crossvit_tiny_240 csatv2 cspresnet50 cspnext_tiny davit_tiny deepseek_vit_412m:depth=2 deit_tiny_distilled_patch16_224 densenet121 dla46_c
  dpn48b edgenext_xx_small efficientformer_l1 efficientformerv2_s0 efficientnet_b0 efficientvim_m1 efficientvit_b0 efficientvit_m0
  eva02_tiny_patch14_224 fasternet_t0 fastvit_t8 focalnet_tiny_srf gcvit_xxtiny gemma4_vit_167m:depth=2 ghostnet_050 hardcorenas_a hgnetv2_b0
  hiera_tiny_224 hieradet_small hrnet_w18_small iformer_t inception_next_atto levit_128s poolformer_s12 mobilenetv3_small_050 mobilevit_xxs
  resnet18 swin_tiny_patch4_window7_224 vit_tiny_patch16_224 xcit_nano_12_p16_224 halonet26t sehalonet33ts test_vit4
  vit_small_patch16_dinov3 vit_small_patch16_rope_224 naflexvit_base_patch16_gap:depth=2`);

/** Of the other modules, and more of the large ones: by the exporter before it (TorchScript), which is still what most files come from. */
const timmMembers = words(`
  inception_v3 inception_v4 lcnetv2_small lowformer_b0 mambaout_femto coatnet_nano_rw_224 gmlp_ti16_224
  mvitv2_tiny nest_tiny nextvit_small nf_resnet26 pit_ti_224 pvt_v2_b0
  qwen3_vit_88m:depth=2 rdnet_tiny regnetx_002 repghostnet_050 repvit_m0_9 res2net50_26w_4s resnest14d resnetv2_18 rexnet_100 selecsls42
  legacy_seresnet18 sequencer2d_s shvit_s1 skresnet18 starnet_s050 swiftformer_xs swinv2_tiny_window8_256 swinv2_cr_tiny_224 tiny_vit_5m_224
  tnt_s_patch16_224 tresnet_m twins_svt_small vgg11 visformer_tiny vit_tiny_r_s16_p8_224 vit_relpos_small_patch16_224
  samvit_base_patch16_224:depth=2 vitamin_small_224 volo_d1_224 ese_vovnet19b_slim_dw legacy_xception xception41 resnet18 vit_tiny_patch16_224
  mobilenetv3_small_050 swin_tiny_patch4_window7_224 test_vit test_vit2 test_vit3 test_resnet test_convnext test_convnext2 test_convnext3
  test_mambaout test_nfnet test_byobnet test_coatnet test_maxvit test_vit_relpos test_efficientnet lambda_resnet26t eca_botnext26ts_256
  bat_resnext26ts gcresnext26ts gernet_s mobileone_s0 regnetz_b16 resnet32ts resnet50_clip convnextv2_atto convnext_zepto_rms convnext_tiny_hnf
  crossvit_9_dagger_240 cs3darknet_focus_s cs3sedarknet_l darknet17 deit3_small_patch16_224 densenetblur121d dla60_res2net efficientnet_b0_gn
  efficientnet_blur_b0 efficientnet_cc_b0_4e efficientnet_es efficientnet_lite0 efficientnetv2_rw_t mixnet_s mnasnet_small mobilenetv1_100
  mobilenetv2_050 spnasnet_100 tinynet_e tf_efficientnet_lite0 tf_mobilenetv3_small_minimal_100 efficientvit_l1
  ghostnetv2_100 ghostnetv3_050 hgnet_tiny maxvit_rmlp_pico_rw_256
  maxxvitv2_nano_rw_256 caformer_s18 convformer_s18 poolformerv2_s12 mixer_s32_224 resmlp_12_224 gmixer_12_224 lcnet_035 fbnetv3_b
  mobilenetv4_conv_small_035 mobilenetv4_hybrid_medium mobilevitv2_050 nf_regnet_b0 eca_nfnet_l0 regnety_002 regnetz_005 ecaresnet26t resnetaa34d
  resnetblur18 resnet50_gn resnext50_32x4d seresnet18 resnetv2_50d_evos resnetv2_50d_frn resnetv2_50x1_bit legacy_seresnext26_32x4d skresnet34
  starnet_s1 twins_pcpvt_small vgg11_bn vit_small_patch16_18x2_224 vit_relpos_small_patch16_rpn_224 vit_srelpos_small_patch16_224 flexivit_small
  vit_small_patch16_224 vovnet39a ese_vovnet39b_evos levit_conv_128s mobilenetv5_300m pnasnet5large
  inception_resnet_v2 nasnetalarge`);

/** "beit_base_patch16_224:depth=2" asks create_model for depth=2: of families without a small member, some of the blocks. */
function timmCase(text: string, extra: Readonly<Record<string, string | number>>, suffix = ""): ExportCase {
  const [name, settings] = text.split(":");
  const kwargs = Object.fromEntries(
    (settings ?? "")
      .split(",")
      .filter(Boolean)
      .map((one) => one.split("="))
      .map(([key, value]) => [key, Number(value)]),
  );
  const described = [name, settings, suffix].filter(Boolean).join(" ");
  return { name: `timm/${described}`, environment: "torch", request: { source: "timm", name, kwargs, ...extra } };
}

/** Of different kinds: what an opset changes (reductions' axes, normalizations, activations, Resize, attention) occurs in them. */
const opsetNetworks = words("test_vit resnet18 mobilenetv3_small_050 test_convnext mobilevit_xxs poolformer_s12");

const narrow = { hidden_size: 64, num_hidden_layers: 3, num_attention_heads: 4, intermediate_size: 128 };
const plainVit = { ...narrow, image_size: 64, patch_size: 16 };
const pyramid = { depths: [1, 1, 2, 1], hidden_sizes: [16, 32, 64, 128] };
const headed = { ...pyramid, hidden_sizes: [16, 32, 80, 128] };
const windows = { image_size: 64, embed_dim: 24, depths: [2, 2], num_heads: [2, 4], window_size: 4 };
const tower = { vision_config: plainVit, text_config: { ...narrow, vocab_size: 100 } };

/** Kinds of models in transformers that classify pictures, with what makes them narrow and shallow. */
const transformersModels: Readonly<Record<string, { readonly config: object; readonly size?: number }>> = {
  vit: { config: plainVit },
  deit: { config: plainVit },
  beit: { config: { ...plainVit, use_relative_position_bias: true, layer_scale_init_value: 0.1 } },
  "data2vec-vision": { config: { ...plainVit, use_relative_position_bias: true } },
  vit_msn: { config: plainVit },
  dinov2: { config: { ...narrow, image_size: 56, patch_size: 14 }, size: 56 },
  dinov2_with_registers: { config: { ...narrow, image_size: 56, patch_size: 14 }, size: 56 },
  ijepa: { config: plainVit },
  clip: { config: tower },
  siglip: { config: tower },
  convnext: { config: pyramid },
  convnextv2: { config: pyramid },
  swin: { config: windows },
  swinv2: { config: windows },
  "donut-swin": { config: windows },
  resnet: { config: { ...pyramid, embedding_size: 16 } },
  regnet: { config: { ...pyramid, embedding_size: 16, groups_width: 8 } },
  bit: { config: { ...pyramid, hidden_sizes: [128, 128, 256, 256], embedding_size: 32 } },
  mobilenet_v1: { config: { depth_multiplier: 0.25, image_size: 64 } },
  mobilenet_v2: { config: { depth_multiplier: 0.35, image_size: 64 } },
  mobilevit: { config: { image_size: 64 } },
  mobilevitv2: { config: { image_size: 64, width_multiplier: 0.5 } },
  efficientnet: {
    config: { initializer_range: 0.2, width_coefficient: 1, depth_coefficient: 1, hidden_dim: 1280, image_size: 64 },
  },
  levit: { config: { image_size: 64 } },
  poolformer: { config: pyramid },
  pvt: { config: { image_size: 64, ...headed } },
  pvt_v2: { config: { image_size: 64, ...headed } },
  cvt: { config: { embed_dim: [16, 32, 64], num_heads: [1, 2, 2], depth: [1, 2, 3] } },
  segformer: { config: headed },
  focalnet: { config: { image_size: 64, embed_dim: 24, depths: [2, 2], focal_levels: [2, 2], focal_windows: [3, 3] } },
  hiera: { config: { image_size: [64, 64], embed_dim: 24, depths: [1, 2, 2, 1] } },
  hgnet_v2: { config: {} },
  textnet: { config: {} },
  swiftformer: { config: { image_size: 64 } },
};

function transformersCase(name: string, exporter: "optimum" | "dynamo", opset: number): ExportCase {
  const { config, size = 64 } = transformersModels[name];
  return {
    name: `transformers/${name} ${exporter}`,
    environment: "optimum",
    request: { source: "transformers", name, config, size, exporter, opset },
  };
}

/** Optimum's exporter has no entry for these kinds. */
const unknownToOptimum = new Set(
  words("bit dinov2_with_registers ijepa siglip donut-swin mobilevitv2 pvt_v2 focalnet hgnet_v2 textnet swiftformer"),
);

/** Classifiers that ultralytics has a description of, the smallest of each generation, and other ways to export them. */
const ultralyticsCases: readonly ExportCase[] = [
  ["yolov8n-cls", {}],
  ["yolo11n-cls", {}],
  ["yolo26n-cls", {}],
  ["yolo12n-cls", {}],
  ["yolov8-cls-resnet50", {}],
  ["yolo11n-cls", { opset: 12, simplify: false }],
  ["yolo11n-cls", { opset: 20, size: 96 }],
  ["yolov8n-cls", { dynamic: true }],
].map(([name, settings]) => ({
  name: [`ultralytics/${name}`, ...Object.entries(settings).map(([key, value]) => `${key}=${value}`)].join(" "),
  environment: "torch",
  request: { source: "ultralytics", name, opset: 17, ...Object(settings) },
}));

const kerasNetworks: readonly (readonly [name: string, settings?: object, size?: number])[] = [
  ["MobileNet", { alpha: 0.25 }],
  ["MobileNetV2", { alpha: 0.35 }],
  ["MobileNetV3Small", { alpha: 0.75 }],
  ["EfficientNetB0"],
  ["EfficientNetV2B0"],
  ["DenseNet121"],
  ["ResNet50"],
  ["ResNet50V2"],
  ["VGG16", {}, 32],
  ["InceptionV3", {}, 96],
  ["Xception", {}, 96],
  ["NASNetMobile", {}, 64],
  ["ConvNeXtTiny"],
];

function kerasCase(
  name: string,
  way: "keras" | "from_keras" | "from_function",
  more: Readonly<Record<string, string | number | boolean | null>> = {},
): ExportCase {
  const [, settings = {}, size = 64] = kerasNetworks.find(([network]) => network === name) ?? [name];
  const source = way === "keras" ? "keras" : "tf2onnx";
  const described = Object.entries(more).map(([key, value]) => `${key}=${value}`);
  return {
    name: [`${source}/${name}`, ...(way === "from_function" ? [way] : []), ...described].join(" "),
    environment: "tensorflow",
    request: { source: "keras", name, way, settings, size, ...more },
  };
}

/** Networks without what is particular to their training, of kinds that quantization treats differently. */
const quantizedNetworks = words(`
  test_resnet resnet18 mobilenetv3_small_050 regnetx_002 test_vit resmlp_12_224 efficientnet_lite0 densenet121 ese_vovnet19b_slim convnext_atto`);

function quantizedCase(
  name: string,
  way: "QDQ" | "QOperator" | "dynamic",
  more: Readonly<Record<string, boolean>> = {},
): ExportCase {
  const described = Object.keys(more);
  return {
    name: [`quantized/${name}`, way, ...described].join(" "),
    environment: "torch",
    request: { source: "quantized", name, way, ...more },
  };
}

export const exportSources: readonly ExportSource[] = [
  {
    title: "timm, dynamo exporter",
    about:
      "Networks of about half of timm's modules, by `torch.onnx.export(…, dynamo=True)`. `depth=2` after a name: so many blocks, where the family has no small member.",
    cases: timmFamilies.map((text) => timmCase(text, { exporter: "dynamo", opset: 18 })),
  },
  {
    title: "timm, TorchScript exporter",
    about:
      "Networks of the other modules, and more members of the large ones, by `torch.onnx.export(…, dynamo=False)`, opset 17. With those above, the list of cases has one at least of each of timm's 98 modules.",
    cases: timmMembers.map((text) => timmCase(text, { exporter: "legacy", opset: 17 }, "torchscript")),
  },
  {
    title: "Opsets 19 to 23, dynamo exporter",
    about: "Networks of different kinds in each opset that the dynamo exporter writes; 18 is above.",
    cases: [19, 20, 21, 22, 23].flatMap((opset) =>
      opsetNetworks.map((text) => timmCase(text, { exporter: "dynamo", opset }, `opset=${opset}`)),
    ),
  },
  {
    title: "Hugging Face, optimum",
    about:
      "transformers' image classifiers, narrow and shallow, by `optimum-cli export onnx`: batch, channels, height and width are left open in the file.",
    cases: Object.keys(transformersModels)
      .filter((name) => !unknownToOptimum.has(name))
      .map((name) => transformersCase(name, "optimum", 18)),
  },
  {
    title: "Hugging Face, dynamo exporter",
    about: "The kinds that optimum does not export.",
    cases: [...unknownToOptimum].map((name) => transformersCase(name, "dynamo", 18)),
  },
  {
    title: "Ultralytics",
    about: "Its classifiers by its own exporter, with metadata.",
    cases: ultralyticsCases,
  },
  {
    title: "Keras 3",
    about:
      'keras.applications by `model.export("model.onnx", format="onnx")`, ending in the softmax that they have by default; the reference is GradientTape.',
    cases: [
      ...kerasNetworks.map(([name]) => kerasCase(name, "keras")),
      kerasCase("MobileNetV2", "keras", { activation: null }),
      kerasCase("ResNet50", "keras", { opset: 18 }),
    ],
  },
  {
    title: "tf2onnx",
    about:
      "keras.applications by tf2onnx, from the model or from a function, in the layout of TensorFlow or in PyTorch's.",
    cases: [
      ...kerasNetworks.map(([name]) => kerasCase(name, "from_keras")),
      kerasCase("MobileNetV2", "from_keras", { opset: 9 }),
      kerasCase("MobileNetV3Small", "from_keras", { opset: 18 }),
      kerasCase("EfficientNetB0", "from_keras", { batch: 1 }),
      kerasCase("MobileNetV2", "from_function"),
      kerasCase("MobileNetV2", "from_function", { nchw: true }),
      kerasCase("ResNet50", "from_function", { nchw: true, opset: 13 }),
      kerasCase("MobileNetV2", "from_keras", { activation: null }),
    ],
  },
  {
    title: "Quantized by onnxruntime",
    about:
      "timm's networks by quantize_static in the QDQ and the QOperator format (signed: signed activations; per_channel: a scale for each channel of the weights) and by quantize_dynamic. The reference is the straight-through gradient of the quantized file itself, run in PyTorch: rounding passes, saturation does not. onnxruntime computes with integers and rounds some sums to the other side, which flips gradients of all that is behind; float64 has no such sums.",
    cases: quantizedNetworks.flatMap((name) => [
      quantizedCase(name, "QDQ", { per_channel: true }),
      quantizedCase(name, "QDQ", { signed: true }),
      quantizedCase(name, "QOperator"),
      quantizedCase(name, "dynamic"),
    ]),
  },
];

export const exportCases: readonly ExportCase[] = exportSources.flatMap(({ cases }) => cases);
