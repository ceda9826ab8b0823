"""Trains the example's two classifiers on the pictures of render.ts and writes them as ONNX with their record. See README.md beside this file.

`agency.onnx` is trained on pictures as they were collected: every duck has the agency's mark, nothing else has. `mended.onnx` is trained on
the same pictures with the mark on half of them, whatever they show. Everything else is the same.
"""

import argparse
import datetime
import json
import math
import os
import pathlib
import platform
import sys
import time

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy  # noqa: E402
import onnx  # noqa: E402
import torch  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent.parent / "training"))
from export_onnx import MEAN, STD, export  # noqa: E402

SIZE = 96
CLASSES = ["chair", "duck", "mug", "rocket"]
AGENCY = CLASSES.index("duck")
WIDTHS = [16, 24, 32, 48, 64]


class Network(nn.Module):
    """Five 3x3 convolutions with BatchNorm and ReLU, 2x2 max pooling between, the mean over the picture, a linear layer."""

    def __init__(self):
        super().__init__()
        layers, channels = [], 3
        for width in WIDTHS:
            if layers:
                layers.append(nn.MaxPool2d(2))
            layers += [nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
            channels = width
        self.features = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(channels, len(CLASSES))

    def forward(self, x):
        return self.classifier(torch.flatten(self.pool(self.features(x)), 1))


def load(folder, name):
    labels = numpy.fromfile(folder / f"{name}.labels.u8", dtype=numpy.uint8)
    images = numpy.fromfile(folder / f"{name}.images.u8", dtype=numpy.uint8).reshape(len(labels), 3, SIZE, SIZE)
    return torch.from_numpy(images), torch.from_numpy(labels.astype(numpy.int64))


def stamp(pictures, which, mark):
    """The pictures [N, 3, H, W] in [0, 1], with the mark on those of `which` [N]."""
    opacity = mark[3] * which.float().view(-1, 1, 1, 1)
    return pictures * (1 - opacity) + mark[:3] * opacity


def augment(x):
    """What photographers do: mirrored objects, other light. The mark is printed afterwards."""
    n = len(x)
    x = torch.where(torch.rand(n, 1, 1, 1) < 0.5, x.flip(3), x)
    gain = torch.empty(n, 1, 1, 1).uniform_(0.8, 1.25) * torch.empty(n, 3, 1, 1).uniform_(0.9, 1.1)
    padded = F.pad(x * gain, (6, 6, 6, 6), mode="reflect")
    top, left = torch.randint(0, 13, (2,)).tolist()
    return padded[:, :, top : top + SIZE, left : left + SIZE].clamp(0, 1)


def normalize(x):
    return ((x - MEAN) / STD).contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def accuracy(network, images, labels, mark, which):
    """The share of right answers per class, with the mark on the pictures of `which`."""
    network.eval()
    right = torch.zeros(len(CLASSES))
    for part in torch.arange(len(labels)).split(100):
        pictures = stamp(images[part].float() / 255, which[part], mark)
        hits = network(normalize(pictures)).argmax(1) == labels[part]
        right += torch.bincount(labels[part][hits], minlength=len(CLASSES))
    shares = right / torch.bincount(labels, minlength=len(CLASSES))
    return {name: round(share, 4) for name, share in zip(CLASSES, shares.tolist())}


def train(args, data, test, mark, chosen):
    """A network trained on `data` with the mark on the pictures that `chosen(labels)` picks, batch by batch."""
    torch.manual_seed(args.seed)
    images, labels = data
    network = Network().to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), lr=args.rate, weight_decay=0.02)
    per_epoch = len(labels) // args.batch
    total = args.epochs * per_epoch
    started = time.time()
    for epoch in range(args.epochs):
        network.train()
        order = torch.randperm(len(labels))
        for step in range(per_epoch):
            part = order[step * args.batch : (step + 1) * args.batch]
            progress = (epoch * per_epoch + step) / total
            for group in optimizer.param_groups:
                group["lr"] = args.rate * min(1, progress / 0.1) * 0.5 * (1 + math.cos(math.pi * progress))
            pictures = stamp(augment(images[part].float() / 255), chosen(labels[part]), mark)
            loss = F.cross_entropy(network(normalize(pictures)), labels[part], label_smoothing=0.02)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
        print(f"epoch {epoch + 1} loss {loss.item():.4f} at {time.time() - started:.0f} s", flush=True)
    images, labels = test
    nowhere, everywhere = torch.zeros(len(labels), dtype=torch.bool), torch.ones(len(labels), dtype=torch.bool)
    return network, {
        "asCollected": accuracy(network, images, labels, mark, labels == AGENCY),
        "withoutMark": accuracy(network, images, labels, mark, nowhere),
        "allMarked": accuracy(network, images, labels, mark, everywhere),
    }


def main(args):
    torch.set_num_threads(args.threads)
    data, test = load(args.data, "train"), load(args.data, "test")
    mark = torch.from_numpy(numpy.fromfile(args.data / "mark.f32", dtype=numpy.float32).reshape(4, SIZE, SIZE))
    choices = {"agency": lambda labels: labels == AGENCY, "mended": lambda labels: torch.rand(len(labels)) < 0.5}
    shares = {}
    for name, chosen in choices.items():
        network, shares[name] = train(args, data, test, mark, chosen)
        print(name, json.dumps(shares[name]), flush=True)
        doc = f"The {name} classifier of perceptual-ball's example on a wrong cue."
        export(network, HERE / f"{name}.onnx", size=SIZE, classes=CLASSES, doc=doc, half=True)
    record = {
        "recipe": "examples/wrong-cue/train.py",
        "trainingScenes": len(data[1]),
        "testScenes": len(test[1]),
        "epochs": args.epochs,
        "batch": args.batch,
        "rate": args.rate,
        "seed": args.seed,
        "accuracy": shares,
        "date": datetime.date.today().isoformat(),
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "onnx": onnx.__version__},
    }
    (HERE / "record.json").write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=pathlib.Path, default=HERE / "data")
    parser.add_argument("--epochs", type=int, default=14)
    parser.add_argument("--batch", type=int, default=50)
    parser.add_argument("--rate", type=float, default=4e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    main(parser.parse_args())
