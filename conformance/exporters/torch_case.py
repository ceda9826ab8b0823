"""What the exports of PyTorch's networks have in common: weights that say something, and gradients by autograd to compare with."""
import copy
import os

import numpy
import torch

from pictures import natural_pictures, prepared
from reference_gradients import gradients, logits_of, take_statistics
from write_case import write_case

DRAWS = 2
torch.set_num_threads(1)


class Degenerate(Exception):
    """There is nothing to compare with."""


def enliven(model, pictures, generator):
    """
    Draws what initialization leaves at a constant, so that each branch and each bias counts, and gives BatchNormalization the statistics
    of `pictures`. Whatever the network keeps of earlier runs is forgotten.
    """
    noise = lambda like: torch.randn(like.shape, generator=generator)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            largest = float(parameter.abs().max()) if parameter.numel() else 1.0
            is_bias = name.endswith(("bias", "beta"))
            is_constant = parameter.numel() > 1 and float(parameter.max()) == float(parameter.min())
            if parameter.dim() <= 1 and is_bias:
                parameter.add_(0.1 * noise(parameter))
            elif parameter.dim() > 1 and largest == 0.0:
                # Position embeddings, class tokens, tables of biases and heads start at zero: with them, so would the gradient.
                parameter.add_(0.02 * noise(parameter))
            elif parameter.dim() <= 1 and largest < 0.05 or is_constant and largest < 0.05:
                # Scales of residual branches start at 0 or 1e-6: nothing would be seen of the branches.
                parameter.copy_(0.5 + 0.05 * noise(parameter))
            elif parameter.dim() <= 1 or is_constant:
                parameter.mul_(1 + 0.1 * noise(parameter))
        take_statistics(model, pictures)
        # LeViT and its kin keep tables of an earlier run until they are trained.
        model.train()
        model.eval()
    return model


class ContiguousGradient(torch.autograd.Function):
    """The identity, whose gradient is laid out as PyTorch's BatchNorm expects it."""

    @staticmethod
    def forward(context, values):
        return values.clone()

    @staticmethod
    def backward(context, gradient):
        return gradient.contiguous()


def repaired(model):
    """
    A copy with right gradients. PyTorch's BatchNorm on a CPU, in inference mode and with one picture, computes a wrong one where the
    gradient that arrives is strided like a transposed matrix: of [1, 6, 8, 8] with strides (6, 1, 48, 6) it is off by 130 %, in 1.13 as in 2.15.
    In LeViT and XCiT, whose stems end in BatchNorm, Flatten and Transpose, it is.
    """
    copied = copy.deepcopy(model)
    for module in copied.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.register_forward_hook(lambda _module, _inputs, output: ContiguousGradient.apply(output))
    return copied


def smoothest(model, pictures, cotangent):
    """
    The first pictures, DRAWS times [1, C, H, W], at which a float64 network's gradient changes little under noise of float32's size, or those where
    it changes least: units there would be on the other side of their kink after the exporter has folded weights, and there would be nothing to compare.
    """
    changes = []
    for index, one in enumerate(pictures[:6]):
        generator = torch.Generator().manual_seed(23)
        noise = 2e-7 * one.abs().max() * torch.randn(one.shape, generator=generator, dtype=torch.float64)
        _, (plain, noisy) = gradients(model, [(one[None].double(), cotangent), ((one + noise)[None], cotangent)])
        changes.append((float(numpy.linalg.norm(plain - noisy) / numpy.linalg.norm(plain)), index))
        if sum(change < 1e-5 for change, _ in changes) == DRAWS:
            break
    return [pictures[index][None] for _, index in sorted(changes)[:DRAWS]]


def contradiction(model, pictures, cotangent, gradient):
    """
    How far the derivative along `gradient` is from the central difference of the same float64 network, relatively; the least of three
    steps, because a step of 1e-6 of a pixel is lost where a network computes in float32 whatever it is given.
    """
    gradient = torch.from_numpy(gradient)
    norm = float(gradient.norm())
    direction = gradient / norm
    least = numpy.inf
    for step in (1e-4, 1e-2):
        if least < 1e-3:
            break
        with torch.no_grad():
            change = logits_of(model(pictures + step * direction)) - logits_of(model(pictures - step * direction))
        least = min(least, abs(float((cotangent * change).sum()) / (2 * step * norm) - 1))
    return least


def normalized(mean, std, scale=1, channels="rgb"):
    return {"mean": [float(x) for x in mean], "std": [float(x) for x in std], "scale": scale, "channels": channels}


def write_torch_case(folder, model, size, preprocessing, export, about, beside=None, channels=3):
    """
    Writes what check-export.ts reads: model.onnx by `export(model, sample, path)`, arrays of inputs, cotangents, logits and gradients, and
    case.json. `beside` are files that its publisher would put beside the model, by name.
    """
    generator = torch.Generator().manual_seed(21)
    height, width = size
    pictures = natural_pictures(max(DRAWS, 8), height, width, 22, channels)
    pictures = torch.from_numpy(prepared(pictures, preprocessing))
    model = enliven(model, pictures, generator)
    model.requires_grad_(False)
    with torch.no_grad():
        classes = logits_of(model(pictures[:1])).shape[1]
    double = copy.deepcopy(model).double()
    cotangents = torch.randn((DRAWS, 1, classes), generator=generator)
    draws = list(zip(smoothest(repaired(double), pictures, cotangents[0].double()), cotangents))
    logits, gradient = gradients(repaired(model), draws)
    if not numpy.isfinite(gradient).all() or numpy.abs(gradient).max() < 1e-9:
        raise Degenerate(f"a gradient of {numpy.abs(gradient).max():.1e} compares nothing")
    arrays = {"logits": logits, "gradient": gradient}
    exact = [(one.double(), cotangent.double()) for one, cotangent in draws]
    arrays["logits64"], arrays["gradient64"] = gradients(repaired(double), exact)
    # Of the first draw each: one tells whether it is the gradient of this network.
    about["contradiction"] = contradiction(double, *exact[0], arrays["gradient64"][0])
    del double
    arrays |= {"input": torch.stack([one for one, _ in draws]).numpy(), "cotangent": cotangents.numpy()}
    write_case(folder, arrays, about | {"torch": torch.__version__}, preprocessing, size, beside)
    export(model, pictures[:1].clone(), os.path.join(folder, "model.onnx"))


def export_dynamo(opset, **settings):
    def export(model, sample, path):
        torch.onnx.export(
            model,
            (sample,),
            path,
            input_names=["input"],
            output_names=["output"],
            opset_version=opset,
            dynamo=True,
            external_data=False,
            verbose=False,
            **settings,
        )

    return export


def export_legacy(opset, **settings):
    def export(model, sample, path):
        torch.onnx.export(
            model, (sample,), path, input_names=["input"], output_names=["output"], opset_version=opset, dynamo=False, **settings
        )

    return export
