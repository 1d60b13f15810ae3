"""How long a learner waits for the first picture of notebook 1, from the start of the kernel.

    python -m benchmarks.first_picture

The notebook's cells are run in a fresh kernel until one shows a picture: the very first time, when the world of sprites
is still to be drawn, and later, when it lies in the cache. Beside them, in turn: a kernel that imports torch, numpy and
matplotlib and shows one picture, the least that any notebook on the subject can do. Prints the figures.
"""

import json
import os
import statistics
import tempfile
import time
from pathlib import Path

import nbformat
from jupyter_client.manager import start_new_kernel

OUT = Path(__file__).with_suffix(".json")
NOTEBOOK = Path(__file__).resolve().parent.parent / "notebooks" / "01_intuition_and_noising.ipynb"
TURNS = 5
LEAST = """
import matplotlib.pyplot as plt
import numpy as np
import torch

plt.imshow(np.asarray(torch.rand(16, 16)))
plt.show()
"""


def seconds(sources, cache: str) -> float:
    """From the start of a kernel to the first picture that one of the cells shows."""
    start, found = time.perf_counter(), []

    def look(message):
        if "image/png" in message["content"].get("data", {}):
            found.append(time.perf_counter() - start)

    manager, client = start_new_kernel(cwd=NOTEBOOK.parent, env={**os.environ, "INKDROP_CACHE": cache})
    try:
        for source in sources:
            reply = client.execute_interactive(source, output_hook=look, timeout=300)["content"]
            if reply["status"] == "error":
                raise RuntimeError(f"a cell failed: {reply['ename']}: {reply['evalue']}")
            if found:
                return found[0]
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    raise RuntimeError("no cell showed a picture")


def read() -> dict:
    """Medians in seconds, and how many times the least it is."""
    lesson = [cell.source for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.cell_type == "code"]
    took = {"torch, matplotlib, one picture": [], "notebook 1, first time": [], "notebook 1, later": []}
    for _ in range(TURNS):
        with tempfile.TemporaryDirectory() as cache:
            for name, sources in zip(took, ([LEAST], lesson, lesson), strict=True):
                took[name].append(seconds(sources, cache))
    medians = {name: statistics.median(found) for name, found in took.items()}
    least = medians["torch, matplotlib, one picture"]
    return {name: {"seconds": round(t, 2), "times the least": round(t / least, 2)} for name, t in medians.items()}


def main() -> None:
    print(json.dumps(read(), indent=2))


if __name__ == "__main__":
    main()
