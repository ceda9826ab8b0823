"""
Hugging Face's image classifiers: by optimum's exporter, which writes config.json and preprocessor_config.json beside the file, or by PyTorch's
dynamo exporter. The configurations are the published ones, narrow and shallow.
"""
import json
import os
import shutil
import tempfile

import torch
import transformers
from transformers import AutoModelForImageClassification
from transformers.models.auto.image_processing_auto import IMAGE_PROCESSOR_MAPPING
from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES

from torch_case import export_dynamo, normalized, write_torch_case

torch.set_num_threads(1)


class Logits(torch.nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, pixel_values):
        return self.network(pixel_values=pixel_values).logits


def processor_of(config, size):
    """The image processor of this kind of model, at this size."""
    known = IMAGE_PROCESSOR_MAPPING[type(config)] if type(config) in IMAGE_PROCESSOR_MAPPING else (transformers.BitImageProcessor,)
    for kind in known:
        if kind is None or kind.__name__.endswith("Fast"):
            continue
        processor = kind()
        fitting = {}
        own = getattr(processor, "size", None)
        if own is not None:
            fitting["size"] = {"shortest_edge": size} if "shortest_edge" in own else {"height": size, "width": size}
        if getattr(processor, "crop_size", None) is not None:
            fitting["crop_size"] = {"height": size, "width": size}
        return kind(**fitting)
    raise ValueError("no image processor")


def truth_of(processor):
    """How it prepares pixels in [0, 1]."""
    known = processor.to_dict()
    mean, std = [0.0] * 3, [1.0] * 3
    if known.get("do_normalize", False) and known.get("image_mean") is not None:
        mean, std = known["image_mean"], known["image_std"]
    flips = known.get("do_flip_channel_order", False)
    # `mean` is of the channels as they are by then.
    factor = known.get("rescale_factor", 1 / 255) if known.get("do_rescale", True) else 1
    offset = 1 if known.get("rescale_offset", False) else 0
    scale = factor * 255
    channels = "bgr" if flips else "rgb"
    if abs(scale - 1) > 1e-6:
        return normalized([(value + offset) / scale for value in mean], [value / scale for value in std], 1, channels)
    return normalized([value + offset for value in mean], std, 1, channels)


def write(request, folder):
    torch.manual_seed(20)
    kind, size, opset, exporter = request["name"], request.get("size", 64), request["opset"], request["exporter"]
    settings = dict(request.get("config", {}))
    kinds = transformers.models.auto.configuration_auto.CONFIG_MAPPING
    config = kinds[kind](**settings)
    config.num_labels = request.get("labels", 1000)
    config.id2label = {index: f"kind {index}" for index in range(config.num_labels)}
    config.label2id = {name: index for index, name in config.id2label.items()}
    named = MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES[kind]
    config.architectures = [named if isinstance(named, str) else named[0]]
    model = AutoModelForImageClassification.from_config(config).eval()
    processor = processor_of(config, size)
    about = {"library": f"transformers {transformers.__version__}", "exporter": exporter, "opset": opset}

    def by_optimum(logits, _sample, path):
        import optimum.version
        from optimum.exporters.onnx import main_export

        with tempfile.TemporaryDirectory() as saved, tempfile.TemporaryDirectory() as out:
            logits.network.save_pretrained(saved)
            processor.save_pretrained(saved)
            main_export(model_name_or_path=saved, output=out, task="image-classification", opset=opset, do_validation=False, library_name="transformers")
            shutil.move(os.path.join(out, "model.onnx"), path)
            for name in ("config.json", "preprocessor_config.json"):
                if os.path.exists(os.path.join(out, name)):
                    shutil.copy(os.path.join(out, name), os.path.join(folder, "beside", name))

    beside = {"config.json": json.loads(config.to_json_string()), "preprocessor_config.json": processor.to_dict()}
    beside = {name: json.loads(json.dumps(content, default=str)) for name, content in beside.items()}
    export = by_optimum if exporter == "optimum" else export_dynamo(opset)
    if exporter == "optimum":
        import importlib.metadata

        about["exporter"] = f"optimum-onnx {importlib.metadata.version('optimum-onnx')}"
    write_torch_case(folder, Logits(model), (size, size), truth_of(processor), export, about, beside)
