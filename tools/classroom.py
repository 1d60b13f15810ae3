"""Notebooks for a class: what to hand out, and who has solved what. TEACHING.md says how a teacher uses both.

    python -m tools.classroom [--out class]     write class/blank and class/solved (`make class`)
    python -m tools.classroom collect FOLDER    print who has solved what, for all notebooks in a folder

`collect` reads what the checks said when the learners ran them. It runs nothing of what was handed in.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path

import nbformat

from helpers.lesson import checks
from tools import notebooks, stamp

PATHS = sorted(notebooks.FOLDER.glob("*.ipynb"))
RIGHT, WRONG, EMPTY, UNKNOWN = "✓✗·?"
LEGEND = f"{RIGHT} accepted   {WRONG} not yet   {EMPTY} as handed out   {UNKNOWN} gone, or not run"


class ClassroomError(Exception):
    """A folder that cannot be used. The message says what to do."""


def tagged(notebook, tag: str) -> list:
    """The cells with a tag, in order."""
    return [cell for cell in notebook.cells if tag in cell.metadata.get("tags", [])]


def unrun(cells: Iterable) -> None:
    """Forget the outputs of code cells."""
    for cell in cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None


# ---- to hand out ----


def blank(notebook):
    """The notebook without outputs, solutions and the badge that leads to them. Changes it and returns it."""
    solutions = tagged(notebook, "solution")
    notebook.cells = [cell for cell in notebook.cells if cell not in solutions]
    notebook.cells[0].source = stamp.BADGE.sub("", notebook.cells[0].source)
    unrun(notebook.cells)
    return notebook


def solution(cell) -> str:
    """The code inside a folded solution."""
    assert cell.source.startswith("<details><summary>Solution</summary>")
    return re.search(r"```python\n(.*?)\n```", cell.source, flags=re.DOTALL).group(1)


def solved(notebook):
    """The notebook with every exercise answered by the solution that follows it, not run. Changes and returns it."""
    exercises = tagged(notebook, "exercise")
    for exercise, answer in zip(exercises, tagged(notebook, "solution"), strict=True):
        check = re.search(r"\n+.*$", exercise.source).group()  # the last line, and the empty ones above it
        exercise.source = solution(answer) + check
    unrun(exercises)
    return notebook


def hand_out(out: Path) -> list[Path]:
    """Write blank/ and solved/ in the folder `out`; the files written.

    Raises ClassroomError, before anything is written, if the folder holds anything else: it may be a learner's work.
    """
    contents = {
        out / kind.__name__ / path.name: notebooks.text(kind(nbformat.read(path, as_version=4)))
        for kind in (blank, solved)
        for path in PATHS
    }
    for path in out.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            continue
        if path not in contents or path.read_bytes() != contents[path].encode():
            raise ClassroomError(
                f"{path} is not what would be written, so it may be somebody's work. Nothing has been changed. Move "
                f"{out} away, or name another folder with --out."
            )
    for path, content in contents.items():
        notebooks.write(path, content)
    return list(contents)


# ---- handed in ----


def exercises(path: Path) -> dict[str, dict]:
    """Name of the check -> the cell that calls it; of several the last. Raises almost anything if the file is bad.

    The check tells what a cell is for, since ids and tags do not survive every program that learners use.
    """
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    return {name: cell for cell in code for name in re.findall(r"^checks\.(\w+)\(", _text(cell["source"]), re.M)}


def mark(cell: dict | None, given: dict) -> str:
    """What became of an exercise: RIGHT or WRONG as its check said, EMPTY or UNKNOWN."""
    if cell is None:
        return UNKNOWN
    if _text(cell["source"]).split() == _text(given["source"]).split():
        return EMPTY
    for output in reversed(cell["outputs"]):
        if output["output_type"] == "error":
            return WRONG
        said = _text(output.get("data", {}).get("text/plain", ""))
        for passed, means in {True: RIGHT, False: WRONG, None: EMPTY}.items():
            if said.startswith(checks.MARKS[passed]):
                return means
    return UNKNOWN


def collect(folder: Path) -> str:
    """A table for each notebook of the series, with a line for each file, and a line on each file that is no use."""
    paths = sorted(path for path in folder.rglob("*.ipynb") if path.is_file())
    paths = [path for path in paths if ".ipynb_checkpoints" not in path.parts]
    if not paths:
        raise ClassroomError(f"{folder}: no notebooks there. Name the folder that holds what was handed in.")
    series = {path.stem: exercises(path) for path in PATHS}
    rows, notes = {title: [] for title in series}, []
    for path in paths:
        name = "".join(letter if letter.isprintable() else "?" for letter in str(path.relative_to(folder)))
        try:
            answers = exercises(path)
            found = {
                title: [mark(answers.get(check), cell) for check, cell in given.items()]
                for title, given in series.items()
                if given.keys() & answers.keys()
            }
        except Exception as error:  # whatever is in a file that somebody has handed in, the others are still read
            notes.append(f"{name}: not a notebook that can be read ({type(error).__name__}). Ask for it again.")
            continue
        if not found:
            notes.append(f"{name}: none of the exercises is in it.")
        for title, marks in found.items():
            rows[title].append((name, marks))

    width = max(len(text) for text in [*series, *(name for of in rows.values() for name, _ in of)])
    lines = []
    for title, of in rows.items():
        if of:
            numbers = (str(number + 1) for number in range(len(series[title])))
            lines += [f"{title:{width}}   {' '.join(numbers)}   right"]
            lines += [f"{name:{width}}   {' '.join(marks)}   {marks.count(RIGHT)}" for name, marks in of] + [""]
    return "\n".join([*lines, LEGEND, *notes])


def _text(source: str | list[str]) -> str:
    """A text in a notebook file: whole, or as a list of lines."""
    return source if isinstance(source, str) else "".join(source)


def main() -> None:
    sys.stdout.reconfigure(encoding="utf-8")  # the marks, on any system
    parser = argparse.ArgumentParser(prog="python -m tools.classroom", description="Write notebooks for a class.")
    parser.add_argument("--out", type=Path, default=Path("class"), help="folder for blank/ and solved/ (%(default)s)")
    commands = parser.add_subparsers(dest="command", title="or read what was handed in")
    parser_collect = commands.add_parser("collect", help="print who has solved what; runs nothing")
    parser_collect.add_argument("folder", type=Path, help="holds the notebooks handed in, at any depth")
    arguments = parser.parse_args()
    try:
        if arguments.command == "collect":
            print(collect(arguments.folder))
        else:
            print(*hand_out(arguments.out), sep="\n")
    except (ClassroomError, OSError) as error:
        parser.exit(1, f"{error}\n")


if __name__ == "__main__":
    main()
