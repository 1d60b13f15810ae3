"""What a teacher hands out and reads back.

That every solution passes its check, a rehearsal shows (`make test`).
"""

import copy
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from helpers.lesson import checks_1 as checks
from tools import classroom

ROOT = Path(__file__).parent.parent
every_notebook = pytest.mark.parametrize("path", classroom.PATHS, ids=lambda path: path.stem)


def read(path):
    return nbformat.read(path, as_version=4)


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def content(folder):
    """Every file below a folder, by its name."""
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def handed_out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("out") / "class"
    classroom.hand_out(folder)
    return folder


# ---- to hand out ----


@every_notebook
def test_a_blank_notebook_holds_the_lesson_without_outputs_and_solutions(path, handed_out):
    file = handed_out / "blank" / path.name
    ours, theirs = read(path), read(file)
    nbformat.validate(theirs)
    for cell, given in zip(code(theirs), code(ours), strict=True):  # so it runs as ours does
        assert (cell.source, cell.metadata) == (given.source, given.metadata)
    assert not any(cell.outputs or cell.execution_count for cell in code(theirs))
    assert "image/png" not in file.read_text(encoding="utf-8")

    solutions = classroom.tagged(ours, "solution")
    assert len(theirs.cells) == len(ours.cells) - len(solutions) and not classroom.tagged(theirs, "solution")
    text = "\n".join(cell.source for cell in theirs.cells)
    assert "<details>" not in text and "Open In Colab" not in text
    assert not [answer for answer in map(classroom.solution, solutions) if answer in text]


@every_notebook
def test_a_solved_notebook_has_each_answer_where_its_check_sits(path, handed_out):
    ours, theirs = read(path), read(handed_out / "solved" / path.name)
    nbformat.validate(theirs)
    answered = classroom.tagged(theirs, "exercise")
    for cell, given, answer in zip(
        answered, classroom.tagged(ours, "exercise"), classroom.tagged(ours, "solution"), strict=True
    ):
        assert cell.source.startswith(classroom.solution(answer))
        assert cell.source.splitlines()[-1] == given.source.splitlines()[-1]
        assert "..." not in cell.source and cell.outputs == [] and cell.execution_count is None
        compile(cell.source, "answer", "exec")
    for cell, given in zip(theirs.cells, ours.cells, strict=True):
        assert cell in answered or cell == given


def test_writing_twice_gives_the_same_bytes(tmp_path, handed_out):
    classroom.hand_out(tmp_path / "class")
    classroom.hand_out(tmp_path / "class")
    assert content(tmp_path / "class") == content(handed_out)
    assert len(content(handed_out)) == 2 * len(classroom.PATHS) >= 6


@pytest.mark.parametrize("name", ["blank/01_intuition_and_noising.ipynb", "blank/ada.ipynb", "handed_in/ada.ipynb"])
def test_a_folder_with_somebodys_work_is_left_as_it_is(tmp_path, name):
    work = tmp_path / name
    work.parent.mkdir(parents=True)
    work.write_text("the work of a week")
    with pytest.raises(classroom.ClassroomError, match=rf"{work.name} .* Nothing has been changed.*--out"):
        classroom.hand_out(tmp_path)
    assert content(tmp_path) == {Path(name): b"the work of a week"}


@pytest.mark.skipif(os.name == "nt", reason="not everybody may make links there")
def test_a_link_out_of_the_folder_is_not_written_through(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "blank").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(classroom.ClassroomError, match="blank is not what would be written"):
        classroom.hand_out(tmp_path / "class")
    assert not content(tmp_path / "elsewhere")


# ---- handed in ----


def said(passed):
    """What a check leaves in a notebook."""
    return new_output("execute_result", {"text/plain": repr(checks.Result(passed, "Because."))}, execution_count=1)


ERROR = new_output("error", ename="NameError", evalue="name 'bta' is not defined", traceback=[])


@pytest.fixture
def hand_in(tmp_path, handed_out):
    """hand_in("ada.ipynb", [outputs of exercise 1, of 2, ...]): notebook 1, its first exercises answered somehow."""

    def write(name, answers, change=lambda notebook: None):
        notebook = read(handed_out / "blank" / classroom.PATHS[0].name)
        for cell, outputs in zip(classroom.tagged(notebook, "exercise"), answers, strict=False):
            cell.source, cell.outputs = "# mine\n" + cell.source, outputs
        change(notebook)
        (tmp_path / name).parent.mkdir(exist_ok=True)
        nbformat.write(notebook, tmp_path / name)

    return write


def table(folder):
    """What is said of each file: the marks, or the whole line."""
    lines = classroom.collect(folder).splitlines()
    return {line.split()[0].rstrip(":"): line.split(maxsplit=1)[1] for line in lines if ".ipynb" in line}


def test_what_the_checks_said_is_collected(tmp_path, hand_in):
    hand_in("ada.ipynb", [[said(True)]] * 4)
    hand_in("ben/01.ipynb", [[said(True)], [ERROR], [said(None)], []])
    hand_in("cleo.ipynb", [])
    assert table(tmp_path) == {
        "ada.ipynb": "✓ ✓ ✓ ✓   4",
        "ben/01.ipynb": "✓ ✗ · ?   1",
        "cleo.ipynb": "· · · ·   0",
    }


def test_an_exercise_that_is_wrong_as_it_is_given_counts_as_empty(tmp_path, hand_in):
    def run(notebook):
        for cell in classroom.tagged(notebook, "exercise"):
            cell.outputs = [said(False)]

    hand_in("ada.ipynb", [], run)
    assert table(tmp_path) == {"ada.ipynb": "· · · ·   0"}


def test_exercises_are_found_without_ids_and_tags(tmp_path, hand_in):
    def as_other_programs_save(notebook):
        notebook.nbformat_minor = 0
        for cell in notebook.cells:
            del cell["id"]
            cell.metadata = {"id": "x7"}
        notebook.cells.insert(3, copy.deepcopy(code(notebook)[-1]))

    hand_in("ada.ipynb", [[said(True)], [said(False)]], as_other_programs_save)
    assert table(tmp_path) == {"ada.ipynb": "✓ ✗ · ·   1"}


def test_a_deleted_exercise_is_told_and_of_two_the_last_counts(tmp_path, hand_in):
    def delete_and_repeat(notebook):
        first, second = classroom.tagged(notebook, "exercise")[:2]
        notebook.cells.remove(first)
        notebook.cells.append(new_code_cell(second.source, outputs=[said(True)]))

    hand_in("ada.ipynb", [[], [said(False)]], delete_and_repeat)
    assert table(tmp_path) == {"ada.ipynb": "? ✓ · ·   1"}


def test_nothing_that_is_handed_in_is_run(tmp_path, hand_in):
    def trap(notebook):
        notebook.cells.insert(0, new_code_cell(f"open({str(tmp_path / 'sprung')!r}, 'w')"))

    hand_in("ada.ipynb", [[said(True)]], trap)
    assert table(tmp_path) == {"ada.ipynb": "✓ · · ·   1"} and not (tmp_path / "sprung").exists()


def test_each_notebook_of_the_series_has_its_table(handed_out):
    expected = {}
    for path in classroom.PATHS:
        n = len(classroom.tagged(read(path), "exercise"))
        expected[f"blank/{path.name}"] = " ".join("·" * n) + "   0"
        expected[f"solved/{path.name}"] = " ".join("?" * n) + "   0"
    assert table(handed_out) == expected
    assert classroom.LEGEND in classroom.collect(handed_out)


def test_every_check_belongs_to_one_exercise():
    names = [name for path in classroom.PATHS for name in classroom.exercises(path)]
    assert len(names) == len(set(names)) == sum(len(classroom.tagged(read(p), "exercise")) for p in classroom.PATHS)


FOREIGN = {
    "empty": b"",
    "a picture": b"\x89PNG\r\n\x1a\n\x00\xff",
    "cut short": classroom.PATHS[0].read_bytes()[:5000],
    "no outputs": json.dumps({"cells": [{"cell_type": "code", "source": "checks.one_step(f)"}]}).encode(),
    "deep": b'{"cells": ' + b"[" * 100_000,
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_damaged_file_gets_a_line_and_the_others_are_read(tmp_path, hand_in, kind):
    hand_in("ada.ipynb", [[said(True)]])
    (tmp_path / "bad.ipynb").write_bytes(FOREIGN[kind])
    found = table(tmp_path)
    assert found["ada.ipynb"] == "✓ · · ·   1"
    assert re.fullmatch(r"not a notebook that can be read \(\w+\)\. Ask for it again\.", found["bad.ipynb"])


@pytest.mark.skipif(os.name == "nt", reason="no such names there")
def test_foreign_notebooks_and_strange_names(tmp_path, hand_in):
    nbformat.write(new_notebook(cells=[new_code_cell("checks.something(1)")]), tmp_path / "other.ipynb")
    hand_in(".ipynb_checkpoints/ada-checkpoint.ipynb", [])
    hand_in("a\x1b[2J.ipynb", [])
    (tmp_path / "folder.ipynb").mkdir()
    assert table(tmp_path) == {"a?[2J.ipynb": "· · · ·   0", "other.ipynb": "none of the exercises is in it."}


# ---- the command ----


def test_the_command(tmp_path, hand_in):
    def command(*arguments, **variables):
        return subprocess.run(
            [sys.executable, "-m", "tools.classroom", *map(str, arguments)],
            cwd=ROOT,
            env={**os.environ, **variables},
            capture_output=True,
            encoding="utf-8",
        )

    out = tmp_path / "class"
    done = command("--out", out)
    assert done.returncode == 0 and len(done.stdout.splitlines()) == len(content(out))
    hand_in("in/ada.ipynb", [[said(True)]])
    done = command("collect", tmp_path / "in", PYTHONIOENCODING="cp1252")  # as in a pipe on Windows
    assert done.returncode == 0 and re.search(r"^ada\.ipynb +✓ · · ·   1$", done.stdout, re.M)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["collect"], "the following arguments are required: folder"),
        (["collect", "nowhere"], "nowhere: no notebooks there"),
        (["--out", "notebooks"], "Nothing has been changed"),
        (["--out", "README.md"], "Not a directory|exists"),
        (["hand-out"], "invalid choice"),
    ],
)
def test_errors_are_told_in_a_line(arguments, message, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "argv", ["classroom", *arguments])
    with pytest.raises(SystemExit) as stopped:
        classroom.main()
    assert stopped.value.code and re.search(message, capsys.readouterr().err)
