"""Run every notebook and write it back with its outputs, so that a second run changes nothing (`make notebooks`).

What differs from run to run or from machine to machine without meaning anything (widget state and model ids, cell
ids, timings, the Python version) is removed or fixed; the pictures, the text and the stand-alone HTML stay, and so does
the wish for a GPU in Colab.
"""

import os
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from helpers.storage import files

FOLDER = Path(__file__).parent.parent / "notebooks"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"  # points into a kernel that is gone; would hide the HTML
UNFINISHED = "**This lesson is not finished.**"  # stands in the first cell of one that is not
FOLDED = {"cellView": "form", "jupyter": {"source_hidden": True}}  # in Colab and in JupyterLab


def finished(notebook: nbformat.NotebookNode) -> bool:
    """Whether it is a whole lesson. One that is not says so to its reader, and need not have all that a lesson has."""
    return UNFINISHED not in notebook.cells[0].source


def execute(notebook: nbformat.NotebookNode, folder: Path = FOLDER) -> nbformat.NotebookNode:
    """Run all cells in a fresh kernel that works in `folder`; raises `CellExecutionError` on the first failure."""
    client = NotebookClient(
        notebook,
        timeout=1200,
        kernel_name="python3",
        record_timing=False,
        store_widget_state=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(folder)}},
    )
    return client.execute()


def normalise(notebook: nbformat.NotebookNode, name: str) -> nbformat.NotebookNode:
    """Fix ids and metadata and drop what a kernel leaves behind. Changes `notebook` and returns it."""
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    wish = {key: notebook.metadata[key] for key in ("accelerator", "colab") if key in notebook.metadata}
    notebook.metadata = nbformat.from_dict(
        {
            **wish,
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    for position, cell in enumerate(notebook.cells, start=1):
        cell.id = f"{name.split('_')[0]}-{position:03d}"
        tags = cell.metadata.get("tags", [])
        folded = FOLDED if cell.cell_type == "code" and cell.source.startswith("# @title ") else {}
        cell.metadata = nbformat.from_dict({**folded, **({"tags": tags} if tags else {})})
        if cell.cell_type == "code":
            data = [output.get("data", {}) for output in cell.outputs]
            still = any("text/html" in of for of in data)  # which says all that a dead widget could
            cell.outputs = [o for o, of in zip(cell.outputs, data, strict=True) if not (still and WIDGET_VIEW in of)]
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(WIDGET_VIEW, None)
    return notebook


def text(notebook: nbformat.NotebookNode) -> str:
    """The file's content: what `nbformat` writes, with one newline at the end."""
    return nbformat.writes(notebook).rstrip("\n") + "\n"


def write(path: Path, content: str) -> None:
    """Replace `path` at once or not at all."""
    files.replace(path, content.encode())


def main() -> None:
    """Run the notebooks named on the command line, or all of them, as if nobody had run any before."""
    os.environ |= {"INKDROP_QUIET": "1", "INKDROP_STRICT": "1"}  # no progress bars; a false claim stops the run
    with tempfile.TemporaryDirectory() as cache:  # with no run of a learner's to go on with
        os.environ["INKDROP_CACHE"] = cache
        run()


def run() -> None:
    paths = [Path(name).resolve() for name in sys.argv[1:]] or sorted(FOLDER.glob("*.ipynb"))
    for path in paths:
        print(f"{path.name} …", flush=True)
        notebook = normalise(execute(nbformat.read(path, as_version=4), path.parent), path.stem)
        write(path, text(notebook))
        print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
