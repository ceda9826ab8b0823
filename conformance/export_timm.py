"""Exports one timm classifier with random weights by PyTorch's dynamo exporter, with the gradient that autograd computes.

Run: python conformance/export_timm.py ARCHITECTURE --out FOLDER [--opset 18] [--size 96] [--draws 2]

Needs torch, torchvision, timm, onnx and onnxscript. The folder then holds what export.py writes: model.onnx, export.json, and inputs,
cotangents, logits and gradients as .npy. An architecture that takes one size only keeps it.
"""
import argparse
import copy
import json
import os
import warnings

import numpy
import timm
import torch

from export import enliven, gradients

warnings.filterwarnings("ignore")


def build(architecture, size):
    """The network in inference mode and the size of its input: `size` where it takes any."""
    try:
        model = timm.create_model(architecture, pretrained=False, img_size=size).eval()
    except (TypeError, AssertionError, ValueError, RuntimeError):
        model = timm.create_model(architecture, pretrained=False).eval()
        if model.default_cfg.get("fixed_input_size", False):
            size = model.default_cfg["input_size"][-1]
    return model, size


def contradiction(model, pictures, cotangent, gradient):
    """How far the derivative along `gradient` is from the central difference of the same float64 network, relatively."""
    gradient = torch.from_numpy(gradient)
    direction = gradient / gradient.norm()
    step = 1e-4
    with torch.no_grad():
        change = model(pictures + step * direction) - model(pictures - step * direction)
    difference = float((cotangent * change).sum()) / (2 * step)
    return abs(difference / float(gradient.norm()) - 1)


def export(architecture, folder, options):
    torch.manual_seed(20)
    generator = torch.Generator().manual_seed(21)
    model, size = build(architecture, options.size)
    try:
        with torch.no_grad():
            classes = model(torch.zeros((1, 3, size, size))).shape[1]
    except (RuntimeError, AssertionError):
        size = model.default_cfg["input_size"][-1]
        with torch.no_grad():
            classes = model(torch.zeros((1, 3, size, size))).shape[1]
    draws = options.draws
    several = torch.randn((max(draws, 8), 3, size, size), generator=generator)
    cotangents = torch.randn((draws, 1, classes), generator=generator)
    model = enliven(model, several, generator)
    model.requires_grad_(False)
    pairs = list(zip(several[:draws].reshape(draws, 1, 3, size, size), cotangents))
    logits, gradient = gradients(model, pairs)
    assert numpy.isfinite(gradient).all() and numpy.abs(gradient).max() > 1e-6, "a degenerate gradient compares nothing"
    double = copy.deepcopy(model).double()
    exact = [(pictures.double(), cotangent.double()) for pictures, cotangent in pairs]
    logits64, gradient64 = gradients(double, exact)
    # Units at their kinks may disagree by a little; a gradient of something else disagrees by all of it.
    worst = max(contradiction(double, *pair, found) for pair, found in zip(exact, gradient64))
    assert worst < 0.05, f"PyTorch's own gradient contradicts its central difference by {100 * worst:.0f} %"
    os.makedirs(folder, exist_ok=True)
    arrays = {"logits": logits, "gradient": gradient, "logits64": logits64, "gradient64": gradient64}
    arrays |= {"input": torch.stack([pictures for pictures, _ in pairs]).numpy(), "cotangent": cotangents.numpy()}
    for name, array in arrays.items():
        numpy.save(os.path.join(folder, name + ".npy"), array)
    torch.onnx.export(
        model,
        (torch.randn((1, 3, size, size)),),
        os.path.join(folder, "model.onnx"),
        input_names=["input"],
        output_names=["output"],
        opset_version=options.opset,
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    about = {"architecture": architecture, "exporter": "dynamo", "opset": options.opset, "size": size, "batch": 1, "draws": draws}
    about |= {"torch": torch.__version__, "timm": timm.__version__}
    with open(os.path.join(folder, "export.json"), "w") as file:
        json.dump(about, file)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("architecture")
    parser.add_argument("--out", required=True)
    parser.add_argument("--opset", type=int, default=18)
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--draws", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(1)
    export(options.architecture, options.out, options)


if __name__ == "__main__":
    main()
