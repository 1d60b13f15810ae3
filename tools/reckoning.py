"""How long a lesson takes its learner, reckoned: python -m tools.reckoning

Words at 200 a minute (text and captions; not folded solutions), a visible line of code 6 seconds, an exercise 5
minutes, a prediction 1, a slider or a plane 1, and what the cells take to run.
"""

import re
from dataclasses import dataclass

import nbformat

from tools import notebooks

# Minutes that the cells take on two idle cores, as last read.
RUNNING = {"01_intuition_and_noising": 1, "02_training": 5, "03_sampling": 2}
RUNNING |= {"04_asking": 2, "05_memory_or_imagination": 1, "06_fewer_steps": 2}
SLIDES = re.compile(r"(Scrubber|The plane|Playground|Live panel)\b")  # how the text of such an output begins
DETAILS = re.compile(r"<details>.*?</details>", re.DOTALL)


@dataclass(frozen=True)
class Reckoning:
    """What a lesson asks of its learner, in numbers."""

    cells: int
    words: int
    lines: int  # of code that is not folded
    longest: int  # lines of the longest such cell
    exercises: int
    predictions: int
    sliders: int
    running: float  # minutes

    @property
    def minutes(self) -> float:
        reading = self.words / 200 + self.lines * 6 / 60
        return reading + 5 * self.exercises + self.predictions + self.sliders + self.running


def lines(source: str) -> int:
    """Lines of a cell that are not empty."""
    return sum(bool(line.strip()) for line in source.splitlines())


def reckon(notebook: nbformat.NotebookNode, running: float = 0) -> Reckoning:
    """The reckoning of a notebook that was run; `running` is in minutes."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    text = [DETAILS.sub("", cell.source) for cell in notebook.cells if cell.cell_type == "markdown"]
    data = [output.data for cell in code for output in cell.outputs if "data" in output]
    captions = re.findall(r"<figcaption[^>]*>(.*?)</figcaption>", "".join(d.get("text/html", "") for d in data))
    open_cells = [lines(cell.source) for cell in code if not cell.source.startswith("# @title ")]
    return Reckoning(
        cells=len(notebook.cells),
        words=sum(len(re.findall(r"[^\W_]+", re.sub(r"\]\([^)]*\)|<[^>]*>", " ", t))) for t in [*text, *captions]),
        lines=sum(open_cells),
        longest=max(open_cells, default=0),
        exercises=sum("exercise" in cell.metadata.get("tags", []) for cell in code),
        predictions=sum(t.count("**Predict first.**") for t in text),
        sliders=sum(any(SLIDES.match(o.get("data", {}).get("text/plain", "")) for o in c.outputs) for c in code),
        running=running,
    )


def stated(notebook: nbformat.NotebookNode) -> int:
    """The minutes that a lesson's first cell promises."""
    return int(re.search(r"In about (\d+) minutes", notebook.cells[0].source)[1])


def main() -> None:
    for path in sorted(notebooks.FOLDER.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        found = reckon(notebook, RUNNING.get(path.stem, 0))
        print(f"{path.stem}: {found.minutes:.0f} minutes, {stated(notebook)} stated. {found}")


if __name__ == "__main__":
    main()
