"""Writes what an export is compared with: arrays and case.json."""
import json
import os

import numpy


def write_case(folder, arrays, about, preprocessing, size, beside=None):
    """`beside` are files that a publisher would put beside the model, by name."""
    for name, array in arrays.items():
        numpy.save(os.path.join(folder, name + ".npy"), array)
    case = about | {"preprocessing": preprocessing, "size": list(size), "beside": sorted(beside or {})}
    with open(os.path.join(folder, "case.json"), "w") as file:
        json.dump(case, file)
    os.makedirs(os.path.join(folder, "beside"), exist_ok=True)
    for name, content in (beside or {}).items():
        with open(os.path.join(folder, "beside", name), "w") as file:
            json.dump(content, file)
