"""Exports one torchvision classifier with random weights to ONNX, with the gradient that PyTorch's autograd computes.

Run: /usr/bin/python3 conformance/export.py resnet18 --out FOLDER [--opset 13] [--size 96] …

The folder then holds model.onnx, export.json (the settings), and for each of S draws, as .npy: input [S, N, 3, size, size],
cotangent [S, N, 1000], logits and gradient (the cotangent's product with the Jacobian, of the input's shape) in float32, and
logits64 and gradient64, the same from the same numbers in float64.
Weights come from a fixed seed. The statistics of BatchNormalization are those of random pictures, the one that is compared among
them, so that activations neither die nor explode in networks that nobody has trained.
"""
import argparse
import copy
import inspect
import json
import os
import sys
import warnings

import numpy
import torch
import torchvision

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "exporters"))
from reference_gradients import gradients, take_statistics

warnings.filterwarnings("ignore")


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("architecture")
    parser.add_argument("--out", required=True)
    parser.add_argument("--opset", type=int, default=13)
    parser.add_argument("--size", type=int, default=64, help="height and width of the input")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--draws", type=int, default=5, help="pairs of input and cotangent to compare")
    parser.add_argument("--no-fold", action="store_true", help="keep BatchNormalization and other constant computations")
    parser.add_argument("--dynamic", action="store_true", help="leave the batch axis open; export for one image more than fed")
    parser.add_argument("--initializers-as-inputs", action="store_true")
    parser.add_argument("--softmax", action="store_true", help="end in a Softmax")
    parser.add_argument("--no-float64", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def make_swin_exportable():
    """Says in another way what PyTorch 1.13 has no export for: the zero bias of Swin V2's keys."""
    module = torchvision.models.swin_transformer
    source = inspect.getsource(module.shifted_window_attention)
    exportable = source.replace("qkv_bias[length : 2 * length].zero_()", "qkv_bias[length : 2 * length] = 0")
    assert exportable != source
    exec(exportable, module.__dict__)


def build(architecture, size):
    """The network in inference mode; transformers whose layout depends on the input's size are built for `size`."""
    settings = {}
    if architecture.startswith("swin_v2"):
        make_swin_exportable()
    if architecture.startswith("vit_"):
        settings["image_size"] = size
    if architecture.startswith("maxvit"):
        settings["input_size"] = (size, size)
    if architecture in ("googlenet", "inception_v3"):
        settings["init_weights"] = True
    return torchvision.models.get_model(architecture, weights=None, **settings).eval()


def enliven(model, pictures, generator):
    """Draws what initialization leaves at constants, and gives BatchNormalization the statistics of `pictures`."""
    noise = lambda like: torch.randn(like.shape, generator=generator)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() == 1 and name.endswith("bias"):
                parameter.add_(0.1 * noise(parameter))
            elif parameter.dim() == 1:
                parameter.mul_(1 + 0.1 * noise(parameter))
            elif name.endswith("layer_scale"):
                # ConvNeXt's residual branches start at 1e-6: nothing would be seen of their gradients.
                parameter.fill_(0.5)
            elif float(parameter.abs().max()) == 0.0:
                # ViT's class token and head start at zero: with them, so would the gradient.
                parameter.add_(0.02 * noise(parameter))
        take_statistics(model, pictures)
    return model.eval()


def main():
    options = arguments()
    torch.set_num_threads(options.threads)
    torch.manual_seed(20)
    generator = torch.Generator().manual_seed(21)
    size, batch, count = options.size, options.batch, options.draws
    # A single draw is timed, or compared in float64, where no unit is close to its kink: two pictures do.
    fewest = 32 if size < 64 else 8 if count > 1 else 2
    several = torch.randn((max(batch * count, fewest), 3, size, size), generator=generator)
    cotangents = torch.randn((count, batch, 1000), generator=generator)
    model = enliven(build(options.architecture, size), several, generator)
    draws = list(zip(several[: batch * count].reshape(count, batch, 3, size, size), cotangents))
    os.makedirs(options.out, exist_ok=True)
    save = lambda name, array: numpy.save(os.path.join(options.out, name + ".npy"), array)

    model.requires_grad_(False)
    logits, gradient = gradients(model, draws)
    assert numpy.isfinite(gradient).all() and numpy.abs(gradient).max() > 1e-6, "a degenerate gradient compares nothing"
    save("input", torch.stack([pictures for pictures, _ in draws]).numpy())
    save("cotangent", cotangents.numpy())
    save("logits", logits)
    save("gradient", gradient)
    if not options.no_float64:
        double = copy.deepcopy(model).double()
        logits, gradient = gradients(double, [(pictures.double(), cotangent.double()) for pictures, cotangent in draws])
        save("logits64", logits)
        save("gradient64", gradient)
        del double
    # Without parameters to train, PyTorch 1.13 would take its fused attention, for which it has no export.
    model.requires_grad_(True)

    exported = torch.nn.Sequential(model, torch.nn.Softmax(1)) if options.softmax else model
    sample = torch.randn((batch + int(options.dynamic), 3, size, size))
    mode = torch.onnx.TrainingMode
    torch.onnx.export(
        exported,
        sample,
        os.path.join(options.out, "model.onnx"),
        input_names=["input"],
        output_names=["output"],
        opset_version=options.opset,
        do_constant_folding=not options.no_fold,
        training=mode.PRESERVE if options.no_fold else mode.EVAL,
        dynamic_axes={"input": {0: "batch"}, "output": {0: "batch"}} if options.dynamic else None,
        keep_initializers_as_inputs=options.initializers_as_inputs,
    )
    settings = {key: value for key, value in vars(options).items() if key != "out"}
    about = settings | {"torch": torch.__version__, "torchvision": torchvision.__version__}
    with open(os.path.join(options.out, "export.json"), "w") as file:
        json.dump(about, file)


if __name__ == "__main__":
    main()
