"""Commands for those who work on Inkdrop itself."""
