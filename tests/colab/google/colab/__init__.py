"""Stands in for the package that only Colab has: what Inkdrop and anywidget look for in it."""

from google.colab import output

__all__ = ["output"]
