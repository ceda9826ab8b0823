"""timm's classifiers, by the dynamo exporter or the one before it."""
import timm
import torch

from torch_case import export_dynamo, export_legacy, normalized, write_torch_case


def build(architecture, size, settings):
    """The network in inference mode and the size of its input: `size` where it takes that, or else its own."""
    if timm.create_model(architecture, pretrained=False, **({"depth": 1} if "depth" in settings else {})).num_classes == 0:
        # An encoder, which becomes a classifier when it is asked for classes.
        settings = settings | {"num_classes": 1000}
    # A patch of 14 pixels does not divide most sizes.
    attempts = [lambda side=side: (timm.create_model(architecture, pretrained=False, img_size=side, **settings), side) for side in (size, size // 14 * 14 + 14)]
    attempts += [lambda: (timm.create_model(architecture, pretrained=False, **settings), size)]
    attempts += [lambda: (timm.create_model(architecture, pretrained=False, **settings), None)]
    for attempt in attempts:
        try:
            model, side = attempt()
            channels, _, own = model.default_cfg["input_size"]
            side = own if side is None else side
            with torch.no_grad():
                model.eval()(torch.zeros((2, channels, side, side)))
            return model, side
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
