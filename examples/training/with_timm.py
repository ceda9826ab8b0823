"""Trains a network of timm on photos/train and writes it as ONNX."""

import json

import onnx
import timm
import torch
from torchvision import datasets

train = datasets.ImageFolder("photos/train")
# pretrained=True starts from published weights, and needs far fewer pictures.
network = timm.create_model("resnet10t", pretrained=False, num_classes=len(train.classes), exportable=True)
data = timm.data.resolve_model_data_config(network)
data["input_size"] = (3, 96, 96)  # leave this line out for photographs
train.transform = timm.data.create_transform(**data, is_training=True, scale=(0.7, 1))
test = datasets.ImageFolder("photos/test", timm.data.create_transform(**data, is_training=False))

torch.manual_seed(0)
optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
for epoch in range(12):
    network.train()
    for pictures, labels in torch.utils.data.DataLoader(train, batch_size=32, shuffle=True):
        loss = torch.nn.functional.cross_entropy(network(pictures), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

network.eval()
with torch.no_grad():
    right = sum((network(pictures).argmax(1) == labels).sum().item() for pictures, labels in torch.utils.data.DataLoader(test, 32))
print(f"{right} of {len(test)} test pictures")

_, height, width = data["input_size"]
torch.onnx.export(
    network,
    torch.zeros(1, 3, height, width),
    "model.onnx",
    opset_version=17,
    input_names=["image"],
    output_names=["logits"],
    dynamic_axes={"image": {0: "N"}, "logits": {0: "N"}},
    dynamo=False,
)

# timm knows how pictures are prepared: put it into the file.
preprocessing = {
    "scale": 1,
    "channels": "rgb",
    "mean": data["mean"],
    "std": data["std"],
    "geometry": {
        "resize": {"kind": "shorter", "size": round(height / data["crop_pct"])},
        "crop": {"width": width, "height": height},
        "interpolation": data["interpolation"],
    },
}
file = onnx.load("model.onnx")
onnx.helper.set_model_props(file, {"preprocessing": json.dumps(preprocessing), "labels": "\n".join(train.classes)})
onnx.save(file, "model.onnx")
