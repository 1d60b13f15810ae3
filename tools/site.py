"""The series as a small static site that works offline, from a folder: `python -m tools.site`, or `make site`.

The words are those of the notebooks and of the templates in tools/site_pages/, the pictures those of the notebooks'
outputs. Formulas become MathML here and the sliders bring their script along, so that no page asks the network for
anything. Building twice gives the same bytes.
"""

import argparse
import io
import posixpath
import re
import tomllib
from dataclasses import dataclass
from html import escape
from pathlib import Path

import jinja2
import nbformat
import torch
from latex2mathml import converter
from markupsafe import Markup
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from PIL import Image

from helpers import schedule
from helpers.lesson import pictures, scrubber
from helpers.world import sprites
from tools import notebooks

ROOT = Path(__file__).parent.parent
PAGES = Path(__file__).with_name("site_pages")
REPOSITORY = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]["Repository"]


# --- Markdown ---------------------------------------------------------------------------------------------------------


class Renderer(IPythonRenderer):
    """Markdown as notebooks have it, for a page that is read offline, on a phone or with a keyboard."""

    def heading(self, text: str, level: int, **attrs) -> str:
        """With the id that Jupyter gives it, which the notebooks' links lead to."""
        return f'<h{level} id="{anchor(text)}">{text}</h{level}>\n'

    def link(self, text: str, url: str, title: str | None = None) -> str:
        return super().link(text, address(url), title)

    def image(self, text: str, url: str, title: str | None = None) -> str:
        """A picture from elsewhere, such as a badge, gives way to its words."""
        return text if "://" in url else super().image(text, url, title)

    def block_code(self, code: str, info: str | None = None) -> str:
        return wide(super().block_code(code, info), "Code")

    def table(self, text: str) -> str:
        return wide(f"<table>\n{text}</table>", "Table")

    def block_math(self, body: str) -> str:
        return wide(mathml(body, "block"), "Formula", tag="span")

    def inline_math(self, body: str) -> str:
        return mathml(body, "inline")

    def def_list_head(self, text: str) -> str:
        """A term of the glossary, which can be linked to."""
        return f'<dt id="{anchor(text)}">{text}</dt>\n'


def markdown(source: str) -> Markup:
    return Markup(MarkdownWithMath(Renderer(escape=False)).render(source))


def code(source: str) -> Markup:
    return Markup(Renderer().block_code(source, "python"))


def mathml(latex: str, display: str) -> str:
    r"""A formula as MathML. The library leaves \| as it is, and stretches a bar over its letter, too high."""
    made = converter.convert(latex.strip(), display=display).replace(r">\|<", ">‖<")
    return made.replace('<mo stretchy="true">&#x000AF;</mo>', '<mo stretchy="false">&#x000AF;</mo>')


def wide(html: str, label: str, tag: str = "div") -> str:
    """A box that scrolls by itself, so that the page need not, with the mouse, the finger or the arrow keys."""
    return f'<{tag} class="wide" role="group" aria-label="{label}" tabindex="0">{html}</{tag}>\n'


def anchor(heading: str) -> str:
    """The id of a heading, as Jupyter makes it."""
    return escape(Markup(heading).striptags().replace(" ", "-"))


def address(url: str) -> str:
    """Where a link leads on the site: a notebook is a page, any other file of the repository is looked up there."""
    path, mark, fragment = url.partition("#")
    if "://" in url or not path or path.endswith(".html"):
        return url
    if path.endswith(".ipynb"):
        return Path(path).stem + ".html" + mark + fragment
    return f"{REPOSITORY}/blob/main/{posixpath.normpath(posixpath.join('notebooks', path))}{mark}{fragment}"


# --- what the pages show ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Lesson:
    """A notebook, read for its page: cells that only prepare another machine are left out."""

    name: str  # of the file, without its ending
    cells: list

    @property
    def opening(self) -> str:
        return self.cells[0].source

    @property
    def title(self) -> str:
        return re.match(r"# (.+)", self.opening).group(1)

    @property
    def short(self) -> str:
        return self.title.partition(":")[0]

    @property
    def minutes(self) -> str:
        return re.search(r"In about (\d+) minutes", self.opening).group(1)

    @property
    def aims(self) -> str:
        """The list under "you will be able to", in Markdown."""
        return re.search(r"you will be able to\*\*\n\n((?:- .+\n)+)", self.opening).group(1)

    @property
    def sections(self) -> list[str]:
        texts = [cell.source for cell in self.cells if cell.cell_type == "markdown"]
        return re.findall(r"^## (.+)$", "\n\n".join(texts), flags=re.MULTILINE)


def lessons() -> list[Lesson]:
    """Every notebook, in order."""
    return [
        Lesson(path.stem, [c for c in nbformat.read(path, 4).cells if "bootstrap" not in c.metadata.get("tags", [])])
        for path in sorted(notebooks.FOLDER.glob("*.ipynb"))
    ]


def shown(output: dict) -> Markup:
    """An output of a cell: its figure, with a slider where it has one, or else its text."""
    data = output.get("data", {})
    if "text/html" in data:
        return Markup(re.sub(r'<img [^>]+ width="(\d+)" [^>]+>', readable, data["text/html"]))
    return Markup(wide(f"<pre>{escape(output.get('text') or data['text/plain'])}</pre>", "Output"))


def readable(picture: re.Match) -> str:
    """On a phone a picture shrinks to six tenths of its size, so that its writing can be read; then it scrolls."""
    least = f"min-width:{0.6 * int(picture[1]):.0f}px"
    return wide(picture[0].replace("max-width:100%", f"max-width:100%;{least}"), "Picture")


def opening_slider(world: sprites.World) -> Markup:
    """Bob dissolves, in 101 of the 501 levels: enough to slide through."""
    sched = schedule.cosine(T=500)
    levels = torch.arange(0, sched.T + 1, 5)
    bob = sprites.to_tensor(world.images[[world.cast["Bob"]]]).expand(len(levels), -1, -1, -1)
    noise = torch.randn(bob[:1].shape, generator=torch.Generator().manual_seed(0)).expand(bob.shape)
    data, _ = scrubber.output(
        sprites.to_uint8(sched.add_noise(bob, levels, noise)),
        values=levels.tolist(),
        label="noise level",
        scale=14,
        caption="Bob, and the same noise all the way, more and more of it. Up to which level is it still Bob to you?",
        alt="Bob, a small pixel-art person, dissolves in coloured noise as the level rises from 0 to 500.",
    )
    return Markup(data["text/html"])


def cast(world: sprites.World) -> list[dict]:
    """All that the world knows of each member of the cast, and a picture."""
    training, bob = set(world.split()[0].tolist()), world.describe(world.cast["Bob"])
    members = []
    for name, i in world.cast.items():
        looks = {attribute: option for attribute, option in world.describe(i).items() if option != "hidden"}
        picture, alt = (
            pictures.enlarge(world.images[i], 12),
            ", ".join(f"{a} {o}" for a, o in looks.items()).replace("_", " "),
        )
        caption = "In the training set." if i in training else "Not in the training set."
        figure, _ = pictures.figure_html(picture, f"{name}, enlarged: {alt}.", caption, picture.width)
        differs = [attribute for attribute, option in world.describe(i).items() if option != bob[attribute]]
        members.append({"name": name, "looks": looks, "figure": Markup(figure), "differs": differs})
    return members


# --- the site ---------------------------------------------------------------------------------------------------------


def site() -> dict[str, bytes]:
    """Every file of the site: its name and what is in it."""
    world, series = sprites.load_world(), lessons()
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(PAGES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"markdown": markdown, "code": code, "shown": shown, "anchor": anchor}
    environment.globals |= {"lessons": series, "repository": REPOSITORY, "world_size": len(world)}

    def page(template: str, name: str, **words) -> dict[str, bytes]:
        return {f"{name}.html": environment.get_template(template).render(page=name, **words).encode()}

    files = page("index.html", "index", slider=opening_slider(world))
    for place, lesson in enumerate(series):
        before, after = series[:place][-1:], series[place + 1 :][:1]
        files |= page("lesson.html", lesson.name, lesson=lesson, before=before, after=after)
    files |= page("cast.html", "cast", cast=cast(world)) | page("glossary.html", "glossary")

    icon = io.BytesIO()
    Image.fromarray(world.images[world.cast["Bob"]]).save(icon, "PNG")
    return files | {"style.css": (PAGES / "style.css").read_bytes(), "bob.png": icon.getvalue()}


def build(out: Path) -> None:
    """Write the site into the folder `out`; files of the same name are replaced, others are left alone."""
    out.mkdir(parents=True, exist_ok=True)
    for name, content in site().items():
        (out / name).write_bytes(content)


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the series as a static site that works offline.")
    parser.add_argument("--out", type=Path, default=ROOT / "site", help="the folder to write (site)")
    out = parser.parse_args().out
    build(out)
    size = sum(file.stat().st_size for file in out.iterdir())
    print(f"{size / 1e6:.1f} MB. Open {out.name}/index.html in a browser.")


if __name__ == "__main__":
    main()
