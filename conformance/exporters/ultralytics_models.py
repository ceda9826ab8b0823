"""Ultralytics' classifiers, by their own exporter, which writes names, size and task into the file's metadata."""
import os
import shutil

import numpy
import torch
import ultralytics
from ultralytics import YOLO

from torch_case import normalized, write_torch_case

torch.set_num_threads(1)


class Logits(torch.nn.Module):
    """The network up to what its softmax takes, which its head gives beside the probabilities when it is not exported."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, pictures):
        return self.network(pictures)[1]


def write(request, folder):
    torch.manual_seed(20)
    size, opset = request.get("size", 64), request["opset"]
    yolo = YOLO(request["name"] + ".yaml")
    yolo.model.names = {index: f"kind {index}" for index in range(len(yolo.model.names))}

    def export(model, _sample, path):
        # Its exporter names the file after this one.
        network = model.network.requires_grad_(True)
        yolo.model = network
        network.pt_path = os.path.join(folder, "weights.pt")
        yolo.ckpt_path = yolo.model.yaml_file = network.pt_path
        written = yolo.export(format="onnx", imgsz=size, opset=opset, simplify=request.get("simplify", True), dynamic=request.get("dynamic", False), device="cpu")
        shutil.move(written, path)

    about = {"library": f"ultralytics {ultralytics.__version__}", "exporter": "ultralytics", "opset": opset}
    write_torch_case(folder, Logits(yolo.model.eval()), (size, size), normalized([0, 0, 0], [1, 1, 1]), export, about)
