"""One address: badges, first cells, README and citation hold what pyproject.toml says; one command restamps them."""

import shutil
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools import notebooks, stamp

ROOT = Path(__file__).parent.parent
PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PAGES = "README.md", "CITATION.cff"
OURS = "https://github.com/somebody/ink-class"


@pytest.fixture
def copy(tmp_path):
    """A copy of all that is stamped."""
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks", ignore=shutil.ignore_patterns(".*"))
    for name in (*PAGES, "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def content(root) -> dict[str, str]:
    """The stamped files."""
    paths = [*(root / name for name in PAGES), *root.glob("notebooks/*.ipynb")]
    return {path.name: path.read_text(encoding="utf-8") for path in paths}


def restamp(root, address):
    pyproject = root / "pyproject.toml"
    pyproject.write_text(pyproject.read_text(encoding="utf-8").replace(stamp.address(root), address), encoding="utf-8")
    stamp.main(root)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_the_notebooks_are_as_stamped(path):
    written = path.read_text(encoding="utf-8")
    again = stamp.stamped(nbformat.reads(written, as_version=4), path.stem, stamp.address())
    assert notebooks.text(again) == written, "run `make stamp`"
    assert stamp.address() in again.cells[1].source


def test_the_readme_is_as_stamped():
    written = (ROOT / "README.md").read_text(encoding="utf-8")
    assert stamp.readme(written, stamp.address()) == written, "run `make stamp`"
    assert all(f"({path.relative_to(ROOT)}) {stamp.badge(path.stem, stamp.address())}" in written for path in PATHS)
    assert written.count(stamp.badges(stamp.address())) == 1
    assert f'repository-code: "{stamp.address()}"' in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


def test_stamping_again_changes_nothing(copy, capsys):
    before = content(copy)
    stamp.main(copy)
    assert content(copy) == before == content(ROOT)


def test_another_address_changes_badges_and_first_cells_only(copy, capsys):
    first = "https://github.com/YOUR_NAME/inkdrop"
    restamp(copy, first)
    before = content(copy)
    restamp(copy, OURS)
    assert content(copy) == {
        name: text.replace(first, OURS)
        .replace("/github/YOUR_NAME/inkdrop/blob/", "/github/somebody/ink-class/blob/")
        .replace("/gh/YOUR_NAME/inkdrop/", "/gh/somebody/ink-class/")
        .replace("codespaces.new/YOUR_NAME/inkdrop", "codespaces.new/somebody/ink-class")
        for name, text in before.items()
    }
    assert all("somebody/ink-class" in text for text in content(copy).values())


def test_an_address_elsewhere_has_no_badge_and_can_be_changed_back(copy, capsys):
    old = stamp.address(copy)
    restamp(copy, "https://gitlab.com/somebody/inkdrop")
    assert "No badges" in capsys.readouterr().out
    assert not any(badge in "".join(content(copy).values()) for badge in ("colab-badge", "badge_logo", "codespaces"))
    restamp(copy, old)
    assert content(copy) == content(ROOT)


def test_an_address_that_asks_for_a_key_is_refused(copy):
    with pytest.raises(SystemExit, match="https://"):
        restamp(copy, "git@github.com:somebody/inkdrop.git")


@pytest.mark.parametrize("ending", ["", "/", ".git", ".git/"])
def test_the_badge_opens_the_notebook_of_that_repository(ending):
    link = "https://colab.research.google.com/github/somebody/ink-class/blob/main/notebooks/02_training.ipynb"
    assert stamp.badge("02_training", OURS + ending).endswith(f"]({link})")
    assert stamp.badge("02_training", OURS + "/tree/main") == ""


def test_the_notebooks_that_use_a_gpu_ask_for_one():
    asking = {}
    for path in PATHS:
        notebook = nbformat.read(path, as_version=4)
        asking[path.stem[:2]] = notebook.metadata.get("accelerator"), notebook.metadata.get("colab")
        assert f"gpu={path.stem[:2] != '01'}" in notebook.cells[1].source
    gpu = ("GPU", {"gpuType": "T4", "provenance": []})
    assert asking.pop("01") == (None, None) and set(asking) >= {"02", "03"}
    assert all(asked == gpu for asked in asking.values())


def test_a_notebook_that_was_run_stays_counted():
    output = new_output("execute_result", {"text/plain": "2"}, execution_count=1)
    cells = [new_markdown_cell("# Title"), new_code_cell("1 + 1", execution_count=1, outputs=[output])]
    stamped = stamp.stamped(new_notebook(cells=cells), "09_new", OURS)
    assert [cell.get("execution_count") for cell in stamped.cells] == [None, 1, 2]
    assert stamped.cells[2].outputs[0].execution_count == 2
    assert stamped.cells[0].source == "# Title\n\n" + stamp.badge("09_new", OURS)


def test_a_notebook_that_was_not_run_stays_so():
    cells = [new_markdown_cell("# Title\n\nText."), new_code_cell("1 + 1")]
    stamped = stamp.stamped(new_notebook(cells=cells), "09_new", OURS)
    assert [cell.get("execution_count") for cell in stamped.cells] == [None, None, None]
