"""The authors' algorithm in PyTorch, timed on request, so that its runs can be interleaved with others.

    python3 bench/torch_authors.py MODEL.onnx THREADS imagenet|symmetric [compile]

Written from the description of their published code (alan-turing-institute/perceptualBall), not a copy of it: one torch.optim.LBFGS of the iterations
that are asked for, no line search, from the picture itself; loss (margin + 2)^2 + 10000 sum of mean squares of the changes of six ReLUs + mean square of
the change of the picture, in normalized pixels; then the root of the mean over the channels, blurred. Compared are the ReLUs (or Clips) 5 to 10 of the network,
which are the layers of their example for VGG-19.

The first line that it writes is PyTorch's version. Then it reads "PIXELS ITERATIONS" per line, PIXELS a file of float32 [3, H, W] in [0, 1], to which the
network's normalization is applied, and writes seconds, CPU seconds and whether the label has flipped. The network is read from the ONNX file, which
may hold Conv, Relu, Clip, MaxPool, AveragePool, GlobalAveragePool, Concat, Add, Flatten and Gemm.
"""

import sys
import time

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch.nn import functional as F

path, threads, normalization, *more = sys.argv[1:]
torch.set_num_threads(int(threads))
model = onnx.load(path)
graph = model.graph
weights = {one.name: torch.from_numpy(numpy_helper.to_array(one).copy()) for one in graph.initializer}
compared, rectifiers = set(), 0
nodes = []
for node in graph.node:
    attributes = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
    if node.op_type == "Constant":
        weights[node.output[0]] = torch.from_numpy(numpy_helper.to_array(attributes["value"]).copy())
        continue
    if node.op_type in ("Relu", "Clip"):
        rectifiers += 1
        if 5 <= rectifiers <= 10:
            compared.add(node.output[0])
    nodes.append((node.op_type, list(node.input), node.output[0], attributes))
numbers = {name: value.item() for name, value in weights.items() if value.numel() == 1}
del model


def symmetric(x, pads, value):
    """The picture with what of its padding differs between the sides added, and the rest."""
    top, left, bottom, right = pads
    if (top, left) == (bottom, right):
        return x, (top, left)
    return F.pad(x, (left, right, top, bottom), value=value), (0, 0)


def run(x):
    """Logits and the compared values."""
    values = {graph.input[0].name: x}
    get = lambda name: values[name] if name in values else weights[name]
    for kind, inputs, output, a in nodes:
        x = get(inputs[0])
        if kind == "Conv":
            x, pads = symmetric(x, a.get("pads", [0, 0, 0, 0]), 0.0)
            bias = weights[inputs[2]] if len(inputs) > 2 else None
            y = F.conv2d(x, weights[inputs[1]], bias, a.get("strides", [1, 1]), pads, a.get("dilations", [1, 1]), a.get("group", 1))
        elif kind == "Relu":
            y = F.relu(x)
        elif kind == "Clip":
            y = x.clamp(*[numbers[name] for name in inputs[1:]])
        elif kind == "MaxPool":
            x, pads = symmetric(x, a.get("pads", [0, 0, 0, 0]), -torch.inf)
            y = F.max_pool2d(x, a["kernel_shape"], a.get("strides", [1, 1]), pads, ceil_mode=bool(a.get("ceil_mode", 0)))
        elif kind == "AveragePool":
            y = F.avg_pool2d(x, a["kernel_shape"], a.get("strides", [1, 1]))
        elif kind == "GlobalAveragePool":
            y = x.mean((2, 3), keepdim=True)
        elif kind == "Concat":
            y = torch.cat([get(name) for name in inputs], 1)
        elif kind == "Add":
            y = x + get(inputs[1])
        elif kind == "Flatten":
            y = x.flatten(1)
        elif kind == "Gemm":
            y = F.linear(x, weights[inputs[1]] if a.get("transB") else weights[inputs[1]].T, weights[inputs[2]])
        else:
            sys.exit(f"torch_authors: no {kind} here")
        values[output] = y
    return values[graph.output[0].name].flatten(1), [values[name] for name in sorted(compared)]


forward = torch.compile(run) if more == ["compile"] else run
known = {"imagenet": ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]), "symmetric": ([0.5] * 3, [0.5] * 3)}
mean, std = (torch.tensor(each).view(1, 3, 1, 1) for each in known[normalization])


def blurred(saliency, sigma=2.0, radius=8):
    positions = torch.arange(-radius, radius + 1, dtype=torch.float32)
    kernel = torch.exp(-0.5 * (positions / sigma) ** 2)
    kernel = kernel / kernel.sum()
    image = F.pad(saliency[None, None], (radius,) * 4, mode="reflect")
    return F.conv2d(F.conv2d(image, kernel.view(1, 1, 1, -1)), kernel.view(1, 1, -1, 1))[0, 0]


def explain(pixels, iterations):
    clean = (pixels - mean) / std
    with torch.no_grad():
        logits, reference = forward(clean)
    label = logits.argmax().item()
    mine = F.one_hot(torch.tensor([label]), logits.shape[1]).bool()
    x = clean.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([x], max_iter=iterations)

    def closure():
        optimizer.zero_grad()
        logits, values = forward(x)
        margin = logits[mine] - logits.masked_fill(mine, -torch.inf).max(1)[0]
        loss = ((margin + 2) ** 2).sum() + F.mse_loss(x, clean)
        loss = loss + sum(10000 * F.mse_loss(a, b) for a, b in zip(values, reference))
        loss.backward()
        return loss

    optimizer.step(closure)
    with torch.no_grad():
        found = forward(x)[0].argmax().item()
        return blurred(((x - clean) ** 2).mean(1)[0].sqrt()), found != label


print(torch.__version__ + (", compiled" if more == ["compile"] else ""), flush=True)
for line in sys.stdin:
    name, iterations = line.rsplit(" ", 1)
    shape = [one.dim_value or 224 for one in graph.input[0].type.tensor_type.shape.dim][1:]
    pixels = torch.from_numpy(np.fromfile(name, dtype=np.float32).reshape(1, *shape))
    started, cpu = time.perf_counter(), time.process_time()
    _, flipped = explain(pixels, int(iterations))
    print(f"{time.perf_counter() - started:.4f} {time.process_time() - cpu:.4f} {int(flipped)}", flush=True)
