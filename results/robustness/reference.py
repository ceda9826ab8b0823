"""Robust accuracy by the authors' AutoAttack, with fewer steps than it has by default, for the comparison in README.md.

Run: [LEVELS=1,2] BRIEF=PICTURES,STEPS,CLASSES,QUERIES python3 reference.py AUTOATTACK ONNX2TORCH DATA OUT.json MODEL…, with a checkout of github.com/fra31/auto-attack
(commit a392200), onnx2torch 1.5.15 importable from ONNX2TORCH, and the folder with cifar10/test_batch.bin and models/. Made with torch 1.13, one thread.
"""
import json
import os
import sys
import time

sys.path[:0] = sys.argv[1:3]
import numpy as np
import onnx
import torch
from autoattack import AutoAttack
from onnx2torch import convert

torch.set_num_threads(1)
data, out = sys.argv[3:5]
COUNT, STEPS, CLASSES, QUERIES = (int(value) for value in os.environ["BRIEF"].split(","))
NORMALIZATIONS = {
    "cifar10_resnet20_bn": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "cifar10_vgg7_bn": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
}
raw = np.fromfile(f"{data}/cifar10/test_batch.bin", dtype=np.uint8).reshape(-1, 3073)[:COUNT]
images = torch.tensor((raw[:, 1:].reshape(-1, 3, 32, 32) / 255).astype(np.float32))
labels = torch.tensor(raw[:, 0].astype(np.int64))
results = {}
for name in sys.argv[5:]:
    mean, std = (torch.tensor(values)[:, None, None] for values in NORMALIZATIONS[name])
    net = convert(onnx.load(f"{data}/models/{name}.onnx")).eval().requires_grad_(False)
    model = lambda x: net((x - mean) / std)
    results[name] = {}
    for levels in (int(value) for value in os.environ.get("LEVELS", "1,2").split(",")):
        started = time.time()
        parts = ["apgd-ce", "apgd-t", "fab-t", "square"]
        attack = AutoAttack(model, norm="Linf", eps=levels / 255, version="custom", attacks_to_run=parts, device="cpu", seed=0)
        for part in (attack.apgd, attack.apgd_targeted):
            part.n_iter = part.n_iter_orig = STEPS
            part.n_restarts = 1
            # As the constructor makes them of n_iter.
            part.n_iter_2, part.n_iter_min, part.size_decr = (max(int(share * STEPS), 1) for share in (0.22, 0.06, 0.03))
        attack.apgd_targeted.n_target_classes = attack.fab.n_target_classes = CLASSES
        attack.fab.n_iter, attack.fab.n_restarts = STEPS, 1
        attack.square.n_queries = QUERIES
        _, found = attack.run_standard_evaluation(images, labels, bs=50, return_labels=True)
        with torch.no_grad():
            clean = torch.cat([model(part).argmax(1) for part in images.split(50)])
        standing = ((found == labels) & (clean == labels)).nonzero().flatten().tolist()
        right = int((clean == labels).sum())
        results[name][f"{levels}/255"] = {"right": right, "standing": standing, "seconds": round(time.time() - started)}
        with open(out, "w") as file:
            json.dump(results, file)
