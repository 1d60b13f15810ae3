"""A benchmark as a command: the options are what its `read` takes; the figures go to a file, a table to the screen."""

import argparse
import inspect
import json
from pathlib import Path


def run(doc: str, read, table, out: Path) -> None:
    """Call read(**options) -> figures; write them to `out`, or where --out says, and print table(figures)."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    for name, option in inspect.signature(read).parameters.items():
        parser.add_argument(f"--{name}", type=option.annotation, default=option.default)
    parser.add_argument("--out", type=Path, default=out)
    options = vars(parser.parse_args())
    out = options.pop("out")
    found = read(**options)
    out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(table(found))
