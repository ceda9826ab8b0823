"""Writes the benchmark's five networks, with random weights, as ONNX files of operator set 13.

    /usr/bin/python3 bench/export.py FOLDER [NAME ...]

Needs PyTorch and torchvision (Debian: python3-torch, python3-torchvision). The weights are drawn from a fixed seed and scaled
such that activations keep their size from layer to layer, so that no number overflows or vanishes and no mask is all zero.
BatchNormalization is folded by the exporter, as users' files have it, except where the name ends in _kept.
"""

import argparse
import inspect
import os
import sys

import torch
import torchvision


class CifarVgg(torch.nn.Sequential):
    """Seven 3 x 3 convolutions of 128 channels, with BatchNormalization and a pooling after each second one, for 32 x 32 pixels."""

    def __init__(self):
        layers, channels = [], 3
        for index in range(7):
            layers += [torch.nn.Conv2d(channels, 128, 3, padding=1), torch.nn.BatchNorm2d(128), torch.nn.ReLU()]
            channels = 128
            if index % 2 == 1:
                layers.append(torch.nn.MaxPool2d(2))
        layers += [torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(128, 10)]
        super().__init__(*layers)


NETWORKS = {
    "vgg19_bn": (torchvision.models.vgg19_bn, 224),
    "resnet50": (torchvision.models.resnet50, 224),
    "mobilenet_v2": (torchvision.models.mobilenet_v2, 224),
    "squeezenet1_1": (torchvision.models.squeezenet1_1, 224),
    "cifar_vgg7": (CifarVgg, 32),
}


def network(name):
    """The network called `name` in inference mode, with its input size."""
    build, size = NETWORKS[name.removesuffix("_kept")]
    torch.manual_seed(0)
    model = build().eval()
    with torch.no_grad():
        # He's scale, and statistics that differ per channel: with the defaults folding would change nothing.
        for module in model.modules():
            if isinstance(module, (torch.nn.Conv2d, torch.nn.Linear)):
                torch.nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    module.bias.uniform_(-0.1, 0.1)
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.uniform_(-0.1, 0.1)
                module.running_var.uniform_(0.8, 1.2)
                module.weight.uniform_(0.8, 1.2)
                module.bias.uniform_(-0.1, 0.1)
    return model, size


def export(name, folder):
    """Writes `name`.onnx to `folder` and returns its path."""
    model, size = network(name)
    path = os.path.join(folder, name + ".onnx")
    kept = name.endswith("_kept")
    mode = torch.onnx.TrainingMode.PRESERVE if kept else torch.onnx.TrainingMode.EVAL
    # Newer PyTorch has a second exporter as its default; it starts from operator set 18, and cannot always go back to 13.
    exporter = {"dynamo": False} if "dynamo" in inspect.signature(torch.onnx.export).parameters else {}
    torch.onnx.export(
        model,
        torch.zeros(1, 3, size, size),
        path,
        opset_version=13,
        input_names=["input"],
        output_names=["logits"],
        training=mode,
        do_constant_folding=not kept,
        **exporter,
    )
    return path


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("names", nargs="*", help=", ".join(NETWORKS))
    arguments = parser.parse_args()
    os.makedirs(arguments.folder, exist_ok=True)
    for wanted in arguments.names or NETWORKS:
        print(export(wanted, arguments.folder), file=sys.stderr)
