"""The house's rules: who imports whom, how long a file may be, and that the map names what is there."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = "core", "storage", "world", "lesson"  # each imports itself and those before it
FILES = sorted((ROOT / "helpers").rglob("*.py"))
MAPS = [path for path in FILES if path.name == "__init__.py"]


def room(path: Path) -> str:
    return "core" if path.parent.name == "helpers" else path.parent.name


def imports(source: str) -> list[str]:
    """Dotted names of all that is imported, anywhere in the file; a relative import begins with its dots."""
    names = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += [f"{'.' * node.level}{node.module or ''}.{alias.name}" for alias in node.names]
    return names


def breaches(source: str, own: str) -> list[str]:
    """What a file of this room must not import."""
    found = []
    for name in imports(source):
        top, *below = name.split(".")
        if top == "helpers":
            there = next((part for part in below[:1] if part in ROOMS), "core")
            right = ROOMS.index(there) <= ROOMS.index(own)
        elif own == "core":
            right = top == "torch" or top in sys.stdlib_module_names
        else:
            right = top not in ("", "tools", "tests", "benchmarks")
        found += [] if right else [name]
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_arrows_run_one_way(path):
    assert breaches(path.read_text(encoding="utf-8"), room(path)) == []


@pytest.mark.parametrize(
    ("own", "source", "found"),
    [
        ("core", "import math, torch.nn\nfrom torch import Tensor\nfrom helpers import schedule", []),
        ("core", "def draw():\n    import numpy as np", ["numpy"]),
        ("core", "from helpers.storage import files", ["helpers.storage.files"]),
        ("core", "from helpers import world, unet", ["helpers.world"]),
        ("core", "from . import unet", ["..unet"]),
        ("storage", "import safetensors\nfrom helpers.unet import UNet\nfrom helpers.storage import files", []),
        ("storage", "import helpers.world.sprites", ["helpers.world.sprites"]),
        ("world", "if True:\n    from helpers.lesson.pictures import grid", ["helpers.lesson.pictures.grid"]),
        ("lesson", "from helpers.world import sprites\nfrom tools import stamp", ["tools.stamp"]),
    ],
)
def test_an_arrow_the_other_way_is_seen(own, source, found):
    assert breaches(source, own) == found


def test_maps_hold_no_code():
    assert {room(path) for path in MAPS} <= set(ROOMS) and len(MAPS) == len(ROOMS)
    for path in MAPS:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            assert isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant), path


def test_the_map_names_every_room_and_every_file_of_the_core():
    words = (ROOT / "helpers" / "__init__.py").read_text(encoding="utf-8")
    core = {path.stem for path in FILES if room(path) == "core"} - {"__init__"}
    assert [name for name in sorted(core | set(ROOMS[1:])) if name not in words] == []


def test_a_file_is_read_in_one_sitting():
    for path in FILES:
        lines = len(path.read_text(encoding="utf-8").splitlines())
        assert lines <= (170 if room(path) == "core" else 250), path
