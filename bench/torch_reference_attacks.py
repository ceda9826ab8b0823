"""Times the authors' attacks on request, so that they can be interleaved with others: see attack-overhead.ts.

    python3 bench/torch_reference_attacks.py AUTOATTACK ONNX2TORCH FOOLBOX MODEL.onnx DATA

Reads "WHAT IMAGES SIZE" per line, WHAT one of apgd and square (auto-attack, commit a392200) and hopskipjump (Foolbox 3.3.4), and writes CPU seconds. One thread.
"""

import sys
import time

sys.path[:0] = sys.argv[1:4]
import numpy as np
import onnx
import torch
from autoattack.autopgd_base import APGDAttack
from autoattack.square import SquareAttack
from onnx2torch import convert

torch.set_num_threads(1)
network = convert(onnx.load(sys.argv[4])).eval().requires_grad_(False)
mean, std = (torch.tensor(v)[:, None, None] for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))


class Model(torch.nn.Module):
    def forward(self, x):
        return network((x - mean) / std)


model = Model().eval()
raw = np.fromfile(f"{sys.argv[5]}/cifar10/test_batch.bin", dtype=np.uint8).reshape(-1, 3073)[:64]
pictures = torch.tensor((raw[:, 1:].reshape(-1, 3, 32, 32) / 255).astype(np.float32))


def apgd(images, labels, steps):
    APGDAttack(model, n_iter=steps, norm="Linf", n_restarts=1, eps=1e-5, seed=0, loss="ce", device="cpu").perturb(images, labels)


def square(images, labels, queries):
    SquareAttack(model, norm="Linf", n_queries=queries, eps=1e-5, p_init=0.8, seed=0, device="cpu", resc_schedule=False).perturb(images, labels)


def hopskipjump(images, labels, steps):
    import foolbox

    attack = foolbox.attacks.HopSkipJumpAttack(steps=steps, initial_gradient_eval_steps=100)
    attack.run(foolbox.PyTorchModel(model, bounds=(0, 1), device="cpu"), images, foolbox.Misclassification(labels))


for line in sys.stdin:
    what, *sizes = line.split()
    count, size = map(int, sizes)
    images = pictures[:count]
    with torch.no_grad():
        labels = model(images).argmax(1)
    started = time.process_time()
    {"apgd": apgd, "square": square, "hopskipjump": hopskipjump}[what](images, labels, size)
    print(f"{time.process_time() - started:.4f}", flush=True)
