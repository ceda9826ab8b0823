"""Trains the paper's CIFAR-10 network, at the paper's width or another, and writes it as ONNX with its provenance. See README.md beside this file.

The network is that of the published detection experiment: 3x3 convolutions of w, w, M, 2w, 2w, M, 4w, 4w, M, 8w (without padding), M
channels (M: 2x2 max pooling), each followed by BatchNormalization without scale and shift and a ReLU, and one linear layer; w = 128. It
sees pixels of [0, 1] as (x - 0.5) / 0.5.

Stopped at any moment, it goes on from its last checkpoint when called again with the same --output.
"""

import argparse
import datetime
import hashlib
import io
import json
import math
import os
import pathlib
import platform
import tarfile
import time

import numpy
import onnx
import torch
from export_onnx import MEAN, STD, export
from PIL import Image
from torch import nn
from torch.nn import functional as F

HERE = pathlib.Path(__file__).parent
CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


class Network(nn.Module):
    def __init__(self, width):
        super().__init__()
        layers, channels = [], 3
        plan = [width, width, "M", 2 * width, 2 * width, "M", 4 * width, 4 * width, "M", 8 * width, "M"]
        for step in plan:
            if step == "M":
                layers.append(nn.MaxPool2d(2))
                continue
            padding = 0 if step == 8 * width else 1
            layers += [nn.Conv2d(channels, step, 3, padding=padding), nn.BatchNorm2d(step, affine=False), nn.ReLU()]
            channels = step
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(channels, len(CLASSES))

    def forward(self, x):
        return self.classifier(torch.flatten(self.features(x), 1))


def read_training_set(archive):
    """All pictures of train/CLASS/NNNN.jpg in the archive's order of names: uint8 [N, 3, 32, 32], int64 [N]."""
    pictures, labels = [], []
    with tarfile.open(archive) as tar:
        members = sorted((member for member in tar.getmembers() if member.name.endswith(".jpg")), key=lambda m: m.name)
        for member in members:
            picture = Image.open(io.BytesIO(tar.extractfile(member).read())).convert("RGB")
            pictures.append(numpy.asarray(picture).transpose(2, 0, 1))
            labels.append(CLASSES.index(member.name.split("/")[-2]))
    return torch.from_numpy(numpy.stack(pictures)), torch.tensor(labels)


def read_records(path):
    """CIFAR-10's binary format: uint8 [N, 3, 32, 32], int64 [N]."""
    records = numpy.fromfile(path, dtype=numpy.uint8).reshape(-1, 3073)
    return torch.from_numpy(records[:, 1:].reshape(-1, 3, 32, 32).copy()), torch.from_numpy(records[:, 0].astype(numpy.int64))


def normalize(pictures):
    return (pictures.float() / 255 - MEAN) / STD


def augment(x, generator):
    """Random shifts of up to four pixels on a black ground, and mirror images."""
    n, device = len(x), x.device
    padded = F.pad(x, (4, 4, 4, 4), value=-1.0)
    top, left = torch.randint(0, 9, (2, n, 1), generator=generator, device=device)
    span = torch.arange(32, device=device)
    columns = left + span
    mirrored = torch.rand(n, 1, generator=generator, device=device) < 0.5
    columns = torch.where(mirrored, columns.flip(1), columns)
    rows = top + span
    index = torch.arange(n, device=device)[:, None, None]
    return padded.permute(0, 2, 3, 1)[index, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


@torch.no_grad()
def accuracy(network, pictures, labels):
    network.eval()
    right = 0
    for start in range(0, len(labels), 500):
        part = slice(start, start + 500)
        right += (network(normalize(pictures[part])).argmax(1) == labels[part]).sum().item()
    return right / len(labels)


def train(args):
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.type == "cpu":
        torch.set_num_threads(args.threads)
    torch.backends.cudnn.benchmark = True
    archive, test_file = args.data / "train-jpeg.tar.gz", args.data / "test_batch.bin"
    pictures, labels = (t.to(device) for t in read_training_set(archive))
    test_pictures, test_labels = (t.to(device) for t in read_records(test_file))
    torch.manual_seed(args.seed)
    network = Network(args.width).to(device, memory_format=torch.channels_last)
    decayed = [p for p in network.parameters() if p.ndim > 1]
    plain = [p for p in network.parameters() if p.ndim == 1]
    groups = [{"params": decayed, "weight_decay": args.decay}, {"params": plain, "weight_decay": 0}]
    optimizer = torch.optim.SGD(groups, lr=args.rate, momentum=0.9, nesterov=True)
    generator = torch.Generator(device=device).manual_seed(args.seed + 1)
    per_epoch = len(labels) // args.batch
    total = args.epochs * per_epoch
    checkpoint = args.output.with_suffix(".checkpoint.pt")
    first, seconds = 0, 0.0
    recipe = {name: getattr(args, name) for name in ["width", "epochs", "batch", "rate", "decay", "seed"]}
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location=device)
        if state["recipe"] != recipe:
            raise SystemExit(f"{checkpoint} is of another recipe, {state['recipe']}. Remove it, or call with its numbers.")
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        generator.set_state(state["generator"].cpu())
        first, seconds = state["epochs"], state["seconds"]
        print(f"going on after epoch {first}", flush=True)
    half_precision = torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda")
    started = time.time() - seconds
    for epoch in range(first, args.epochs):
        network.train()
        order, loss_sum = torch.randperm(len(labels), generator=generator, device=device), torch.zeros((), device=device)
        for step in range(per_epoch):
            progress = (epoch * per_epoch + step) / total
            rate = args.rate * min(1, progress / 0.05) * 0.5 * (1 + math.cos(math.pi * progress))
            for group in optimizer.param_groups:
                group["lr"] = rate
            chosen = order[step * args.batch : (step + 1) * args.batch]
            x = augment(normalize(pictures[chosen]), generator).contiguous(memory_format=torch.channels_last)
            with half_precision:
                loss = F.cross_entropy(network(x).float(), labels[chosen])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            loss_sum += loss.detach()
        print(f"epoch {epoch + 1} loss {loss_sum.item() / per_epoch:.4f} at {time.time() - started:.0f} s", flush=True)
        if (epoch + 1) % args.every == 0 or epoch + 1 == args.epochs:
            state = {"network": network.state_dict(), "optimizer": optimizer.state_dict(), "generator": generator.get_state()}
            written = checkpoint.with_suffix(".part")
            torch.save({**state, "recipe": recipe, "epochs": epoch + 1, "seconds": time.time() - started}, written)
            os.replace(written, checkpoint)
    score = accuracy(network, test_pictures, test_labels)
    print(f"accuracy on {test_file.name}: {score:.4f}", flush=True)
    export(
        network,
        args.output,
        size=32,
        classes=CLASSES,
        doc="The CIFAR-10 network of 'The Odds are Odd', trained for perceptual-ball.",
        half=args.half,
    )
    provenance = {
        "recipe": "training/cifar.py",
        **recipe,
        "trainingSet": {"file": archive.name, "sha256": sha256(archive), "pictures": len(labels)},
        "testSet": {"file": test_file.name, "sha256": sha256(test_file), "pictures": len(test_labels), "accuracy": score},
        "model": {"sha256": sha256(args.output), "weights": "float16" if args.half else "float32"},
        "device": torch.cuda.get_device_name() if device.type == "cuda" else f"{platform.processor() or 'CPU'}, {args.threads} threads",
        "seconds": round(time.time() - started),
        "date": datetime.date.today().isoformat(),
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "onnx": onnx.__version__},
    }
    args.output.with_suffix(".json").write_text(json.dumps(provenance, indent=2) + "\n")


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, default=HERE.parent.parent / "shared" / "data" / "cifar10")
    parser.add_argument("--output", type=pathlib.Path, default=HERE / "data" / "cifar10-vgg7.onnx")
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=120)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--rate", type=float, default=0.1)
    parser.add_argument("--decay", type=float, default=5e-4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--every", type=int, default=5, help="epochs from checkpoint to checkpoint")
    parser.add_argument("--half", action="store_true", help="write the large weights as float16")
    parser.add_argument("--threads", type=int, default=2)
    train(parser.parse_args())
