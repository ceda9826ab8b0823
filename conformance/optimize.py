"""Writes optimized.onnx beside some of the fixtures' model.onnx: what onnxruntime makes of them at the level "extended", with
fused operators of the domain com.microsoft. The numbers that PyTorch computed stay the right ones.

Run: python3 conformance/optimize.py [NAME…], with the Python package onnxruntime (1.30.0 made those here).
"""
import os
import sys

import onnxruntime

folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures")
for name in sys.argv[1:] or ["convnext", "fire", "swin", "transformer", "transformer-opset-11"]:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = os.path.join(folder, name, "optimized.onnx")
    options.log_severity_level = 3
    onnxruntime.InferenceSession(os.path.join(folder, name, "model.onnx"), options, providers=["CPUExecutionProvider"])
