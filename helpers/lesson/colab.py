"""In Colab, once the project is there: install what is missing, say which device the notebook will use.

Nothing here may need a package at import: it may be one of those that are missing.
"""

import importlib.metadata
import importlib.util
import re
import subprocess
import sys
import tempfile
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
    """Make the notebook run here, and say on what.

    gpu  whether the notebook uses a GPU where there is one

    Raises ColabError if a package is missing and cannot be installed.
    """
    install(missing())
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


def install(requirements: list[str]) -> None:
    """Have pip install them, if there are any, and leave torch and numpy as they are.

    Raises ColabError if that cannot be done.
    """
    if not requirements:
        return
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as constraints:
        constraints.writelines(f"{name}=={importlib.metadata.version(name)}\n" for name in KEPT)
        constraints.flush()
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--constraint", constraints.name, *requirements]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        wanted = " ".join(requirements)
        raise ColabError(f"pip cannot install {wanted}. Check the network and run this cell again.\n{done.stderr}")
    importlib.invalidate_caches()


def device(gpu: bool) -> str:
    """What the notebook runs on, in words."""
    if not gpu:
        return "the CPU and needs no GPU"
    import torch

    if torch.cuda.is_available():
        return f"the GPU ({torch.cuda.get_device_name()})"
    return "the CPU. With a GPU it is faster: Runtime > Change runtime type > T4 GPU"
