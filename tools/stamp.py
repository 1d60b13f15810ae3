"""Write the project's address wherever it stands: `make stamp`, after a change of it in pyproject.toml.

Each notebook gets a badge that opens it in Colab, a first cell that fetches the project there (bootstrap.py), and, if
it uses a GPU, a wish for one. The README gets these badges and those of other places where Inkdrop runs, CITATION.cff
the address. Stamping twice changes nothing.
"""

import inspect
import json
import re
import tomllib
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell

from tools import bootstrap, notebooks

ROOT = Path(__file__).parent.parent
TAG = "bootstrap"  # of the first cell
TITLE = "# @title For Colab: fetches Inkdrop, says which device is used. Elsewhere it does nothing.\n"
BADGE = re.compile(r"\s*\[!\[Open In Colab\]\([^)]*\)\]\([^)]*\)")
BADGES = re.compile(r"(<!-- badges: written by `make stamp` -->\n).*?(<!-- end of badges -->)", re.DOTALL)
GITHUB = re.compile(r"https://github\.com/(?P<repository>[^/]+/[^/]+?)(\.git)?/?")


def address(root: Path = ROOT) -> str:
    """The address in pyproject.toml. Raises SystemExit if it is of the kind that asks for a key."""
    found = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]["Repository"]
    if "://" not in found:
        raise SystemExit(f"pyproject.toml: {found} is for people with a key. Write Repository as https://…")
    return found


def badge(name: str, address: str) -> str:
    """Markdown of the badge that opens a notebook in Colab. "" if the address is not on GitHub: Colab needs that."""
    github = GITHUB.fullmatch(address)
    if not github:
        return ""
    link = f"https://colab.research.google.com/github/{github['repository']}/blob/main/notebooks/{name}.ipynb"
    return f"[![Open In Colab](https://colab.research.google.com/assets/colab-badge.svg)]({link})"


def badges(address: str) -> str:
    """Markdown of the badges that open the whole project in Binder and in Codespaces. "" if it is not on GitHub."""
    github = GITHUB.fullmatch(address)
    if not github:
        return ""
    first = "urlpath=lab/tree/notebooks/01_intuition_and_noising.ipynb"
    return (
        "[![Open in Binder](https://mybinder.org/badge_logo.svg)]"
        f"(https://mybinder.org/v2/gh/{github['repository']}/main?{first}) "
        "[![Open in GitHub Codespaces](https://github.com/codespaces/badge.svg)]"
        f"(https://codespaces.new/{github['repository']})\n"
    )


def cell(address: str, gpu: bool = False) -> str:
    """The code of the first cell.

    address  of a git repository that everyone can read
    gpu      whether the notebook uses a GPU where there is one
    """
    function = inspect.getsource(bootstrap.inkdrop_in_colab)
    call = f"inkdrop_in_colab({json.dumps(address)}, gpu={gpu})"
    return f"{TITLE}{function}\n\n{call}\ndel inkdrop_in_colab"


def stamped(notebook: nbformat.NotebookNode, name: str, address: str) -> nbformat.NotebookNode:
    """The notebook with its badge, its first cell and its wish for a GPU. Changes `notebook` and returns it."""
    title, *lesson = notebook.cells
    lesson = [cell for cell in lesson if TAG not in cell.metadata.get("tags", [])]
    heading, _, rest = BADGE.sub("", title.source).partition("\n")
    title.source = "\n\n".join(filter(None, [heading, badge(name, address), rest.strip()]))

    gpu = any(cell.cell_type == "code" and "cuda" in cell.source for cell in lesson)
    first = new_code_cell(cell(address, gpu), metadata={"tags": [TAG]})
    notebook.cells = [title, first, *lesson]
    number(notebook)
    for key in ("accelerator", "colab"):
        notebook.metadata.pop(key, None)
    if gpu:
        notebook.metadata.update(accelerator="GPU", colab={"gpuType": "T4", "provenance": []})
    return notebooks.normalise(notebook, name)


def number(notebook: nbformat.NotebookNode) -> None:
    """Count the cells of a notebook that has been run, as if its first cell had been run with them."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if not any(cell.execution_count for cell in cells):
        return
    for count, cell in enumerate(cells, start=1):
        cell.execution_count = count
        for output in cell.outputs:
            if "execution_count" in output:
                output.execution_count = count


def readme(content: str, address: str) -> str:
    """The README with a badge beside each link to a notebook in its table, and the other badges in their place."""
    link = re.compile(rf"(\| \[[^]]*\]\(notebooks/(\w+)\.ipynb\))(?:{BADGE.pattern})?")
    content = link.sub(lambda found: f"{found[1]} {badge(found[2], address)}".rstrip(), content)
    return BADGES.sub(lambda found: found[1] + badges(address) + found[2], content)


def citation(content: str, address: str) -> str:
    """CITATION.cff with the address."""
    return re.sub(r"^repository-code: .*$", lambda _: f"repository-code: {json.dumps(address)}", content, flags=re.M)


def main(root: Path = ROOT) -> None:
    """Stamp every notebook, the README and CITATION.cff of the project in `root`."""
    here = address(root)
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        notebooks.write(path, notebooks.text(stamped(nbformat.read(path, as_version=4), path.stem, here)))
    for name, stamp in {"README.md": readme, "CITATION.cff": citation}.items():
        notebooks.write(root / name, stamp((root / name).read_text(encoding="utf-8"), here))
    print(f"stamped: {here}")
    if not badge("", here):
        print("No badges: Colab opens notebooks by a link from GitHub only. Uploaded to Colab, they work.")


if __name__ == "__main__":
    main()
