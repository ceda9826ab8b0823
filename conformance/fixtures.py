"""Writes the small networks that the test suite compares with PyTorch: a narrow one per family and per habit of exporters.

Run: /usr/bin/python3 conformance/fixtures.py [NAME…]

Each becomes a folder of conformance/fixtures: model.onnx, and as .npy input, cotangent, logits and gradient, the last two
computed in float64 and rounded to float32; for some also grad-cam, the map [h, w] of the first picture and class 0 before negative evidence is cut off.
"""
import os
import sys
import warnings
from functools import partial

import numpy
import onnx
import torch
import torchvision
from onnx import TensorProto, helper, numpy_helper
from torch import nn
from torch.nn import functional as F
from torchvision import models
from torchvision.ops.misc import Conv2dNormActivation

from export import enliven, make_swin_exportable

warnings.filterwarnings("ignore")
folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures")
CLASSES = 5


class Apply(nn.Module):
    """A function as a module."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def classifier(*body, channels):
    """`body` between a stem and a head that pools, flattens and projects."""
    return nn.Sequential(
        Conv2dNormActivation(3, channels[0], 3, stride=2),
        *body,
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(channels[1], CLASSES),
    )


def residual():
    block = models.resnet.Bottleneck
    down = nn.Sequential(nn.Conv2d(8, 16, 1, 2, bias=False), nn.BatchNorm2d(16))
    return classifier(
        nn.MaxPool2d(3, 2, 1),
        block(8, 4, 2, down, groups=2, base_width=64, dilation=1),
        block(16, 4, groups=4, base_width=64),
        channels=(8, 16),
    )


def inverted_residual():
    config = models.mobilenetv3.InvertedResidualConfig
    block = partial(models.mobilenetv3.InvertedResidual, norm_layer=nn.BatchNorm2d)
    return classifier(
        block(config(8, 3, 16, 8, True, "HS", 1, 1, 1.0)),
        block(config(8, 5, 24, 16, True, "RE", 2, 1, 1.0)),
        channels=(8, 16),
    )


def fused_inverted_residual():
    efficient = models.efficientnet
    norm = partial(nn.BatchNorm2d, eps=1e-3)
    fused = efficient.FusedMBConv(efficient.FusedMBConvConfig(2, 3, 1, 8, 8, 1), 0.1, norm)
    plain = efficient.MBConv(efficient.MBConvConfig(3, 5, 2, 8, 16, 1), 0.1, norm)
    return classifier(fused, plain, channels=(8, 16))


def dense():
    block = models.densenet._DenseBlock(3, 8, 2, 4, 0.1)
    return classifier(block, models.densenet._Transition(20, 10), nn.BatchNorm2d(10), nn.ReLU(), channels=(8, 10))


class Inception(nn.Module):
    """Branches of four kinds, with the padded average of Inception v3 and the ceiling of GoogLeNet."""

    def __init__(self):
        super().__init__()
        conv = models.inception.BasicConv2d
        self.one = conv(8, 4, kernel_size=1)
        self.wide = nn.Sequential(conv(8, 4, kernel_size=1), conv(4, 6, kernel_size=(1, 7), padding=(0, 3)))
        self.high = nn.Sequential(conv(8, 4, kernel_size=1), conv(4, 6, kernel_size=(7, 1), padding=(3, 0)))
        self.pooled = conv(8, 4, kernel_size=1)
        self.down = conv(20, 8, kernel_size=3, stride=2)

    def forward(self, x):
        average = F.avg_pool2d(x, kernel_size=3, stride=1, padding=1)
        y = torch.cat([self.one(x), self.wide(x), self.high(x), self.pooled(average)], 1)
        return torch.cat([self.down(y), F.max_pool2d(y, 3, stride=2)], 1)


def inception():
    return classifier(nn.MaxPool2d(3, 2, ceil_mode=True), Inception(), channels=(8, 28))


def shuffle():
    block = models.shufflenetv2.InvertedResidual
    return classifier(block(8, 12, 2), block(12, 12, 1), channels=(8, 12))


def fire():
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        models.squeezenet.Fire(8, 4, 6, 6),
        nn.Dropout(0.5),
        nn.Conv2d(12, CLASSES, 1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d((1, 1)),
        nn.Flatten(),
        nn.Softmax(1),
    )


def convnext():
    block = models.convnext.CNBlock
    norm = models.convnext.LayerNorm2d
    return nn.Sequential(
        nn.Conv2d(3, 8, 4, 4),
        norm(8, eps=1e-6),
        block(8, 1.0, 0.1),
        norm(8, eps=1e-6),
        nn.Conv2d(8, 12, 2, 2),
        block(12, 1.0, 0.1),
        nn.AdaptiveAvgPool2d(1),
        norm(12, eps=1e-6),
        nn.Flatten(1),
        nn.Linear(12, CLASSES),
    )


def transformer(layers=1):
    return models.VisionTransformer(
        image_size=16, patch_size=4, num_layers=layers, num_heads=2, hidden_dim=12, mlp_dim=24, num_classes=CLASSES
    )


def windows(block, merging):
    return models.SwinTransformer(
        patch_size=[2, 2],
        embed_dim=4,
        depths=[2],
        num_heads=[2],
        window_size=[3, 3],
        num_classes=CLASSES,
        block=block,
        downsample_layer=merging,
    )


def swin():
    swin_module = models.swin_transformer
    return windows(swin_module.SwinTransformerBlock, swin_module.PatchMerging)


def swin_v2():
    make_swin_exportable()
    swin_module = models.swin_transformer
    model = windows(swin_module.SwinTransformerBlockV2, swin_module.PatchMergingV2)
    for attention in [module for module in model.modules() if isinstance(module, swin_module.ShiftedWindowAttentionV2)]:
        # The network of the position biases is 512 wide whatever the rest is.
        attention.cpb_mlp = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, attention.num_heads, bias=False))
    return model


def maxvit():
    return models.MaxVit(
        input_size=(16, 16),
        stem_channels=6,
        partition_size=2,
        block_channels=[8],
        block_layers=[1],
        head_dim=4,
        stochastic_depth_prob=0.0,
        num_classes=CLASSES,
    )


def local_response():
    """AlexNet and GoogLeNet as their authors had them."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 5, stride=2, padding=2),
        nn.ReLU(),
        nn.LocalResponseNorm(5, alpha=0.5, beta=0.75, k=1.0),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(8, 8, 3, padding=1, groups=2),
        nn.ReLU(),
        nn.AvgPool2d(2, stride=2, ceil_mode=True),
        nn.Flatten(),
        nn.Dropout(),
        nn.Linear(8 * 3 * 3, CLASSES),
    )


def resized():
    return nn.Sequential(
        Apply(lambda x: F.interpolate(x, size=(20, 20), mode="bilinear", align_corners=False)),
        nn.Conv2d(3, 6, 3, stride=2),
        nn.Tanh(),
        Apply(lambda x: F.interpolate(x, scale_factor=2, mode="nearest")),
        nn.Conv2d(6, 6, 3, stride=2),
        nn.ELU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(6, CLASSES),
    )


class Habits(nn.Module):
    """What people write in forward(): padding by hand, one-sided clamps, means over negative axes, view(size(0), -1)."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 6, 3, stride=2)
        self.slopes = nn.PReLU(6)
        self.second = nn.Conv2d(6, 8, 3)
        self.norm = nn.GroupNorm(2, 8)
        self.third = nn.Conv2d(8, 8, 3, groups=8)
        self.instance = nn.InstanceNorm2d(8, affine=True)
        self.head = nn.Linear(8, 10)
        self.last = nn.Linear(10, CLASSES)

    def forward(self, x):
        x = (x - torch.tensor([0.4, 0.5, 0.6]).to(x).view(1, 3, 1, 1)) / torch.tensor([0.2, 0.3, 0.25]).to(x).view(1, 3, 1, 1)
        x = self.slopes(self.first(F.pad(x, (0, 1, 0, 1))))
        x = F.gelu(self.norm(self.second(F.pad(x, (1, 1, 1, 1), mode="reflect"))))
        gate = torch.sigmoid(x.mean((2, 3), keepdim=True).clamp(min=-3).clamp(max=3))
        x = x * gate + x.amax(1, keepdim=True) * 0.1
        x = F.mish(self.instance(self.third(x)))
        x = x.flatten(2).mean(-1).view(x.size(0), -1)
        x = F.normalize(F.softplus(self.head(x)), dim=1)
        return self.last(x)


def habits():
    return nn.Sequential(Habits(), nn.LogSoftmax(-1))


def keras():
    """A network as TensorFlow's exporter leaves it: channels last outside, transposed around each convolution."""
    torch_model = nn.Sequential(
        Apply(lambda x: x.permute(0, 3, 1, 2)),
        nn.ConstantPad2d((0, 1, 0, 1), 0),
        nn.Conv2d(3, 6, 3, stride=2, bias=False),
        nn.BatchNorm2d(6),
        nn.ReLU6(),
        nn.Conv2d(6, 6, 3, padding=1, groups=6),
        nn.Sigmoid(),
        Apply(lambda x: x.mean((2, 3))),
        nn.Linear(6, CLASSES),
    )

    def build(model):
        conv, norm, depthwise, dense = model[2], model[3], model[5], model[8]
        weights = {
            "kernel": conv.weight,
            "gamma": norm.weight,
            "beta": norm.bias,
            "mean": norm.running_mean,
            "variance": norm.running_var,
            "depthwise": depthwise.weight,
            "bias": depthwise.bias,
            "dense": dense.weight.T,
            "dense_bias": dense.bias,
            "zero": torch.zeros(()),
            "six": torch.tensor(6.0),
            "pads": torch.tensor([0, 0, 0, 0, 0, 1, 1, 0]),
        }
        node = helper.make_node
        nodes = [
            node("Pad", ["image", "pads", "zero"], ["padded"]),
            node("Transpose", ["padded"], ["t0"], perm=[0, 3, 1, 2]),
            node("Conv", ["t0", "kernel"], ["c0"], strides=[2, 2], auto_pad="VALID"),
            node("Transpose", ["c0"], ["t1"], perm=[0, 2, 3, 1]),
            node("Transpose", ["t1"], ["t2"], perm=[0, 3, 1, 2]),
            node("BatchNormalization", ["t2", "gamma", "beta", "mean", "variance"], ["n0"], epsilon=norm.eps),
            node("Transpose", ["n0"], ["t3"], perm=[0, 2, 3, 1]),
            node("Clip", ["t3", "zero", "six"], ["r0"]),
            node("Transpose", ["r0"], ["t4"], perm=[0, 3, 1, 2]),
            node("Conv", ["t4", "depthwise", "bias"], ["c1"], group=6, auto_pad="SAME_UPPER"),
            node("Transpose", ["c1"], ["t5"], perm=[0, 2, 3, 1]),
            node("Sigmoid", ["t5"], ["s0"]),
            node("ReduceMean", ["s0"], ["m0"], axes=[1, 2], keepdims=0),
            node("MatMul", ["m0", "dense"], ["d0"]),
            node("Add", ["d0", "dense_bias"], ["scores"]),
            node("Softmax", ["scores"], ["probabilities"], axis=1),
        ]
        return handmade(nodes, weights, ["unk__6", 16, 16, 3], ["image", "probabilities"], opset=13)

    return torch_model, build


def fixed_reshape():
    """Shapes that were traced for one image, and a Gemm that takes its matrix on the other side."""
    torch_model = nn.Sequential(nn.Conv2d(3, 4, 4, stride=4), nn.ReLU(), nn.Flatten(), nn.Linear(64, CLASSES))

    def build(model):
        conv, dense = model[0], model[3]
        weights = {"kernel": conv.weight, "bias": conv.bias, "dense": dense.weight, "dense_bias": dense.bias}
        weights["shape"] = torch.tensor([1, 64])
        node = helper.make_node
        nodes = [
            node("Conv", ["input", "kernel", "bias"], ["c0"], strides=[4, 4], kernel_shape=[4, 4]),
            node("Relu", ["c0"], ["r0"]),
            node("Reshape", ["r0", "shape"], ["flat"]),
            node("Transpose", ["flat"], ["column"], perm=[1, 0]),
            node("Gemm", ["column", "dense", "dense_bias"], ["output"], transA=1, transB=1, alpha=1.0, beta=1.0),
        ]
        return handmade(nodes, weights, [1, 3, 16, 16], ["input", "output"], opset=11)

    return torch_model, build


def handmade(nodes, weights, shape, names, opset):
    arrays = {name: numpy.ascontiguousarray(weight.detach().numpy()) for name, weight in weights.items()}
    graph = helper.make_graph(
        nodes,
        "handmade",
        [helper.make_tensor_value_info(names[0], TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(names[1], TensorProto.FLOAT, [shape[0], CLASSES])],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=7)


# By name: how the network is made, the extent of its input, and how it is exported.
fixtures = {
    "residual": (residual, 16, {"opset_version": 13, "dynamic": True, "batch": 2}),
    "residual-opset-9": (residual, 16, {"opset_version": 9}),
    "inverted-residual": (inverted_residual, 16, {"opset_version": 14}),
    "inverted-residual-opset-11": (inverted_residual, 16, {"opset_version": 11, "keep_initializers_as_inputs": True}),
    "fused-inverted-residual": (fused_inverted_residual, 16, {"opset_version": 13}),
    "dense": (dense, 16, {"opset_version": 12, "do_constant_folding": False, "training": torch.onnx.TrainingMode.PRESERVE}),
    "inception": (inception, 24, {"opset_version": 13}),
    "shuffle": (shuffle, 16, {"opset_version": 16, "dynamic": True, "batch": 2}),
    "fire": (fire, 19, {"opset_version": 10}),
    "convnext": (convnext, 16, {"opset_version": 13}),
    "convnext-opset-17": (convnext, 16, {"opset_version": 17, "dynamic": True}),
    "transformer": (transformer, 16, {"opset_version": 14, "dynamic": True, "batch": 2}),
    "transformer-opset-11": (transformer, 16, {"opset_version": 11, "do_constant_folding": False}),
    "transformer-opset-17": (partial(transformer, 2), 16, {"opset_version": 17}),
    "swin": (swin, 16, {"opset_version": 13, "dynamic": True}),
    "swin-v2": (swin_v2, 16, {"opset_version": 14}),
    "maxvit": (maxvit, 16, {"opset_version": 13}),
    "local-response": (local_response, 24, {"opset_version": 9, "training": torch.onnx.TrainingMode.PRESERVE}),
    "resized": (resized, 16, {"opset_version": 11}),
    "habits": (habits, 16, {"opset_version": 13, "dynamic": True, "batch": 2}),
    "keras": (keras, 16, {}),
    "fixed-reshape": (fixed_reshape, 16, {}),
}


def patches(tokens):
    """The tokens [N, 1 + 16, C] behind the class token as [N, C, 4, 4]."""
    return tokens[:, 1:].transpose(1, 2).unflatten(2, (4, 4))


# Where Grad-CAM reads, by name: the module whose output it is, and that output as [N, C, h, w]. In a network that reads its class
# token this is what enters the last layer: behind its attention the other tokens have no gradient.
grad_cams = {
    "residual": (lambda model: model[-4], lambda x: x),
    "convnext": (lambda model: model[-5], lambda x: x),
    "transformer-opset-17": (lambda model: model.encoder.layers[-2], patches),
    "swin": (lambda model: model.norm, lambda x: x.permute(0, 3, 1, 2)),
    "maxvit": (lambda model: model.blocks[-1], lambda x: x),
}


def grad_cam(model, picture, module, fold):
    """Selvaraju et al. 2017, equations (1) and (2) without the ReLU, for class 0: [h, w]."""
    kept = []
    hook = module.register_forward_hook(lambda _, inputs, output: kept.append(output))
    (scores,) = model(picture)
    hook.remove()
    (gradient,) = torch.autograd.grad(scores[0], kept[0])
    weights = fold(gradient).mean((2, 3), keepdim=True)
    return (weights * fold(kept[0])).sum(1)[0]


def shorten(path):
    """Gives the inner values short names and the nodes none: module paths are most of a small transformer's file."""
    model = onnx.load(path)
    graph = model.graph
    outer = [value.name for value in [*graph.input, *graph.output]]
    names = {name: name for name in ["", *outer, *(tensor.name for tensor in graph.initializer)]}
    for node in graph.node:
        node.ClearField("name")
        for values in (node.input, node.output):
            for i, value in enumerate(values):
                values[i] = names.setdefault(value, f"v{len(names)}")
    del graph.value_info[:]
    onnx.save(model, path)


def write(name, make, extent, settings):
    settings = dict(settings)
    batch, dynamic = settings.pop("batch", 1), settings.pop("dynamic", False)
    torch.manual_seed(4)
    generator = torch.Generator().manual_seed(5)
    made = make()
    model, build = made if isinstance(made, tuple) else (made, None)
    shape = (extent, extent, 3) if name == "keras" else (3, extent, extent)
    several = torch.randn((32, *shape), generator=generator)
    model = enliven(model.eval(), several, generator)
    pictures = several[:batch].clone()
    cotangent = torch.randn((batch, CLASSES), generator=generator)
    target = os.path.join(folder, name)
    os.makedirs(target, exist_ok=True)
    path = os.path.join(target, "model.onnx")
    if build is not None:
        onnx.save(build(model), path)
    else:
        torch.onnx.export(
            model,
            torch.randn((batch + int(dynamic), *shape)),
            path,
            input_names=["input"],
            output_names=["output"],
            dynamic_axes={"input": {0: "batch"}, "output": {0: "batch"}} if dynamic else None,
            **settings,
        )
        shorten(path)
    # A final Softmax is found and left out: what is compared are the logits before it.
    last = list(model.children())[-1] if isinstance(model, nn.Sequential) else None
    scores = model[:-1] if isinstance(last, (nn.Softmax, nn.LogSoftmax)) else model
    leaf = pictures.double().requires_grad_()
    logits = scores.double()(leaf)
    (gradient,) = torch.autograd.grad(logits, leaf, cotangent.double())
    arrays = {"input": pictures, "cotangent": cotangent, "logits": logits, "gradient": gradient}
    if name in grad_cams:
        find, fold = grad_cams[name]
        arrays["grad-cam"] = grad_cam(scores, pictures[:1].double(), find(scores), fold)
    for key, array in arrays.items():
        numpy.save(os.path.join(target, key + ".npy"), array.detach().numpy().astype(numpy.float32))
    size = sum(os.path.getsize(os.path.join(target, file)) for file in os.listdir(target))
    print(f"{name}: {size} bytes, {len(onnx.load(path).graph.node)} nodes, |gradient| {float(gradient.abs().max()):.3g}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    wanted = sys.argv[1:]
    for name, fixture in fixtures.items():
        if not wanted or name in wanted:
            write(name, *fixture)
