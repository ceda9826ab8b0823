"""Times attacks in PyTorch on request, so that they can be interleaved with others.

    /usr/bin/python3 bench/torch_attacks.py MODEL.onnx THREADS

Reads "WHAT IMAGES STEPS" per line, WHAT one of gradient, pgd, perceptual, forward, detector (with samples for steps), and writes seconds
and CPU seconds. The network is
read from the ONNX file: a chain of Conv, BatchNormalization, Relu, MaxPool, Flatten and Gemm; input in (x - 0.5) / 0.5.
"""

import sys
import time

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

torch.set_num_threads(int(sys.argv[2]))
graph = onnx.load(sys.argv[1]).graph
weights = {one.name: torch.from_numpy(numpy_helper.to_array(one).copy()) for one in graph.initializer}


def attribute(node, name, default):
    return next((onnx.helper.get_attribute_value(one) for one in node.attribute if one.name == name), default)


def constant(node):
    return torch.from_numpy(numpy_helper.to_array(attribute(node, "value", None)).copy())


# BatchNormalization is folded into the convolution before it, as on the other side, except where its input is compared.
COMPARED = {5, 10, 15}
layers, index = [], -1
for node in graph.node:
    if node.op_type == "Constant":
        weights[node.output[0]] = constant(node)
        continue
    index += 1
    inputs = [weights.get(name) for name in node.input]
    if node.op_type == "Conv":
        pads = attribute(node, "pads", [0, 0, 0, 0])
        out, into, kernel, _ = inputs[1].shape
        layer = nn.Conv2d(into, out, kernel, padding=pads[0])
        layer.weight.data, layer.bias.data = inputs[1], inputs[2] if len(inputs) > 2 else torch.zeros(out)
    elif node.op_type == "BatchNormalization":
        layer = nn.BatchNorm2d(inputs[1].shape[0], eps=attribute(node, "epsilon", 1e-5))
        layer.weight.data, layer.bias.data, layer.running_mean.data, layer.running_var.data = inputs[1:]
        if index - 1 not in COMPARED:
            layer = torch.nn.utils.fusion.fuse_conv_bn_eval(layers.pop()[1].eval(), layer.eval())
    elif node.op_type == "Relu":
        layer = nn.ReLU()
    elif node.op_type == "MaxPool":
        layer = nn.MaxPool2d(attribute(node, "kernel_shape", None)[0], attribute(node, "strides", None)[0])
    elif node.op_type == "Flatten":
        layer = nn.Flatten()
    elif node.op_type == "Gemm":
        layer = nn.Linear(inputs[1].shape[1], inputs[1].shape[0])
        layer.weight.data, layer.bias.data = inputs[1], inputs[2]
    else:
        sys.exit(f"no {node.op_type} here")
    layers.append((index, layer.eval().requires_grad_(False)))


def run(x):
    """Logits and the compared layers' values."""
    x, kept = (x - 0.5) / 0.5, []
    for number, layer in layers:
        x = layer(x)
        if number in COMPARED:
            kept.append(x)
    return x, kept


def gradient(images, labels):
    x = images.clone().requires_grad_()
    loss = nn.functional.cross_entropy(run(x)[0], labels, reduction="sum")
    return torch.autograd.grad(loss, x)[0]


def pgd(images, labels, steps, epsilon=8 / 255):
    x = (images + epsilon * (2 * torch.rand_like(images) - 1)).clamp(0, 1)
    for _ in range(steps):
        x = x + epsilon / 4 * gradient(x, labels).sign()
        x = torch.min(torch.max(x, images - epsilon), images + epsilon).clamp(0, 1)
    with torch.no_grad():
        run(x), run((255 * x).round() / 255)


def perceptual(images, labels, steps, epsilon=8 / 255):
    """One L-BFGS for all images at once: the least that a batched run of torch's optimizer can cost."""
    with torch.no_grad():
        reference = run(images)[1]
    x = images.clone().requires_grad_()
    mine = nn.functional.one_hot(labels, 10).bool()
    optimizer = torch.optim.LBFGS([x], max_iter=steps, history_size=10, tolerance_change=0, tolerance_grad=0)

    def closure():
        optimizer.zero_grad()
        with torch.no_grad():
            x.copy_(torch.min(torch.max(x, images - epsilon), images + epsilon).clamp(0, 1))
        logits, kept = run(x)
        margin = logits[mine] - logits.masked_fill(mine, -torch.inf).max(1)[0]
        loss = ((margin + 2) ** 2).sum() + sum(1e-3 * ((a - b) ** 2).sum() for a, b in zip(kept, reference))
        loss.backward()
        return loss

    optimizer.step(closure)
    with torch.no_grad():
        run(x), run((255 * x).round() / 255)


KINDS = [(kind, size) for kind in "nsu" for size in (0.003, 0.005, 0.008)]


def noisy(images, kind, size):
    if kind == "n":
        noise = torch.randn_like(images)
    else:
        noise = 2 * torch.rand_like(images) - 1
        noise = noise.sign_() if kind == "s" else noise
    return (images + size * noise).clamp_(0, 1)


def detector(images, samples, batch=64):
    """Mean alignments of each image, kind of noise and class: noisy copies, their logits, and the differences of those."""
    with torch.no_grad():
        clean = run(images)[0]
        mine = clean.argmax(1, keepdim=True)
        means = []
        for kind, size in KINDS:
            copies = images.repeat_interleave(samples, 0).split(batch)
            logits = torch.cat([run(noisy(some, kind, size))[0] for some in copies]).view(len(images), samples, -1)
            own = logits.gather(2, mine[:, None].expand(-1, samples, 1))
            means.append(((clean.gather(1, mine) - clean)[:, None] - (own - logits)).mean(1))
        return torch.stack(means)


def forward(images, samples):
    """The same runs without anything around them."""
    batch = min(64, len(images))
    with torch.no_grad():
        block = images[torch.arange(batch) % len(images)]
        for _ in range(len(images) * samples * len(KINDS) // batch):
            run(block)


for line in sys.stdin:
    what, *sizes = line.split()
    count, steps = map(int, sizes)
    images = torch.from_numpy(np.random.default_rng(0).random((count, 3, 32, 32), dtype=np.float32))
    with torch.no_grad():
        labels = run(images)[0].argmax(1)
    started, cpu = time.perf_counter(), time.process_time()
    if what == "gradient":
        for _ in range(steps):
            gradient(images, labels)
    elif what == "pgd":
        pgd(images, labels, steps)
    elif what == "perceptual":
        perceptual(images, labels, steps)
    else:
        {"forward": forward, "detector": detector}[what](images, steps)
    print(f"{time.perf_counter() - started:.4f} {time.process_time() - cpu:.4f}", flush=True)
