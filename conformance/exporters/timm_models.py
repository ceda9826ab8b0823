"""timm's classifiers, by the dynamo exporter or the one before it."""
import timm
import torch

from torch_case import export_dynamo, export_legacy, normalized, write_torch_case


def build(architecture, size, settings):
    """The network in inference mode and the size of its input: `size` where it takes that, or else its own."""
    attempts = [lambda: timm.create_model(architecture, pretrained=False, img_size=size, **settings)]
    attempts += [lambda: timm.create_model(architecture, pretrained=False, **settings)] * 2
    for index, attempt in enumerate(attempts):
        try:
            model = attempt().eval()
            own = model.default_cfg["input_size"][-1]
            fits = size if index < 2 and not (index == 1 and model.default_cfg.get("fixed_input_size", False)) else own
            with torch.no_grad():
                model(torch.zeros((2, model.default_cfg["input_size"][0], fits, fits)))
            return model, fits
        except (TypeError, AssertionError, ValueError, RuntimeError, KeyError) as error:
            failure = error
    raise failure


def write(request, folder):
    opset, exporter = request.get("opset", 18), request.get("exporter", "dynamo")
    torch.manual_seed(20)
    model, size = build(request["name"], request.get("size", 64), request.get("kwargs", {}))
    config = model.pretrained_cfg
    preprocessing = normalized(config["mean"], config["std"])
    # As timm's push_to_hf_hub writes it.
    published = {key: config[key] for key in ("input_size", "mean", "std", "interpolation", "crop_pct", "crop_mode") if key in config}
    published |= {"input_size": [3, size, size]}
    beside = {"config.json": {"architecture": request["name"], "num_classes": model.num_classes, "pretrained_cfg": published}}
    about = {"library": f"timm {timm.__version__}", "exporter": exporter, "opset": opset}
    export = (export_dynamo if exporter == "dynamo" else export_legacy)(opset)
    write_torch_case(folder, model, (size, size), preprocessing, export, about, beside)
