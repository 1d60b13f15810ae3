"""Stands in for the package that only Colab has: by it the first cell of a notebook knows where it is."""
