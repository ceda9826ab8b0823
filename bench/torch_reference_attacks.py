"""Times the authors' attacks on request, so that they can be interleaved with others: see attack-overhead.ts.

    python3 bench/torch_reference_attacks.py AUTOATTACK ONNX2TORCH FOOLBOX [FMN SPARSEFOOL ADVEX] MODEL.onnx DATA

Reads "WHAT IMAGES SIZE" per line, WHAT one of apgd, square and fab (auto-attack, commit a392200), hopskipjump and ead (Foolbox 3.3.4), and, where their folders are given, fmn
(Fast-Minimum-Norm-FMN-Attack, commit 98c68c2), sparsefool (SparseFool, commit 958e2bf), lpa and ppgd (the unpacked wheel of perceptual-advex 0.2.6), and writes CPU seconds. One thread.
"""

import os
import sys
import time
import types

*folders, model_path, data = sys.argv[1:]
sys.path[:0] = folders[:5]
import numpy as np
import onnx
import torch
import torch.nn.functional
from autoattack.autopgd_base import APGDAttack
from autoattack.fab_pt import FABAttack_PT
from autoattack.square import SquareAttack
from onnx2torch import convert

torch.set_num_threads(1)
network = convert(onnx.load(model_path)).eval().requires_grad_(False)
mean, std = (torch.tensor(v)[:, None, None] for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))


class Model(torch.nn.Module):
    def forward(self, x):
        return network((x - mean) / std)


model = Model().eval()
raw = np.fromfile(f"{data}/cifar10/test_batch.bin", dtype=np.uint8).reshape(-1, 3073)[:64]
pictures = torch.tensor((raw[:, 1:].reshape(-1, 3, 32, 32) / 255).astype(np.float32))


def apgd(images, labels, steps):
    APGDAttack(model, n_iter=steps, norm="Linf", n_restarts=1, eps=1e-5, seed=0, loss="ce", device="cpu").perturb(images, labels)


def square(images, labels, queries):
    SquareAttack(model, norm="Linf", n_queries=queries, eps=1e-5, p_init=0.8, seed=0, device="cpu", resc_schedule=False).perturb(images, labels)


def hopskipjump(images, labels, steps):
    import foolbox

    attack = foolbox.attacks.HopSkipJumpAttack(steps=steps, initial_gradient_eval_steps=100)
    attack.run(foolbox.PyTorchModel(model, bounds=(0, 1), device="cpu"), images, foolbox.Misclassification(labels))


def fab(images, labels, steps):
    FABAttack_PT(model, norm="Linf", n_restarts=1, n_iter=steps, eps=1e-5, targeted=True, n_target_classes=2, device="cpu").perturb(images, labels)


def with_foolbox(attack, images, labels):
    import foolbox

    attack.run(foolbox.PyTorchModel(model, bounds=(0, 1), device="cpu"), images, foolbox.Misclassification(labels))


def ead(images, labels, steps):
    import foolbox

    with_foolbox(foolbox.attacks.EADAttack(steps=steps, binary_search_steps=2, abort_early=False), images, labels)


def fmn(images, labels, steps):
    import fmn as authors

    with_foolbox(authors.L2FMNAttack(steps=steps), images, labels)


def sparsefool(images, labels, planes):
    # Removed from torch since.
    import torch.autograd.gradcheck  # noqa: F401

    def zero_gradients(x):
        if x.grad is not None:
            x.grad.zero_()

    sys.modules["torch.autograd.gradcheck"].zero_gradients = zero_gradients
    from sparsefool import sparsefool as authors

    for n in range(len(images)):
        x = images[n : n + 1]
        authors(x, model, torch.zeros_like(x), torch.ones_like(x), 3.0, planes, 0.02, device="cpu")


def perceptual_attacks():
    """The authors' module, with what it imports for other networks left out."""
    if "perceptual_advex.perceptual_attacks" in sys.modules:
        return sys.modules["perceptual_advex.perceptual_attacks"]
    root = folders[5]
    for name in ("torchvision.models.utils", "robustness", "robustness.cifar_models", "robustness.cifar_models.resnet"):
        sys.modules[name] = types.ModuleType(name)
    sys.modules["torchvision.models.utils"].load_state_dict_from_url = None
    sys.modules["robustness.cifar_models.resnet"].ResNet = None
    package = types.ModuleType("perceptual_advex")
    package.__path__ = [os.path.join(root, "perceptual_advex")]
    sys.modules["perceptual_advex"] = package
    utilities = types.ModuleType("perceptual_advex.utilities")
    source = open(os.path.join(root, "perceptual_advex/utilities.py")).read()
    start = source.index("class MarginLoss")
    end = source.find("\ndef ", start)
    exec("import torch, math\nfrom torch import nn\n" + source[start : end if end > 0 else None], utilities.__dict__)
    sys.modules["perceptual_advex.utilities"] = package.utilities = utilities
    import perceptual_advex.perceptual_attacks as authors

    return authors


class Featured(torch.nn.Module):
    """The model with the last activation of each resolution as its features."""

    def __init__(self):
        super().__init__()
        self.found = {}
        extents = {}
        modules = [one for one in network.modules() if isinstance(one, torch.nn.ReLU)]
        hooks = [one.register_forward_hook(lambda own, _, out: extents.__setitem__(out.shape[2:], own)) for one in modules]
        with torch.no_grad():
            model(pictures[:1])
        for hook in hooks:
            hook.remove()
        self.chosen = [one for shape, one in extents.items() if len(shape) == 2 and shape[0] * shape[1] > 1]
        for one in self.chosen:
            one.register_forward_hook(lambda own, _, out: self.found.__setitem__(id(own), out))

    def features_logits(self, x):
        logits = model(x)
        return tuple(self.found[id(one)] for one in self.chosen), logits

    def features(self, x):
        return self.features_logits(x)[0]

    def forward(self, x):
        return model(x)


featured = None


def perceptual(make, images, labels):
    global featured
    featured = featured or Featured().eval()
    make(perceptual_attacks(), featured)(images.clone(), labels)


def lpa(images, labels, steps):
    perceptual(lambda m, f: m.LagrangePerceptualAttack(f, bound=1e-3, num_iterations=steps, binary_steps=5, lpips_model="self"), images, labels)


def ppgd(images, labels, steps):
    perceptual(lambda m, f: m.PerceptualPGDAttack(f, bound=1e-3, num_iterations=steps, lpips_model="self"), images, labels)


attacks = {one.__name__: one for one in (apgd, square, hopskipjump, fab, ead, fmn, sparsefool, lpa, ppgd)}
for line in sys.stdin:
    what, *sizes = line.split()
    count, size = map(int, sizes)
    images = pictures[:count]
    with torch.no_grad():
        labels = model(images).argmax(1)
    started = time.process_time()
    attacks[what](images, labels, size)
    print(f"{time.process_time() - started:.4f}", flush=True)
