"""Times PyTorch on request, so that its runs can be interleaved with others: reads "NAME" per line, writes milliseconds.

    python3 bench/torch_server.py THREADS [compile] [cuda]

Forward, and forward and backward of the margin between two classes with respect to the input alone, BatchNormalization folded into the
convolutions as users' ONNX files have it. The first line that it writes is PyTorch's version. With `compile` the network goes through
torch.compile, which takes minutes for each; with `cuda` it runs on the graphics card, its multipliers as exact as PyTorch has them by default.
"""

import sys
import time

import torch

from torch.fx.experimental.optimization import fuse

from export import network

torch.set_num_threads(int(sys.argv[1]))
compiles, device = "compile" in sys.argv[2:], "cuda" if "cuda" in sys.argv[2:] else "cpu"
card = f", {torch.cuda.get_device_name()}" if device == "cuda" else ""
finish = torch.cuda.synchronize if device == "cuda" else lambda: None
print(torch.__version__ + (", compiled" if compiles else "") + card, flush=True)
models = {}
for line in sys.stdin:
    name = line.strip()
    if name not in models:
        models.clear()
        model, size = network(name)
        model = fuse(model).to(device)
        for parameter in model.parameters():
            parameter.requires_grad_(False)
        models[name] = torch.compile(model) if compiles else model, torch.rand(1, 3, size, size, device=device)
    model, image = models[name]
    started = time.perf_counter()
    with torch.no_grad():
        model(image)
    finish()
    forward = time.perf_counter() - started
    started = time.perf_counter()
    x = image.clone().requires_grad_(True)
    logits = model(x)[0]
    (logits[0] - logits[1]).backward()
    finish()
    print(f"{1000 * forward:.4f} {1000 * (time.perf_counter() - started):.4f}", flush=True)
