"""Trains a small network with PyTorch on photos/train and writes it as ONNX."""

import json

import onnx
import torch
from torch import nn
from torchvision import datasets, transforms

prepare = transforms.Compose([transforms.Resize((96, 96)), transforms.ToTensor(), transforms.Normalize([0.5] * 3, [0.5] * 3)])
train = datasets.ImageFolder("photos/train", prepare)
test = datasets.ImageFolder("photos/test", prepare)


def stage(inputs, outputs):
    return [nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(), nn.MaxPool2d(2)]


torch.manual_seed(0)
network = nn.Sequential(
    *stage(3, 16), *stage(16, 32), *stage(32, 64), *stage(64, 64),
    nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, len(train.classes)),
)
optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
for epoch in range(15):
    network.train()
    for pictures, labels in torch.utils.data.DataLoader(train, batch_size=32, shuffle=True):
        loss = nn.functional.cross_entropy(network(pictures), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

network.eval()
with torch.no_grad():
    right = sum((network(pictures).argmax(1) == labels).sum().item() for pictures, labels in torch.utils.data.DataLoader(test, 32))
print(f"{right} of {len(test)} test pictures")

torch.onnx.export(
    network,
    torch.zeros(1, 3, 96, 96),
    "model.onnx",
    opset_version=17,
    input_names=["image"],
    output_names=["logits"],
    dynamic_axes={"image": {0: "N"}, "logits": {0: "N"}},
    dynamo=False,  # leave this line out before PyTorch 2.5
)

# Say in the file how pixels are prepared and what the classes are called, and nothing has to be guessed.
file = onnx.load("model.onnx")
preprocessing = {"scale": 1, "channels": "rgb", "mean": [0.5] * 3, "std": [0.5] * 3}
onnx.helper.set_model_props(file, {"preprocessing": json.dumps(preprocessing), "labels": "\n".join(train.classes)})
onnx.save(file, "model.onnx")
