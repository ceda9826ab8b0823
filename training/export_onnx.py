"""Writes a trained classifier of pixels (x - 0.5) / 0.5 as ONNX, with what its file says of pixels and classes."""

import json

import numpy
import onnx
import onnx.numpy_helper
import torch

MEAN, STD = 0.5, 0.5


def export(network, path, *, size, classes, doc, half=False):
    """`half` keeps large weights as float16. PRESERVE keeps the exporter from folding BatchNormalization into the convolutions, as EVAL would."""
    network = network.eval().to("cpu", memory_format=torch.contiguous_format)
    modern = {"dynamo": False} if int(torch.__version__.split(".")[0]) >= 2 else {}
    torch.onnx.export(
        network,
        torch.zeros(1, 3, size, size),
        str(path),
        opset_version=13,
        training=torch.onnx.TrainingMode.PRESERVE,
        do_constant_folding=False,
        input_names=["image"],
        output_names=["logits"],
        dynamic_axes={"image": {0: "batch"}, "logits": {0: "batch"}},
        **modern,
    )
    model = onnx.load(path)
    if half:
        halve(model)
    preprocessing = {"mean": [MEAN] * 3, "std": [STD] * 3, "scale": 1, "channels": "rgb", "layout": "nchw", "size": size}
    onnx.helper.set_model_props(model, {"preprocessing": json.dumps(preprocessing), "labels": "\n".join(classes)})
    model.doc_string = doc
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def halve(model):
    """Keeps large weights as float16 behind a Cast to float32: half the file, and float32 arithmetic all the same."""
    graph, casts = model.graph, []
    for tensor in graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        if values.dtype != numpy.float32 or values.size < 1024:
            continue
        name = tensor.name
        tensor.CopyFrom(onnx.numpy_helper.from_array(values.astype(numpy.float16), f"{name}.half"))
        casts.append(onnx.helper.make_node("Cast", [f"{name}.half"], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    kept = [value for value in graph.input if not any(cast.output[0] == value.name for cast in casts)]
    del graph.input[:]
    graph.input.extend(kept)
