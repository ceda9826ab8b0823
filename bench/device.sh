#!/bin/sh
# Measures the five networks of bench/run.ts on a graphics card, beside PyTorch there: bench/device.sh [PYTHON]
#
# Needs no network and takes less than five minutes. PYTHON (python3) has torch with CUDA, torchvision and onnx; node_modules are installed, with
# onnxruntime-node's CUDA libraries where CUDA is wanted (`npm install onnxruntime-node --onnxruntime-node-install=cuda12`; docs/faq.md says what CUDA 13
# takes). With NVIDIA_TF32_OVERRIDE=1 products are rounded to 10 bits, as PyTorch's convolutions are by default. What does not work is named and left out: the processor is measured in any case. The report goes to standard output, and to $OUT/device.md where $OUT is a folder.
set -eu
cd "$(dirname "$0")/.."
python=${1:-python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
limit() { if command -v timeout >/dev/null; then timeout "$@"; else shift; "$@"; fi; }
limit 100 "$python" bench/export.py "$folder" squeezenet1_1 mobilenet_v2 cifar_vgg7 resnet50 vgg19_bn
limit 180 node --import tsx bench/device.ts "$folder" "$python" >"$folder/device.md" || echo "(stopped: time was up, or something failed)" >>"$folder/device.md"
cat "$folder/device.md"
if [ -n "${OUT:-}" ]; then cp "$folder/device.md" "$OUT/device.md"; fi
