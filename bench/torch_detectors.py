"""Times detectors in PyTorch, scikit-learn, scipy, OpenCV and NumPy on request, so that they can be interleaved with others: see detectors.ts.

    python3 bench/torch_detectors.py ONNX2TORCH MODEL.onnx DATA FOLDER

Reads "DETECTOR LAYERS IMAGES RUNS BATCH" per line and writes, for each way of doing it, its name and three CPU times: of IMAGES times RUNS through the network, of learning from the measured images
of FOLDER with the scores of those held out, and of scores alone. One thread.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"
import sys
import time

sys.path[:0] = sys.argv[1:2]
import cv2
import numpy as np
import onnx
import torch
from onnx2torch import convert
from scipy.ndimage import median_filter
from scipy.spatial.distance import cdist
from sklearn.covariance import EmpiricalCovariance
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KernelDensity
from sklearn.preprocessing import StandardScaler

torch.set_num_threads(1)
torch.set_grad_enabled(False)
cv2.setNumThreads(1)
_, _, path, data, folder = sys.argv
network = convert(onnx.load(path)).eval()
try:
    from torch.fx.experimental.optimization import fuse

    # Normalizations in the convolutions before them, as on the other side.
    network = fuse(network)
except Exception as error:
    print(f"normalizations are not folded: {error}", file=sys.stderr)
gray = "resnet" not in path
mean, std = (torch.tensor(v)[:, None, None] for v in (((0.5,) * 3, (0.5,) * 3) if gray else ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))))
raw = np.fromfile(f"{data}/cifar10/data_batch_1.bin", dtype=np.uint8).reshape(-1, 3073)
bytes_ = raw[:, 1:].reshape(-1, 3, 32, 32)
CLASSES = 10


def logits_of(x):
    return network((x - mean) / std)


def timed(work):
    started = time.process_time()
    result = work()
    return time.process_time() - started, result


def read(name, detector, kind, labels):
    values = np.fromfile(f"{folder}/{detector}.{kind}.{name}", dtype=np.float32)
    return values.reshape(len(labels), -1) if len(labels) else values


class Measured:
    """The lists of a detector: labels, logits and the parts, float32."""

    def __init__(self, detector, layers):
        for kind in ("train", "held", "attacked", "noisy"):
            labels = np.fromfile(f"{folder}/{detector}.{kind}.labels", dtype=np.float32).astype(int)
            parts = [read(l, detector, kind, labels) for l in range(layers)]
            setattr(self, kind, {"labels": labels, "logits": read("logits", detector, kind, labels), "parts": parts})


def summed(numbers):
    """Standard deviations from the mean over the held-out images, added over layers [layers, images], and what scores others alike."""
    columns = np.stack(numbers)
    center, spread = columns.mean(1), columns.std(1)
    return lambda rows: ((np.stack(rows) - center[:, None]) / spread[:, None]).sum(0)


def learned(fit, score, given):
    """A fit with the cutoff that its scores of the held-out images give, and the time of scores."""

    def whole():
        model = fit(given)
        np.quantile(score(model, given.held), 0.95)
        return model

    seconds, model = timed(whole)
    return seconds, timed(lambda: score(model, given.held))[0]


# Baselines.
def confidence(_, held):
    logits = torch.from_numpy(held["logits"])
    return -torch.log_softmax(logits, 1).amax(1).numpy()


def margin(_, held):
    best = torch.from_numpy(held["logits"]).topk(2, dim=1).values
    return (best[:, 1] - best[:, 0]).numpy()


# Mahalanobis, as the authors' code: class means, scikit-learn's covariance around them, and distances by matrix products.
def distances(models, part):
    means, precision = models
    x = torch.from_numpy(part)
    best = None
    for mean_of_class in means:
        centered = x - mean_of_class
        distance = 0.5 * ((centered @ precision) * centered).sum(1)
        best = distance if best is None else torch.minimum(best, distance)
    return best.numpy()


def mahalanobis_fit(given):
    labels, models = given.train["labels"], []
    for part in given.train["parts"]:
        means = np.stack([part[labels == k].mean(0) for k in range(CLASSES)])
        precision = EmpiricalCovariance(assume_centered=False).fit(part - means[labels]).precision_
        models.append((torch.from_numpy(means), torch.from_numpy(precision.astype(np.float32))))
    return models, summed([distances(*pair) for pair in zip(models, given.held["parts"])])


def mahalanobis(model, held):
    models, total = model
    return total([distances(*pair) for pair in zip(models, held["parts"])])


# Kernel density of the predicted class.
def nearest_in_class(points, labels):
    nearest = []
    for k in range(CLASSES):
        own = torch.from_numpy(points[labels == k])
        apart = torch.cdist(own, own)
        apart.fill_diagonal_(torch.inf)
        nearest.append(apart.amin(1))
    return float(torch.cat(nearest).median())


def density_sklearn_fit(given):
    labels, points = given.train["labels"], given.train["parts"][0]
    h = nearest_in_class(points, labels)
    return [KernelDensity(bandwidth=h).fit(points[labels == k]) for k in range(CLASSES)]


def density_sklearn(model, held):
    predicted, points = held["logits"].argmax(1), held["parts"][0]
    scores = np.empty(len(points))
    for k in range(CLASSES):
        own = predicted == k
        if own.any():
            scores[own] = -model[k].score_samples(points[own])
    return scores


def density_torch_fit(given):
    labels, points = given.train["labels"], given.train["parts"][0]
    return nearest_in_class(points, labels), [torch.from_numpy(points[labels == k]) for k in range(CLASSES)]


def density_torch(model, held):
    h, references = model
    predicted, points = held["logits"].argmax(1), held["parts"][0]
    scores = np.empty(len(points))
    for k in range(CLASSES):
        own = predicted == k
        if own.any():
            apart = torch.cdist(torch.from_numpy(points[own]), references[k])
            scores[own] = np.log(len(references[k])) - torch.logsumexp(-(apart**2) / (2 * h * h), 1).numpy()
    return scores


# Local intrinsic dimensionality: distances as in the authors' code, or by matrix products.
NEIGHBORS, REFERENCES = 20, 1000


def dimension_numpy(references, points):
    nearest = np.sort(cdist(points, references), axis=1)[:, :NEIGHBORS]
    return -NEIGHBORS / np.log(nearest / nearest[:, -1:]).sum(1)


def dimension_torch(references, points):
    nearest = torch.cdist(torch.from_numpy(points), torch.from_numpy(references)).topk(NEIGHBORS, largest=False).values
    return (-NEIGHBORS / torch.log(nearest / nearest[:, -1:]).sum(1)).numpy()


def lid_with(dimension):
    def fit(given):
        references = [part[:REFERENCES] for part in given.train["parts"]]
        return references, summed([dimension(*pair) for pair in zip(references, given.held["parts"])])

    def score(model, held):
        references, total = model
        return total([dimension(*pair) for pair in zip(references, held["parts"])])

    return fit, score


# Subset scanning: p-values as in the Adversarial Robustness Toolbox, and its scan for one-sided p-values, in NumPy and in PyTorch.
BACKGROUND, MOST = 500, 0.5


def best_subsets(pvalues):
    ascending = np.sort(pvalues, axis=1)
    counts = np.arange(1, ascending.shape[1] + 1)
    return np.where(ascending <= MOST, counts * -np.log(ascending), 0).max(1)


def subset_fit(given):
    return np.sort(given.train["parts"][0][:BACKGROUND], axis=0)


def subset_numpy(background, held):
    count, nodes = background.shape
    values = held["parts"][0]
    pvalues = np.empty(values.shape)
    for j in range(nodes):
        pvalues[:, j] = (count - np.searchsorted(background[:, j], values[:, j]) + 1) / (count + 1)
    return best_subsets(pvalues)


def subset_torch_fit(given):
    return torch.from_numpy(given.train["parts"][0][:BACKGROUND]).T.contiguous().sort(1).values


def subset_torch(background, held):
    count = background.shape[1]
    below = torch.searchsorted(background, torch.from_numpy(held["parts"][0]).T.contiguous())
    ascending = ((count - below + 1) / (count + 1)).T.contiguous().sort(1).values
    counts = torch.arange(1, ascending.shape[1] + 1)
    return torch.where(ascending <= MOST, -counts * ascending.log(), 0.0).amax(1).numpy()


def probe_with(**options):
    def fit(given):
        clean = np.concatenate([np.concatenate(given.train["parts"], 1)[: len(given.attacked["labels"])], np.concatenate(given.noisy["parts"], 1)])
        attacked = np.concatenate(given.attacked["parts"], 1)
        rows, targets = np.concatenate([clean, attacked]).astype(np.float64), np.repeat([0, 1], [len(clean), len(attacked)])
        scaler = StandardScaler().fit(rows)
        return scaler, LogisticRegression(max_iter=10_000, **options).fit(scaler.transform(rows), targets)

    def score(model, held):
        scaler, regression = model
        return regression.decision_function(scaler.transform(np.concatenate(held["parts"], 1).astype(np.float64)))

    return fit, score


def baseline(score):
    return lambda _: None, score


ways = {
    "confidence": {"torch": baseline(confidence)},
    "margin": {"torch": baseline(margin)},
    "mahalanobis": {"scikit-learn and torch": (mahalanobis_fit, mahalanobis)},
    "kernel-density": {"scikit-learn": (density_sklearn_fit, density_sklearn), "torch": (density_torch_fit, density_torch)},
    "lid": {"scipy and numpy": lid_with(dimension_numpy), "torch": lid_with(dimension_torch)},
    "subset-scanning": {"numpy": (subset_fit, subset_numpy), "torch": (subset_torch_fit, subset_torch)},
    "probe": {"scikit-learn": probe_with(), "scikit-learn, tol 1e-8": probe_with(tol=1e-8)},
}


def squeezed(some):
    """The images [n, 3, 32, 32] of bytes with fewer bits, their medians, and denoised."""
    pixels = some.astype(np.float32) / 255
    bits = np.round(pixels * 31) / 31
    medians = median_filter(pixels, size=(1, 1, 2, 2), mode="reflect")
    denoised = np.stack([cv2.fastNlMeansDenoisingColored(np.ascontiguousarray(one.transpose(1, 2, 0)), None, 2, 2, 3, 13).transpose(2, 0, 1) for one in some])
    return [torch.from_numpy(one) for one in (pixels, bits, medians, denoised.astype(np.float32) / 255)]


def squeezing(count, batch):
    """Seconds in the network, and the others, for so many held-out images."""
    held = bytes_[: 5 * count : 5]
    inside = 0
    started = time.process_time()
    scores = []
    for start in range(0, count, batch):
        versions = squeezed(held[start : start + batch])
        seconds, logits = timed(lambda: [logits_of(one) for one in versions])
        inside += seconds
        own, *others = (one.softmax(1) for one in logits)
        scores.append(torch.stack([(own - other).abs().sum(1) for other in others]).amax(0))
    np.quantile(torch.cat(scores).numpy(), 0.95)
    return inside, time.process_time() - started - inside


MAGNITUDES = (0.003, 0.005, 0.008)
draws = (torch.randn_like, lambda x: torch.rand_like(x).round() * 2 - 1, lambda x: torch.rand_like(x) * 2 - 1)


def odds(count, runs, batch):
    """Mean alignments under pairs of opposite noise, and their moments by class; seconds in the network, and the others."""
    samples = (runs - 1) // (3 * len(MAGNITUDES))
    pixels = torch.from_numpy(bytes_[:count].astype(np.float32) / 255)
    inside = 0
    started = time.process_time()
    means = []
    for start in range(0, count, batch):
        x = pixels[start : start + batch]
        seconds, clean = timed(lambda: logits_of(x))
        inside += seconds
        label = clean.argmax(1, keepdim=True)
        gaps = clean.gather(1, label) - clean
        kinds = []
        for draw in draws:
            for magnitude in MAGNITUDES:
                total = 0
                for _ in range(samples // 2):
                    noise = magnitude * draw(x)
                    for sign in (1, -1):
                        noisy = (x + sign * noise).clamp(0, 1)
                        seconds, logits = timed(lambda: logits_of(noisy))
                        inside += seconds
                        total = total + gaps - (logits.gather(1, label) - logits)
                kinds.append(total / samples)
        means.append((label[:, 0], torch.stack(kinds, 1)))
    labels, alignments = torch.cat([one for one, _ in means]), torch.cat([one for _, one in means])
    for k in range(CLASSES):
        own = alignments[labels == k]
        own.mean(0), own.std(0, correction=0)
    return inside, time.process_time() - started - inside


def forward(count, runs, batch):
    pixels = torch.from_numpy(bytes_[:count].astype(np.float32) / 255)
    return timed(lambda: [logits_of(pixels[start : start + batch]) for start in range(0, count, batch) for _ in range(runs)])[0]


for line in sys.stdin:
    detector, *sizes = line.split()
    layers, count, runs, batch = map(int, sizes)
    if detector == "squeezing":
        inside, rest = squeezing(count, batch)
        answers = [("scipy, OpenCV and torch", inside, rest, 0)]
    elif detector == "odds":
        inside, rest = odds(count, runs, batch)
        answers = [("torch", inside, rest, 0)]
    else:
        inside = forward(count, runs, batch)
        given = Measured(detector, layers)
        answers = [(name, inside, *learned(fit, score, given)) for name, (fit, score) in ways[detector].items()]
    print("; ".join(f"{name}: {inside:.6f} {rest:.6f} {scores:.6f}" for name, inside, rest, scores in answers), flush=True)
