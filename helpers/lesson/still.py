"""A widget's still: the picture that stands in its place when a notebook is opened without its kernel.

A saved view of a widget shows an error there, and hides every other form of its output. So the still is an output of
its own, which the widget hides for as long as it lives.
"""

import hashlib

import ipywidgets
from IPython.display import display
from PIL import Image

from helpers.lesson import pictures


class Still(ipywidgets.VBox):
    """A box of widgets with a still. Who inherits from it sets `words` first, and calls `update` after each change.

    kind     what it is called, in a word or two
    words    what there is to see now, in a sentence
    sheet()  the picture of it, to be overridden
    """

    kind = "Widget"
    hint = "Run this cell to use it."
    words = ""
    _shown = None

    def __init__(self, children):
        self._class = "inkdrop-" + hashlib.sha256(f"{self.kind}{self.words}".encode()).hexdigest()[:12]
        super().__init__([*children, ipywidgets.HTML(f"<style>.{self._class} {{ display: none }}</style>")])

    def sheet(self) -> Image.Image:
        """The picture that is left."""
        raise NotImplementedError

    def __repr__(self):
        return f"{self.kind}: {self.hint}"

    def _ipython_display_(self, **_):
        self._shown = display(self._still(), raw=True, display_id=True)
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        display({"text/plain": repr(self), "application/vnd.jupyter.widget-view+json": view}, raw=True)

    def update(self) -> None:
        """Put the present picture in the place of the still, once that is shown."""
        if self._shown:
            self._shown.update(self._still(), raw=True)

    def _still(self) -> dict:
        """By MIME type."""
        sheet = self.sheet()
        figure, data = pictures.figure_html(sheet, self.words, f"{self.words} {self.hint}", sheet.width)
        figure = figure.replace("<figure", f'<figure class="{self._class}"', 1)
        return {"text/plain": f"{self.kind}: {self.words}", "text/html": figure, "image/png": data}
