"""Trains the bundled classifier on rendered scenes and writes it as ONNX with its provenance. See README.md beside this file."""

import argparse
import datetime
import json
import math
import os
import pathlib
import platform
import time

# Waiting threads sleep: spinning ones take the cores from each other when the machine has other work.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy  # noqa: E402
import onnx  # noqa: E402
import torch  # noqa: E402
from export_onnx import MEAN, STD, export  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

HERE = pathlib.Path(__file__).parent
SIZE = 96
STAGES = [(16, 16), (32, 32), (64, 64), (128, 128), (128, 128)]


class Network(nn.Module):
    """VGG in small: pairs of 3x3 Conv - BatchNorm - ReLU with 2x2 max pooling between, the mean over the picture, a linear layer."""

    def __init__(self, classes):
        super().__init__()
        layers, channels = [], 3
        for stage in STAGES:
            if layers:
                layers.append(nn.MaxPool2d(2))
            for width in stage:
                layers += [nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
                channels = width
        self.features = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(channels, classes)

    def forward(self, x):
        return self.classifier(torch.flatten(self.pool(self.features(x)), 1))


def load(folder, name):
    labels = numpy.fromfile(folder / f"{name}.labels.u8", dtype=numpy.uint8)
    images = numpy.memmap(folder / f"{name}.images.u8", dtype=numpy.uint8, mode="r", shape=(len(labels), 3, SIZE, SIZE))
    record = json.loads((folder / f"{name}.json").read_text())
    assert record["count"] == len(labels), f"{name} is not complete"
    return images, torch.from_numpy(labels.astype(numpy.int64)), record


def batch_of(images, indices):
    return torch.tensor(images[indices]).float().div_(255)


def uniform(n, low, high):
    return torch.empty(n, 1, 1, 1).uniform_(low, high)


def augment(x, size):
    """Random similarity maps and mirror images; channels permuted, gained, contrasted; noise; a hidden rectangle."""
    n = len(x)
    angle = uniform(n, -0.2, 0.2).flatten()
    scale = uniform(n, 0.8, 1.1).flatten()
    mirror = torch.where(torch.rand(n) < 0.5, -1.0, 1.0)
    cos, sin = scale * torch.cos(angle), scale * torch.sin(angle)
    shift = torch.empty(2, n).uniform_(-0.08, 0.08)
    affine = torch.stack([mirror * cos, -sin, shift[0], mirror * sin, cos, shift[1]], 1).view(n, 2, 3)
    source = x if size == SIZE else F.interpolate(x, size=(size, size), mode="area")
    grid = F.affine_grid(affine, (n, 3, size, size), align_corners=False)
    x = F.grid_sample(source, grid, padding_mode="reflection", align_corners=False)
    order = torch.rand(n, 3).argsort(1)
    x = torch.where(torch.rand(n, 1, 1, 1) < 0.5, x.gather(1, order.view(n, 3, 1, 1).expand_as(x)), x)
    x = torch.where(torch.rand(n, 1, 1, 1) < 0.1, x.mean(1, keepdim=True).expand_as(x), x)
    gain = uniform(n, 0.8, 1.25) * torch.empty(n, 3, 1, 1).uniform_(0.9, 1.1)
    x = ((x - 0.5) * uniform(n, 0.7, 1.3) + 0.5) * gain
    x = x + torch.randn_like(x) * uniform(n, 0, 0.03)
    rows, columns = torch.arange(size).view(1, 1, size, 1), torch.arange(size).view(1, 1, 1, size)
    top, left = uniform(n, 0, size), uniform(n, 0, size)
    high, wide = uniform(n, 0, 0.35 * size), uniform(n, 0, 0.35 * size)
    hidden = (rows >= top) & (rows < top + high) & (columns >= left) & (columns < left + wide)
    return torch.where(hidden, torch.rand(n, 3, 1, 1), x).clamp(0, 1)


def normalize(x):
    return ((x - MEAN) / STD).contiguous(memory_format=torch.channels_last)


def accuracy(network, images, labels):
    network.eval()
    confusion = torch.zeros(len(network.classifier.bias), len(network.classifier.bias), dtype=torch.long)
    with torch.no_grad():
        for start in range(0, len(labels), 100):
            part = slice(start, start + 100)
            predicted = network(normalize(batch_of(images, part))).argmax(1)
            for truth, guess in zip(labels[part], predicted):
                confusion[truth, guess] += 1
    return confusion.trace().item() / len(labels), confusion


def train(args):
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    images, labels, record = load(args.data, "train")
    test_images, test_labels, test_record = load(args.data, "test")
    classes = record["classes"]
    network = Network(len(classes)).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), lr=args.rate, weight_decay=0.02)
    sizes = [SIZE // 2] * args.coarse_epochs + [SIZE] * args.fine_epochs
    per_epoch = len(labels) // args.batch
    # The schedule counts work rather than steps, roughly: a step at full size counts twice.
    weights = [2 if size == SIZE else 1 for size in sizes]
    total, done = sum(weights) * per_epoch, 0
    started = time.time()
    for epoch, size in enumerate(sizes):
        network.train()
        order, loss_sum = torch.randperm(len(labels)), 0.0
        for step in range(per_epoch):
            chosen = order[step * args.batch : (step + 1) * args.batch]
            progress = done / total
            rate = args.rate * min(1, progress / 0.06) * 0.5 * (1 + math.cos(math.pi * progress))
            for group in optimizer.param_groups:
                group["lr"] = rate
            x = normalize(augment(batch_of(images, chosen.numpy()), size))
            loss = F.cross_entropy(network(x), labels[chosen], label_smoothing=0.05)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            loss_sum += loss.item()
            done += weights[epoch]
        print(f"epoch {epoch + 1} size {size} loss {loss_sum / per_epoch:.4f} at {time.time() - started:.0f} s", flush=True)
        torch.save(network.state_dict(), args.data / "checkpoint.pt")
    score, confusion = accuracy(network, test_images, test_labels)
    seconds = time.time() - started
    print(f"test accuracy {score:.4f}\n{confusion}", flush=True)
    doc = "The bundled classifier of perceptual-ball, trained on its Scenes set."
    export(network, args.output, size=SIZE, classes=classes, doc=doc)
    provenance = {
        "recipe": "training/README.md",
        "trainingScenes": {"seed": record["seed"], "count": len(labels)},
        "testScenes": {"seed": test_record["seed"], "count": len(test_labels)},
        "testAccuracy": score,
        "epochs": {str(SIZE // 2): args.coarse_epochs, str(SIZE): args.fine_epochs},
        "batch": args.batch,
        "rate": args.rate,
        "seed": args.seed,
        "threads": args.threads,
        "seconds": round(seconds),
        "date": datetime.date.today().isoformat(),
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "onnx": onnx.__version__},
    }
    args.output.with_suffix(".json").write_text(json.dumps(provenance, indent=2) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=pathlib.Path, default=HERE / "data")
    parser.add_argument("--output", type=pathlib.Path, default=HERE.parent / "assets" / "scenes-vgg.onnx")
    parser.add_argument("--coarse-epochs", type=int, default=16, help="at half size")
    parser.add_argument("--fine-epochs", type=int, default=4, help="at full size")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    train(parser.parse_args())
