"""What is the same for every network of PyTorch's that is exported, whichever PyTorch: statistics of pictures, and gradients by autograd."""
import numpy
import torch


def take_statistics(model, pictures):
    """Gives the BatchNormalization layers of `model` the statistics of `pictures`, and leaves them in training."""
    norms = [m for m in model.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm) and m.running_mean is not None]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
        norm.train()
    if norms:
        model(pictures)


def logits_of(output):
    return output.logits if hasattr(output, "logits") else output[-1] if isinstance(output, (tuple, list)) else output


def gradients(model, draws):
    """Logits and the input's gradient for each pair of pictures and cotangent, stacked."""
    results = []
    for pictures, cotangent in draws:
        leaf = pictures.detach().clone().requires_grad_()
        logits = logits_of(model(leaf))
        (gradient,) = torch.autograd.grad(logits, leaf, cotangent)
        results.append((logits.detach().numpy(), gradient.numpy()))
    return [numpy.stack(parts) for parts in zip(*results)]
