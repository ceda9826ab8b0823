"""
Exports networks one after another for run.ts, in one process: Python's imports take longer than most of them.

Reads a JSON object a line: {"source": "timm", "name": "resnet18", "folder": "/tmp/x", …}, writes {} or {"failure": "…"} for each.
"""
import contextlib
import importlib
import json
import os
import re
import resource
import sys
import tempfile
import warnings

warnings.filterwarnings("ignore")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("YOLO_AUTOINSTALL", "false")
os.environ.setdefault("YOLO_CONFIG_DIR", tempfile.gettempdir())


def main():
    answers = os.fdopen(os.dup(1), "w")
    # What libraries print is not an answer.
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            module = importlib.import_module(request["source"] + "_models")
            with contextlib.redirect_stdout(sys.stderr):
                module.write(request, request["folder"])
            answer = {}
        except Exception as error:
            lines = [line for line in re.sub(r"\x1b\[[0-9;]*m", "", str(error)).split("\n") if line.strip()]
            # PyTorch's exporter says the reason last.
            said = lines[0] if len(lines) < 2 else f"{lines[0]} … {lines[-1].strip()}"
            answer = {"failure": f"{type(error).__name__}: {said}"[:400]}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
        # TensorFlow keeps what it once had: run.ts starts another process.
        if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > 2.5e6:
            return


if __name__ == "__main__":
    main()
