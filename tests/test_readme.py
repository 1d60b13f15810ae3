"""The README says what is so: its ten lines run, its links and its tree lead to what is there, its picture moves."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from helpers.world import judge, sprites
from tools import moving_picture

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
TEN = re.search(r"```python\n(.*?)```", README, re.DOTALL).group(1)


def test_the_whole_idea_is_ten_lines_that_run(capsys):
    assert sum(bool(line.strip()) for line in TEN.splitlines()) == 10
    assert TEN.count("steps=1750") == TEN.count("steps=50") == 1
    short = TEN.replace("steps=1750", "steps=2").replace("steps=50", "steps=2")
    exec(compile(short, "README.md", "exec"), {})
    assert capsys.readouterr().out.startswith("16 pictures: ")


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "benchmarks/README.md", "benchmarks/LOG.md"])
def test_links_lead_to_what_is_there(name):
    page = ROOT / name
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    here = [link for link in links if "://" not in link]
    assert here and [link for link in here if not exists(page, link)] == []


def exists(page: Path, link: str) -> bool:
    """Whether a link of a Markdown page leads to a file, and its fragment to a heading there."""
    path, _, fragment = link.partition("#")
    there = page.parent / path if path else page
    if not fragment or not there.exists():
        return there.exists()
    headings = re.findall(r"^#+ (.+)$", there.read_text(encoding="utf-8"), re.MULTILINE)
    return fragment in [re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings]


def test_the_tree_names_what_is_there():
    tree = re.search(r"## What is where\n\n```\n(.*?)```", README, re.DOTALL).group(1)
    folders, paths = [], []
    for indent, name in re.findall(r"^((?:  )*)(\S+)", tree, re.MULTILINE):
        folders[len(indent) // 2 :] = [name]
        paths.append("".join(folders))
    assert [path for path in paths if not (ROOT / path).exists()] == []
    core = {path.relative_to(ROOT).as_posix() for path in (ROOT / "helpers").glob("[!_]*.py")}
    rooms = {path.relative_to(ROOT).as_posix() for path in (ROOT / "helpers").glob("*/[!_]*.py")}
    assert core <= set(paths)
    assert {path for path in rooms if not re.search(r"_\d\.py$", path)} <= set(paths)


def test_the_hat_of_contributing_would_be_the_next_one():
    recipe = (ROOT / "sprites" / "recipe.toml").read_text(encoding="utf-8")
    lists = re.findall(r"^ +(\w+ = \[.*), \"cap\"\]", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.M)
    assert len(lists) == 2 and all(f"{line}]" in recipe for line in lists)


def test_every_command_of_make_that_is_named_is_in_the_makefile():
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"^make ([\w-]+)|`make ([\w-]+)", README, re.MULTILINE))
    assert {name for pair in named for name in pair if name} <= targets


def test_the_moving_picture_is_small_moves_and_ends_with_sixteen_sprites():
    assert moving_picture.PATH.stat().st_size < 1e6
    with Image.open(moving_picture.PATH) as picture:
        assert picture.n_frames > 40 and picture.size == (730, 234)
        picture.seek(picture.n_frames - 1)
        last = np.asarray(picture.convert("RGB"))
    scale, gap, tile = moving_picture.SCALE, moving_picture.GAP, moving_picture.TILE
    corners = [(gap + row * tile, gap + column * tile) for row in range(2) for column in range(8)]
    drawn = [last[y : y + 16 * scale : scale, x : x + 16 * scale : scale] for y, x in corners]
    world = sprites.load()
    report = judge.judge(np.stack(drawn), world, world.split()[0])
    assert report.valid.all() and report.distinct == 16
