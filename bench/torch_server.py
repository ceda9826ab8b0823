"""Times PyTorch on request, so that its runs can be interleaved with others: reads "NAME SIZE" per line, writes milliseconds.

    /usr/bin/python3 bench/torch_server.py THREADS

Forward and backward of the margin between two classes with respect to the input alone, BatchNormalization in inference form.
"""

import sys
import time

import torch

from export import NETWORKS

torch.set_num_threads(int(sys.argv[1]))
models = {}
for line in sys.stdin:
    name = line.strip()
    build, size = NETWORKS[name]
    if name not in models:
        models.clear()
        torch.manual_seed(0)
        model = build().eval()
        for parameter in model.parameters():
            parameter.requires_grad_(False)
        models[name] = model, torch.rand(1, 3, size, size)
    model, image = models[name]
    started = time.perf_counter()
    with torch.no_grad():
        model(image)
    forward = time.perf_counter() - started
    started = time.perf_counter()
    x = image.clone().requires_grad_(True)
    logits = model(x)[0]
    (logits[0] - logits[1]).backward()
    print(f"{1000 * forward:.4f} {1000 * (time.perf_counter() - started):.4f}", flush=True)
