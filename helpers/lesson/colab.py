"""In Colab, once the project is there: install what is missing, say which device the notebook will use.

Nothing here may need a package at import: it may be one of those that are missing.
"""

import importlib.metadata
import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"
KEPT = "numpy", "torch"  # Colab's own, on which much else is built: never installed
IMPORTED_AS = {"pillow": "PIL"}


class ColabError(RuntimeError):
    """The notebook cannot run here. The message says what to do; IPython shows it alone, without the calls."""

    def _render_traceback_(self, *_):
        return [str(self)]


def ready(gpu: bool) -> None:
    """Have pip install what is missing, and say on what the notebook runs: a GPU, if it uses one and there is one.

    Raises ColabError if something cannot be installed.
    """
    if wanted := missing():
        # Named with the versions that are there, torch and numpy stay as they are.
        kept = [f"{name}=={importlib.metadata.version(name)}" for name in KEPT]
        command = [sys.executable, "-m", "pip", "install", "--quiet", *kept, *wanted]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            names = " ".join(wanted)
            raise ColabError(f"pip cannot install {names}. Check the network and run this cell again.\n{done.stderr}")
        importlib.invalidate_caches()
    print(f"Inkdrop is ready, in {PYPROJECT.parent}. This notebook runs on {device(gpu)}.")


def missing() -> list[str]:
    """The requirements in pyproject.toml that cannot be imported: their names and ranges. Never torch or numpy."""
    requirements = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]["dependencies"]
    names = {re.match(r"[\w-]+", requirement).group(): requirement for requirement in requirements}
    return [
        requirement
        for name, requirement in names.items()
        if name not in KEPT and not importlib.util.find_spec(IMPORTED_AS.get(name, name))
    ]


def device(gpu: bool) -> str:
    """What the notebook runs on, in words."""
    if not gpu:
        return "the CPU and needs no GPU"
    import torch

    if torch.cuda.is_available():
        return f"the GPU ({torch.cuda.get_device_name()})"
    return "the CPU. With a GPU it is faster: Runtime > Change runtime type > T4 GPU"
