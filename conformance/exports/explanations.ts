/** @file Why some exports have nothing to compare, or differ: a sentence each, by the case's name. */
export const explanations: Readonly<Record<string, string>> = {
  "timm/convmixer_768_32":
    "(32 residual blocks amplify float32's rounding: PyTorch's own gradient is as far off, and the float64 evaluator would take too long.)",
  "timm/gemma4_vit_167m depth=2": "The exporter left these values out of the file.",
  "timm/hiera_tiny_224": "PyTorch 2.15's dynamo exporter does not convert it.",
  "timm/vgg11 torchscript": "The exporter does not write adaptive pooling that does not divide the size.",
  "timm/vgg11_bn torchscript": "The exporter does not write adaptive pooling that does not divide the size.",
  "timm/volo_d1_224 torchscript": "Opset 17 has no Col2Im.",
  "keras/ConvNeXtTiny":
    "The exporter makes inputs of the constants of the network's own normalization, without a value: --input gives them one.",
  "tf2onnx/ConvNeXtTiny": "The exporter left TensorFlow's operators in the file.",
  "timm/darknet17 torchscript":
    "(One unit lies within rounding of its kink: PyTorch's float32 gradient is off by the same.)",
  "timm/halonet26t": "(The same: one unit, and the float64 evaluator is off by what PyTorch's float32 gradient is.)",
  "timm/pnasnet5large torchscript":
    "(Deep, and 1 × 1 places at this size: PyTorch's own float32 gradient is farther off.)",
  "timm/nasnetalarge torchscript":
    "(Deep, and 1 × 1 places at this size: PyTorch's own float32 gradient is farther off.)",
  "quantized/test_resnet dynamic":
    "(Pixels of exactly 1 lie between two steps of their own scale; which one they get is a matter of the last digit.)",
};
