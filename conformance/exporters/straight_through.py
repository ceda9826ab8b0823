"""
Runs a quantized ONNX file in PyTorch, so that autograd gives its straight-through gradient: rounding passes what comes, and where an integer
saturates nothing passes (as in PyTorch's fake quantization). Knows the operators that onnxruntime's quantization tools write and that timm's small networks have.
"""
import numpy
import onnx
import torch
from onnx import numpy_helper
from torch.nn import functional as F

RANGES = {"uint8": (0, 255), "int8": (-128, 127), "uint16": (0, 65535), "int16": (-32768, 32767), "uint4": (0, 15), "int4": (-8, 7)}
# The types of integers are names here: their values are floats, so that gradients pass.
TYPES = {onnx.TensorProto.UINT8: "uint8", onnx.TensorProto.INT8: "int8", onnx.TensorProto.INT32: "int32", onnx.TensorProto.INT64: "int64"}


class Rounded(torch.autograd.Function):
    """Rounded half to even, exactly, with the gradient of the identity."""

    @staticmethod
    def forward(context, values):
        return torch.round(values)

    @staticmethod
    def backward(context, gradient):
        return gradient


rounded = Rounded.apply


class Runner:
    """The values of one run, by name; `kinds` has the integer type of those that are quantized."""

    def __init__(self, path, dtype):
        model = onnx.load(path)
        self.graph, self.dtype = model.graph, dtype
        self.input = [value.name for value in self.graph.input][0]
        self.constants, self.constant_kinds = {}, {}
        for initializer in self.graph.initializer:
            self.keep(initializer.name, numpy_helper.to_array(initializer))

    def keep(self, name, array):
        kind = str(array.dtype)
        is_number = kind.startswith("float") or kind in RANGES or kind == "int32"
        self.constants[name] = torch.from_numpy(array.copy()).to(self.dtype) if is_number else torch.from_numpy(array.copy())
        self.constant_kinds[name] = kind

    def __call__(self, pictures):
        self.values, self.kinds = dict(self.constants), dict(self.constant_kinds)
        self.values[self.input] = pictures
        for node in self.graph.node:
            attributes = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
            results = getattr(self, node.op_type)(node, attributes, *[self.values[name] if name else None for name in node.input])
            for name, result in zip(node.output, results if isinstance(results, tuple) else (results,)):
                self.values[name] = result
        return self.values[self.graph.output[0].name]

    def kind(self, name, otherwise="uint8"):
        return self.kinds.get(name, otherwise)

    def along(self, parameter, values, axis):
        if parameter.numel() == 1:
            return parameter.reshape(())
        return parameter.reshape([-1 if index == axis % values.dim() else 1 for index in range(values.dim())])

    def quantized(self, values, scale, zero, kind, axis=1):
        zero = torch.zeros((), dtype=self.dtype) if zero is None else zero
        low, high = RANGES[kind]
        scale, zero = self.along(scale, values, axis), self.along(zero, values, axis)
        integers = rounded(values / scale) + zero
        # Not clamp, whose gradient stops at the bounds themselves since PyTorch 2.
        return torch.where((integers < low) | (integers > high), torch.clamp(integers, low, high).detach(), integers)

    def real(self, values, scale, zero, axis=1):
        zero = torch.zeros((), dtype=self.dtype) if zero is None else zero
        return (values - self.along(zero, values, axis)) * self.along(scale, values, axis)

    # Quantization

    def QuantizeLinear(self, node, attributes, values, scale, zero=None):
        kind = self.kind(node.input[2]) if zero is not None else "uint8"
        self.kinds[node.output[0]] = kind
        return self.quantized(values, scale, zero, kind, attributes.get("axis", 1))

    def DequantizeLinear(self, node, attributes, values, scale, zero=None):
        return self.real(values, scale, zero, attributes.get("axis", 1))

    def DynamicQuantizeLinear(self, node, attributes, values):
        low, high = torch.clamp(values.min(), max=0), torch.clamp(values.max(), min=0)
        scale = (high - low) / 255
        # Constants of the run: straight through the rounding, what x gives to both comes back through DequantizeLinear.
        scale, zero = scale.detach(), torch.round(torch.clamp(-low / scale, 0, 255)).detach()
        return self.quantized(values, scale, zero, "uint8"), scale, zero

    def finished(self, node, values, scale, zero, index):
        kind = self.kind(node.input[index])
        self.kinds[node.output[0]] = kind
        return self.quantized(values, scale, zero, kind)

    def QLinearConv(self, node, attributes, x, xs, xz, w, ws, wz, ys, yz, bias=None):
        real_bias = None if bias is None else bias * (xs * ws).reshape(-1)
        return self.finished(node, self.Conv(node, attributes, self.real(x, xs, xz), self.real(w, ws, wz, 0), real_bias), ys, yz, 7)

    def QLinearMatMul(self, node, attributes, a, s, z, b, bs, bz, ys, yz):
        return self.finished(node, self.real(a, s, z) @ self.real(b, bs, bz, -1), ys, yz, 7)

    def QGemm(self, node, attributes, a, s, z, b, bs, bz, bias=None, ys=None, yz=None):
        columns = 0 if attributes.get("transB", 0) else 1
        real_bias = None if bias is None else bias * (s * bs).reshape(-1) * attributes.get("alpha", 1.0)
        result = self.Gemm(node, attributes | {"beta": 1.0}, self.real(a, s, z), self.real(b, bs, bz, columns), real_bias)
        return result if ys is None else self.finished(node, result, ys, yz, 8)

    def QLinearAdd(self, node, attributes, a, s, z, b, bs, bz, ys, yz):
        return self.finished(node, self.real(a, s, z) + self.real(b, bs, bz), ys, yz, 7)

    def QLinearMul(self, node, attributes, a, s, z, b, bs, bz, ys, yz):
        return self.finished(node, self.real(a, s, z) * self.real(b, bs, bz), ys, yz, 7)

    def QLinearSigmoid(self, node, attributes, x, s, z, ys, yz):
        return self.finished(node, torch.sigmoid(self.real(x, s, z)), ys, yz, 4)

    def QLinearLeakyRelu(self, node, attributes, x, s, z, ys, yz):
        return self.finished(node, F.leaky_relu(self.real(x, s, z), attributes.get("alpha", 0.01)), ys, yz, 4)

    def QLinearSoftmax(self, node, attributes, x, s, z, ys, yz):
        return self.finished(node, torch.softmax(self.real(x, s, z), attributes.get("axis", -1)), ys, yz, 4)

    def QLinearGlobalAveragePool(self, node, attributes, x, s, z, ys, yz):
        return self.finished(node, self.GlobalAveragePool(node, attributes, self.real(x, s, z)), ys, yz, 4)

    def QLinearAveragePool(self, node, attributes, x, s, z, ys, yz):
        return self.finished(node, self.AveragePool(node, attributes, self.real(x, s, z)), ys, yz, 4)

    def QLinearConcat(self, node, attributes, ys, yz, *parts):
        real = [self.real(*parts[index : index + 3]) for index in range(0, len(parts), 3)]
        return self.finished(node, torch.cat(real, attributes["axis"]), ys, yz, 1)

    def MatMulInteger(self, node, attributes, a, b, az=None, bz=None):
        return (a - (0 if az is None else az)) @ (b - (0 if bz is None else bz))

    def ConvInteger(self, node, attributes, x, w, xz=None, wz=None):
        zero = 0 if wz is None else wz if wz.numel() == 1 else wz.reshape(-1, 1, 1, 1)
        return self.Conv(node, attributes, x - (0 if xz is None else xz), w - zero)

    # Arithmetic

    def Conv(self, node, attributes, x, w, bias=None):
        pads = attributes.get("pads", [0, 0, 0, 0])
        padded = F.pad(x, (pads[1], pads[3], pads[0], pads[2]))
        return F.conv2d(padded, w, bias, attributes.get("strides", 1), 0, attributes.get("dilations", 1), attributes.get("group", 1))

    def BatchNormalization(self, node, attributes, x, scale, bias, mean, variance):
        return F.batch_norm(x, mean, variance, scale, bias, eps=attributes.get("epsilon", 1e-5))

    def Gemm(self, node, attributes, a, b, c=None):
        product = (a.mT if attributes.get("transA", 0) else a) @ (b.mT if attributes.get("transB", 0) else b)
        product = attributes.get("alpha", 1.0) * product
        return product if c is None else product + attributes.get("beta", 1.0) * c

    def MatMul(self, node, attributes, a, b):
        return a @ b

    def Add(self, node, attributes, a, b):
        return a + b

    def Sub(self, node, attributes, a, b):
        return a - b

    def Mul(self, node, attributes, a, b):
        return a * b

    def Div(self, node, attributes, a, b):
        return a // b if not a.is_floating_point() else a / b

    def Pow(self, node, attributes, a, b):
        return a**b

    def Sqrt(self, node, attributes, x):
        return torch.sqrt(x)

    def Erf(self, node, attributes, x):
        return torch.erf(x)

    def Gelu(self, node, attributes, x):
        return F.gelu(x)

    def Relu(self, node, attributes, x):
        return F.relu(x)

    def Sigmoid(self, node, attributes, x):
        return torch.sigmoid(x)

    def HardSigmoid(self, node, attributes, x):
        return torch.clamp(attributes.get("alpha", 0.2) * x + attributes.get("beta", 0.5), 0, 1)

    def HardSwish(self, node, attributes, x):
        return F.hardswish(x)

    def Clip(self, node, attributes, x, low=None, high=None):
        return torch.clamp(x, low, high)

    def Softmax(self, node, attributes, x):
        return torch.softmax(x, attributes.get("axis", -1))

    def LayerNormalization(self, node, attributes, x, weight, bias=None):
        axis = attributes.get("axis", -1) % x.dim()
        return F.layer_norm(x, x.shape[axis:], weight, bias, attributes.get("epsilon", 1e-5))

    def GlobalAveragePool(self, node, attributes, x):
        return x.mean((2, 3), keepdim=True)

    def AveragePool(self, node, attributes, x):
        pads = attributes.get("pads", [0, 0, 0, 0])
        return F.avg_pool2d(x, attributes["kernel_shape"], attributes.get("strides", 1), pads[:2], bool(attributes.get("ceil_mode", 0)), bool(attributes.get("count_include_pad", 0)))

    def MaxPool(self, node, attributes, x):
        pads = attributes.get("pads", [0, 0, 0, 0])
        self.kinds[node.output[0]] = self.kind(node.input[0])
        padded = F.pad(x, (pads[1], pads[3], pads[0], pads[2]), value=-numpy.inf)
        return F.max_pool2d(padded, attributes["kernel_shape"], attributes.get("strides", 1), 0, 1, bool(attributes.get("ceil_mode", 0)))

    def ReduceMean(self, node, attributes, x, axes=None):
        over = axes.tolist() if axes is not None else attributes["axes"]
        return x.mean(tuple(over), keepdim=bool(attributes.get("keepdims", 1)))

    # Shapes

    def Constant(self, node, attributes):
        self.keep(node.output[0], numpy_helper.to_array(attributes["value"]))
        self.kinds[node.output[0]] = self.constant_kinds[node.output[0]]
        return self.constants[node.output[0]]

    def same_kind(self, node, result):
        if node.input[0] in self.kinds:
            self.kinds[node.output[0]] = self.kinds[node.input[0]]
        return result

    def Cast(self, node, attributes, x):
        kind = TYPES.get(attributes["to"])
        return x.to(torch.int64) if kind == "int64" else x.to(self.dtype)

    def Identity(self, node, attributes, x):
        return self.same_kind(node, x)

    def Reshape(self, node, attributes, x, shape):
        wanted = [x.shape[index] if extent == 0 else extent for index, extent in enumerate(shape.long().tolist())]
        return self.same_kind(node, x.reshape(wanted))

    def Flatten(self, node, attributes, x):
        axis = attributes.get("axis", 1)
        return self.same_kind(node, x.reshape(int(numpy.prod(x.shape[:axis])), -1))

    def Transpose(self, node, attributes, x):
        return self.same_kind(node, x.permute(attributes["perm"]))

    def Squeeze(self, node, attributes, x, axes=None):
        over = axes.long().tolist() if axes is not None else attributes.get("axes")
        return self.same_kind(node, x.squeeze() if over is None else x.squeeze(tuple(over)))

    def Unsqueeze(self, node, attributes, x, axes=None):
        for axis in sorted(axes.long().tolist() if axes is not None else attributes["axes"]):
            x = x.unsqueeze(axis)
        return self.same_kind(node, x)

    def Concat(self, node, attributes, *parts):
        return self.same_kind(node, torch.cat(parts, attributes["axis"]))

    def Expand(self, node, attributes, x, shape):
        return x * torch.ones(shape.long().tolist(), dtype=x.dtype)

    def Shape(self, node, attributes, x):
        return torch.tensor(x.shape)

    def Gather(self, node, attributes, x, indices):
        axis = attributes.get("axis", 0)
        picked = torch.index_select(x, axis, (indices.long() % x.shape[axis]).reshape(-1))
        return self.same_kind(node, picked.reshape(x.shape[:axis] + indices.shape + x.shape[axis + 1 :]))

    def Slice(self, node, attributes, x, starts, ends, axes=None, steps=None):
        over = axes.long().tolist() if axes is not None else range(starts.numel())
        for index, axis in enumerate(over):
            step = 1 if steps is None else int(steps[index])
            x = x.movedim(axis, 0)[int(starts[index]) : int(ends[index]) : step].movedim(0, axis)
        return self.same_kind(node, x)

    def Split(self, node, attributes, x, lengths=None):
        axis, count = attributes.get("axis", 0), len(node.output)
        parts = torch.split(x, lengths.long().tolist() if lengths is not None else x.shape[axis] // count, axis)
        for name in node.output:
            self.kinds[name] = self.kinds.get(node.input[0], "float32")
        return tuple(parts)
