"""
Keras' applications, by Keras' own export of ONNX files (`model.export(format="onnx")`) or by tf2onnx from a model or a function. The reference is
TensorFlow's GradientTape, in float32 and in float64.
"""
import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy
import tensorflow
import tf2onnx

from pictures import natural_pictures, prepared
from write_case import write_case

DRAWS = 2
tensorflow.config.threading.set_intra_op_parallelism_threads(1)

# Of keras.applications.*.preprocess_input: on pixels in [0, 255], here of pixels in [0, 1].
CAFFE = {"scale": 255, "mean": [123.68, 116.779, 103.939][::-1], "std": [1.0, 1.0, 1.0], "channels": "bgr"}
SYMMETRIC = {"scale": 1, "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "channels": "rgb"}
IMAGENET = {"scale": 1, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "channels": "rgb"}
# These normalize inside.
BYTES = {"scale": 255, "mean": [0.0, 0.0, 0.0], "std": [1.0, 1.0, 1.0], "channels": "rgb"}
PREPROCESSING = {
    "ConvNeXtTiny": BYTES,
    "DenseNet121": IMAGENET,
    "EfficientNetB0": BYTES,
    "EfficientNetV2B0": BYTES,
    "InceptionV3": SYMMETRIC,
    "InceptionResNetV2": SYMMETRIC,
    "MobileNet": SYMMETRIC,
    "MobileNetV2": SYMMETRIC,
    "MobileNetV3Small": BYTES,
    "NASNetMobile": SYMMETRIC,
    "ResNet50": CAFFE,
    "ResNet50V2": SYMMETRIC,
    "VGG16": CAFFE,
    "Xception": SYMMETRIC,
}


def enliven(model, pictures, generator):
    """Draws what starts at a constant, and gives BatchNormalization the statistics of `pictures`."""
    for variable in model.trainable_variables:
        values = numpy.array(variable)
        noise = generator.standard_normal(values.shape)
        name = variable.name
        if name in ("bias", "beta"):
            variable.assign(values + 0.1 * noise)
        elif name == "gamma" and numpy.abs(values).max() < 0.05:
            variable.assign(0.5 + 0.05 * noise)
        elif name == "gamma":
            variable.assign(values * (1 + 0.1 * noise))
    norms = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)]
    for norm in norms:
        norm.momentum = 0.0
    # Keras exports what has been called.
    model(pictures, training=bool(norms))


def gradients(model, draws):
    results = []
    for pictures, cotangent in draws:
        leaf = tensorflow.constant(pictures)
        with tensorflow.GradientTape() as tape:
            tape.watch(leaf)
            logits = model(leaf, training=False)
        gradient = tape.gradient(logits, leaf, output_gradients=tensorflow.constant(cotangent))
        results.append((logits.numpy(), gradient.numpy()))
    return [numpy.stack(parts) for parts in zip(*results)]


def write(request, folder):
    name, way, size, opset = request["name"], request["way"], request.get("size", 64), request.get("opset", 15)
    keras.utils.set_random_seed(20)
    generator = numpy.random.default_rng(21)
    build = getattr(keras.applications, name)
    settings = {"weights": None, "input_shape": (size, size, 3)} | request.get("settings", {})
    preprocessing = PREPROCESSING[name]
    pictures = prepared(natural_pictures(8, size, size, 22), preprocessing).transpose(0, 2, 3, 1)
    model = build(classifier_activation=request.get("activation", "softmax"), **settings)
    enliven(model, pictures, generator)
    weights = model.get_weights()
    logits_model = build(classifier_activation=None, **settings)
    logits_model.set_weights(weights)
    cotangents = generator.standard_normal((DRAWS, 1, 1000)).astype(numpy.float32)
    # Of a softmax only what changes the scores beside one another is left.
    cotangents -= cotangents.mean(axis=-1, keepdims=True)
    draws = list(zip(pictures[:DRAWS, None], cotangents))
    logits, gradient = gradients(logits_model, draws)
    keras.config.set_dtype_policy("float64")
    try:
        double = build(classifier_activation=None, **settings)
    finally:
        keras.config.set_dtype_policy("float32")
    double.set_weights(weights)
    logits64, gradient64 = gradients(double, [(one.astype(float), cotangent.astype(float)) for one, cotangent in draws])
    arrays = {"input": pictures[:DRAWS, None], "cotangent": cotangents, "logits": logits, "gradient": gradient}
    arrays |= {"logits64": logits64, "gradient64": gradient64}
    if request.get("nchw", False):
        for key in ("input", "gradient", "gradient64"):
            arrays[key] = arrays[key].transpose(0, 1, 4, 2, 3)
    path = os.path.join(folder, "model.onnx")
    about = {"library": f"Keras {keras.__version__}, TensorFlow {tensorflow.__version__}", "opset": opset}
    signature = (tensorflow.TensorSpec((request.get("batch"), size, size, 3), tensorflow.float32, name="input"),)
    if way == "keras":
        about["exporter"] = "Keras"
        model.export(path, format="onnx", verbose=False, opset_version=opset)
    elif way == "from_keras":
        about["exporter"] = f"tf2onnx {tf2onnx.__version__}"
        tf2onnx.convert.from_keras(model, input_signature=signature, opset=opset, output_path=path)
    else:
        about["exporter"] = f"tf2onnx {tf2onnx.__version__}"
        call = tensorflow.function(lambda pictures: model(pictures, training=False), input_signature=signature)
        nchw = ["input"] if request.get("nchw", False) else None
        tf2onnx.convert.from_function(call, input_signature=signature, opset=opset, output_path=path, inputs_as_nchw=nchw)
    keras.backend.clear_session()
    write_case(folder, arrays, about, preprocessing, (size, size))
