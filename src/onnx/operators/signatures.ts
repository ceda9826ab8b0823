/**
 * @file What each operator takes: its inputs with their element types, and its attributes. Source: the schemas of the ONNX standard
 * (onnx/docs/Operators.md), operator set 18 and later.
 */
import type { DataType } from "../../tensor/tensor.ts";
import type { Attribute } from "../model.ts";
import type { Operator } from "./shapes/index.ts";

/** What an input may hold. */
export interface InputForm {
  /** Whether it may be left out. */
  readonly isOptional: boolean;
  /** What messages call the element types that it may have. */
  readonly types: string;
  accepts(dtype: DataType): boolean;
  /** Whether all inputs that are marked so have one element type. */
  readonly isUniform: boolean;
}

export interface Signature {
  /** In order; where the operator takes any number of inputs, one that stands for all. */
  readonly inputs: readonly InputForm[];
  readonly isVariadic: boolean;
  /** By name the kind of each attribute, or the words that it may be. */
  readonly attributes: ReadonlyMap<string, Attribute["kind"] | readonly string[]>;
}

const isFloat = (dtype: DataType): boolean => dtype.includes("float");
const isNumber = (dtype: DataType): boolean => dtype !== "bool" && dtype !== "string";

/** The letters for inputs: capitals where an input's type is its own, small ones where inputs share theirs. */
const forms: Readonly<Record<string, Omit<InputForm, "isOptional">>> = {
  a: { types: "any type", accepts: () => true, isUniform: true },
  "*": { types: "any type", accepts: () => true, isUniform: false },
  n: { types: "numbers", accepts: isNumber, isUniform: true },
  N: { types: "numbers", accepts: isNumber, isUniform: false },
  f: { types: "floating-point numbers", accepts: isFloat, isUniform: true },
  F: { types: "floating-point numbers", accepts: isFloat, isUniform: false },
  b: { types: "bool", accepts: (dtype) => dtype === "bool", isUniform: false },
  i: { types: "int32 or int64", accepts: (dtype) => dtype === "int32" || dtype === "int64", isUniform: false },
  l: { types: "int64", accepts: (dtype) => dtype === "int64", isUniform: false },
};

/** "f f f?" for inputs (`?`: may be left out, `+`: any number), "axis:int mode:nearest,linear" for attributes. */
function signature(inputs: string, attributes = ""): Signature {
  const split = (text: string): string[] => (text === "" ? [] : text.split(" "));
  return {
    inputs: split(inputs).map((letter) => ({ ...forms[letter[0]], isOptional: letter.endsWith("?") })),
    isVariadic: inputs.endsWith("+"),
    attributes: new Map(
      split(attributes).map((attribute) => {
        const [name, kind] = attribute.split(":");
        return [name, kind.includes(",") ? kind.split(",") : (kind as Attribute["kind"])];
      }),
    ),
  };
}

export const signatures: Readonly<Record<Operator, Signature>> = {
  Abs: signature("n"),
  Acos: signature("f"),
  Acosh: signature("f"),
  Add: signature("n n"),
  And: signature("b b"),
  ArgMax: signature("n", "axis:int keepdims:int select_last_index:int"),
  ArgMin: signature("n", "axis:int keepdims:int select_last_index:int"),
  Asin: signature("f"),
  Asinh: signature("f"),
  Atan: signature("f"),
  Atanh: signature("f"),
  Attention: signature(
    "f f F *? F? F? l?",
    "is_causal:int kv_num_heads:int left_window_size:int q_num_heads:int qk_matmul_output_mode:int right_window_size:int scale:float softcap:float softmax_precision:int",
  ),
  AveragePool: signature(
    "f",
    "auto_pad:string ceil_mode:int count_include_pad:int dilations:ints kernel_shape:ints pads:ints strides:ints",
  ),
  BatchNormalization: signature("f f f f f", "epsilon:float momentum:float training_mode:int"),
  Cast: signature("*", "saturate:int to:int"),
  CastLike: signature("* *", "saturate:int"),
  Ceil: signature("f"),
  Celu: signature("f", "alpha:float"),
  Clip: signature("n n? n?"),
  Concat: signature("a+", "axis:int"),
  Constant: signature(
    "",
    "sparse_value:opaque value:tensor value_float:float value_floats:floats value_int:int value_ints:ints value_string:string value_strings:strings",
  ),
  ConstantOfShape: signature("l", "value:tensor"),
  Conv: signature("f f f?", "auto_pad:string dilations:ints group:int kernel_shape:ints pads:ints strides:ints"),
  ConvTranspose: signature(
    "f f f?",
    "auto_pad:string dilations:ints group:int kernel_shape:ints output_padding:ints output_shape:ints pads:ints strides:ints",
  ),
  Cos: signature("f"),
  Cosh: signature("f"),
  CumSum: signature("n i", "exclusive:int reverse:int"),
  DepthToSpace: signature("*", "blocksize:int mode:DCR,CRD"),
  DequantizeLinear: signature("N F N?", "axis:int block_size:int output_dtype:int"),
  Div: signature("n n"),
  Dropout: signature("f F? b?", "seed:int"),
  Einsum: signature("n+", "equation:string"),
  Elu: signature("f", "alpha:float"),
  Equal: signature("a a"),
  Erf: signature("n"),
  Exp: signature("f"),
  Expand: signature("* l"),
  EyeLike: signature("*", "dtype:int k:int"),
  Flatten: signature("*", "axis:int"),
  Floor: signature("f"),
  Gather: signature("* i", "axis:int"),
  GatherElements: signature("* i", "axis:int"),
  GatherND: signature("* l", "batch_dims:int"),
  Gelu: signature("f", "approximate:none,tanh"),
  Gemm: signature("n n n?", "alpha:float beta:float transA:int transB:int"),
  GlobalAveragePool: signature("f"),
  GlobalLpPool: signature("f", "p:int"),
  GlobalMaxPool: signature("f"),
  Greater: signature("n n"),
  GreaterOrEqual: signature("n n"),
  GridSample: signature(
    "* F",
    "align_corners:int mode:linear,bilinear,nearest,cubic,bicubic padding_mode:zeros,border,reflection",
  ),
  GroupNormalization: signature("f f f", "epsilon:float num_groups:int stash_type:int"),
  HardSigmoid: signature("f", "alpha:float beta:float"),
  HardSwish: signature("f"),
  Hardmax: signature("f", "axis:int"),
  Identity: signature("*"),
  InstanceNormalization: signature("f f f", "epsilon:float"),
  IsInf: signature("f", "detect_negative:int detect_positive:int"),
  IsNaN: signature("f"),
  LRN: signature("f", "alpha:float beta:float bias:float size:int"),
  LayerNormalization: signature("f f f?", "axis:int epsilon:float stash_type:int"),
  LeakyRelu: signature("f", "alpha:float"),
  Less: signature("n n"),
  LessOrEqual: signature("n n"),
  Log: signature("f"),
  LogSoftmax: signature("f", "axis:int"),
  LpNormalization: signature("f", "axis:int p:int"),
  LpPool: signature("f", "auto_pad:string ceil_mode:int dilations:ints kernel_shape:ints p:int pads:ints strides:ints"),
  MatMul: signature("n n"),
  Max: signature("n+"),
  MaxPool: signature(
    "N",
    "auto_pad:string ceil_mode:int dilations:ints kernel_shape:ints pads:ints storage_order:int strides:ints",
  ),
  MaxUnpool: signature("N l l?", "kernel_shape:ints pads:ints strides:ints"),
  Mean: signature("f+"),
  MeanVarianceNormalization: signature("f", "axes:ints"),
  Min: signature("n+"),
  Mish: signature("f"),
  Mod: signature("n n", "fmod:int"),
  Mul: signature("n n"),
  Neg: signature("n"),
  NonZero: signature("*"),
  Not: signature("b"),
  OneHot: signature("N N *", "axis:int"),
  Or: signature("b b"),
  PRelu: signature("n n"),
  Pad: signature("a l a? i?", "mode:constant,reflect,edge,wrap"),
  Pow: signature("N N"),
  QuantizeLinear: signature("N N N?", "axis:int block_size:int output_dtype:int precision:int saturate:int"),
  RMSNormalization: signature("f f", "axis:int epsilon:float stash_type:int"),
  Range: signature("n n n"),
  Reciprocal: signature("f"),
  ReduceL1: signature("n l?", "keepdims:int noop_with_empty_axes:int"),
  ReduceL2: signature("n l?", "keepdims:int noop_with_empty_axes:int"),
  ReduceLogSum: signature("n l?", "keepdims:int noop_with_empty_axes:int"),
  ReduceLogSumExp: signature("n l?", "keepdims:int noop_with_empty_axes:int"),
  ReduceMax: signature("* l?", "keepdims:int noop_with_empty_axes:int"),
  ReduceMean: signature("n l?", "keepdims:int noop_with_empty_axes:int"),
  ReduceMin: signature("* l?", "keepdims:int noop_with_empty_axes:int"),
  ReduceProd: signature("n l?", "keepdims:int noop_with_empty_axes:int"),
  ReduceSum: signature("n l?", "keepdims:int noop_with_empty_axes:int"),
  ReduceSumSquare: signature("n l?", "keepdims:int noop_with_empty_axes:int"),
  Relu: signature("n"),
  Reshape: signature("* l", "allowzero:int"),
  Resize: signature(
    "* F? F? l?",
    "antialias:int axes:ints coordinate_transformation_mode:half_pixel,half_pixel_symmetric,pytorch_half_pixel,align_corners,asymmetric,tf_crop_and_resize cubic_coeff_a:float exclude_outside:int extrapolation_value:float keep_aspect_ratio_policy:stretch,not_larger,not_smaller mode:nearest,linear,cubic nearest_mode:round_prefer_floor,round_prefer_ceil,floor,ceil",
  ),
  Round: signature("f"),
  ScatterElements: signature("a i a", "axis:int reduction:none,add,mul,max,min"),
  ScatterND: signature("a l a", "reduction:none,add,mul,max,min"),
  Selu: signature("f", "alpha:float gamma:float"),
  Shape: signature("*", "end:int start:int"),
  Shrink: signature("n", "bias:float lambd:float"),
  Sigmoid: signature("f"),
  Sign: signature("n"),
  Sin: signature("f"),
  Sinh: signature("f"),
  Size: signature("*"),
  Slice: signature("* i i i? i?"),
  Softmax: signature("f", "axis:int"),
  Softplus: signature("f"),
  Softsign: signature("f"),
  SpaceToDepth: signature("*", "blocksize:int mode:DCR,CRD"),
  Split: signature("* l?", "axis:int num_outputs:int"),
  Sqrt: signature("f"),
  Squeeze: signature("* l?"),
  Sub: signature("n n"),
  Sum: signature("n+"),
  Swish: signature("f", "alpha:float"),
  Tan: signature("f"),
  Tanh: signature("f"),
  ThresholdedRelu: signature("f", "alpha:float"),
  Tile: signature("* l"),
  TopK: signature("n l", "axis:int largest:int sorted:int"),
  Transpose: signature("*", "perm:ints"),
  Trilu: signature("* l?", "upper:int"),
  Unsqueeze: signature("* l"),
  Where: signature("b a a"),
  Xor: signature("b b"),
};
