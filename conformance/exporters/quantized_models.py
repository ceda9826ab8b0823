"""
timm's networks, quantized by onnxruntime's own tools: statically in the QDQ and in the QOperator format, and dynamically. The reference is the
straight-through gradient of the quantized file itself, run in PyTorch (straight_through.py).
"""
import os

import numpy
import onnx
import onnxruntime
import torch
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from pictures import natural_pictures, prepared
from straight_through import Runner
from timm_models import build
from torch_case import enliven, export_legacy, normalized
from write_case import write_case

DRAWS = 2


class Pictures(CalibrationDataReader):
    def __init__(self, pictures):
        self.rows = iter({"input": one[None]} for one in pictures)

    def get_next(self):
        return next(self.rows, None)


def gradients(path, dtype, draws):
    results = []
    for pictures, cotangent in draws:
        leaf = torch.from_numpy(pictures).to(dtype).requires_grad_()
        logits = Runner(path, dtype)(leaf)
        (gradient,) = torch.autograd.grad(logits, leaf, torch.from_numpy(cotangent).to(dtype))
        results.append((logits.detach().numpy(), gradient.numpy()))
    return [numpy.stack(parts) for parts in zip(*results)]


def write(request, folder):
    torch.manual_seed(20)
    way, size, opset = request["way"], request.get("size", 64), request.get("opset", 17)
    model, size = build(request["name"], size, request.get("kwargs", {}))
    config = model.pretrained_cfg
    preprocessing = normalized(config["mean"], config["std"])
    pictures = prepared(natural_pictures(8, size, size, 22), preprocessing)
    generator = torch.Generator().manual_seed(21)
    model = enliven(model, torch.from_numpy(pictures), generator)
    plain, ready, path = (os.path.join(folder, name) for name in ("float.onnx", "ready.onnx", "model.onnx"))
    export_legacy(opset)(model, torch.from_numpy(pictures[:1]), plain)
    quant_pre_process(plain, ready, skip_symbolic_shape=True)
    weights = QuantType.QInt8
    if way == "dynamic":
        quantize_dynamic(ready, path, weight_type=QuantType.QUInt8 if request.get("unsigned", True) else weights)
    else:
        quantize_static(
            ready,
            path,
            Pictures(pictures),
            quant_format=QuantFormat.QDQ if way == "QDQ" else QuantFormat.QOperator,
            per_channel=request.get("per_channel", False),
            activation_type=QuantType.QInt8 if request.get("signed", False) else QuantType.QUInt8,
            weight_type=weights,
        )
    for name in (plain, ready):
        os.remove(name)
    cotangents = torch.randn((DRAWS, 1, model.num_classes), generator=generator).numpy()
    draws = list(zip(pictures[:DRAWS, None], cotangents))
    logits, gradient = gradients(path, torch.float32, draws)
    logits64, gradient64 = gradients(path, torch.float64, draws)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    integers = session.run(None, {"input": pictures[:1]})[0]
    arrays = {"input": pictures[:DRAWS, None], "cotangent": cotangents, "logits": logits, "gradient": gradient}
    arrays |= {"logits64": logits64, "gradient64": gradient64}
    about = {
        "library": f"onnxruntime {onnxruntime.__version__}, onnx {onnx.__version__}",
        "torch": torch.__version__,
        "exporter": way,
        "opset": opset,
        "kernelsError": float(numpy.linalg.norm(integers - logits64[0]) / numpy.linalg.norm(logits64[0])),
    }
    write_case(folder, arrays, about, preprocessing, (size, size))
