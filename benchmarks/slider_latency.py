"""How long a learner waits: from a key press on a slider to the changed picture, in a real JupyterLab.

    python -m benchmarks.slider_latency

Measures `scrubber.show` beside `ipywidgets.interact` with matplotlib, in one page, one run, over the same 501 noise
levels of a 16x16 sprite, both in the same way: the clock starts at the time stamp of the key event, and stops when the
first animation frame in which the page holds other pixels has been painted. Writes slider_latency.json beside itself.
"""

import json
import statistics
from pathlib import Path

import nbformat
from playwright.sync_api import sync_playwright

from tools.browser import PATIENCE, jupyterlab, launch, open_notebook, run_all

OUT = Path(__file__).with_suffix(".json")
STEPS = 50
PICTURES = """
import matplotlib.pyplot as plt
import numpy as np
from ipywidgets import IntSlider, interact
from helpers.lesson import scrubber

rng = np.random.default_rng(0)
clean, noise = rng.choice([-1.0, 0.0, 1.0], (16, 16, 3)), rng.standard_normal((16, 16, 3))
angle = np.linspace(0, np.pi / 2, 501)[:, None, None, None]
to_uint8 = lambda x: ((x.clip(-1, 1) + 1) * 127.5).round().astype(np.uint8)
noisy, answer = to_uint8(np.cos(angle) * clean + np.sin(angle) * noise), to_uint8(np.cos(angle) * clean)
p = np.cos(angle.ravel()) ** 2
chances = {"Bob": p, "Fred": (1 - p) / 3, "Nancy": (1 - p) / 3, "somebody else": (1 - p) / 3}
"""
CELLS = {
    "scrubber": """
scrubber.show({"noisy": noisy, "answer": answer}, bars=chances, label="level", caption="x", alt="x",
              captions=[f"It is Bob with {100 * c:.0f} %" for c in p])
""",
    "interact, the same panels and bars": """
def draw(level):
    fig, (left, middle, right) = plt.subplots(1, 3, figsize=(7, 2.2))
    left.imshow(noisy[level]); left.axis("off")
    middle.imshow(answer[level]); middle.axis("off")
    right.barh(list(chances), [c[level] for c in chances.values()]); right.set_xlim(0, 1)
    plt.show()
interact(draw, level=IntSlider(0, 0, 500));
""",
    "interact, one panel": """
def draw_one(level):
    plt.figure(figsize=(2, 2))
    plt.imshow(noisy[level]); plt.axis("off")
    plt.show()
interact(draw_one, level=IntSlider(0, 0, 500));
""",
}
# What the page holds of a cell's picture: every canvas's pixels, or the loaded images. Polled at each animation frame.
WATCH = """(cell) => {
  const held = () => [
    ...[...cell.querySelectorAll("canvas")].map((c) => c.getContext("2d").getImageData(0, 0, c.width, c.height).data),
    ...[...cell.querySelectorAll(".jp-OutputArea img")].filter((i) => i.complete && i.naturalWidth).map((i) => i.src),
  ].join();
  window.latency = null;
  let start = 0;
  const channel = new MessageChannel(); // its message comes after the page has been laid out and painted
  channel.port1.onmessage = () => { window.latency = performance.now() - start; };
  const before = held();
  window.addEventListener("keydown", (event) => {
    start = event.timeStamp;
    const look = () => {
      const found = held();
      // between two pictures of `interact` there may be none: that is not yet the new one
      if (found && found !== before) channel.port2.postMessage(null);
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  }, { capture: true, once: true });
}"""


def measure(page, index: int) -> list[float]:
    """Milliseconds for each of `STEPS` presses of the right arrow on the slider of one cell."""
    cell = page.locator(".jp-Cell").nth(index)
    cell.scroll_into_view_if_needed()
    cell.locator("canvas, .jp-OutputArea img").first.wait_for()
    slider = cell.get_by_role("slider")
    slider.focus()
    times = []
    for step in range(STEPS + 3):
        cell.evaluate(WATCH)
        page.keyboard.press("ArrowRight")
        page.wait_for_function("() => window.latency !== null", timeout=PATIENCE)
        if step >= 3:  # the first presses warm up caches, on either side
            times.append(page.evaluate("() => window.latency"))
        page.wait_for_timeout(250)  # a reader's pace; leftovers of one step do not burden the next
    return times


def read() -> dict:
    """All figures."""
    with jupyterlab() as lab, sync_playwright() as playwright:
        cells = [nbformat.v4.new_code_cell(source) for source in (PICTURES, *CELLS.values())]
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), lab.folder / "latency.ipynb")
        browser = launch(playwright)
        page = browser.new_page(viewport={"width": 1200, "height": 1400})
        open_notebook(page, lab, "latency.ipynb")
        run_all(page)
        found = {}
        for index, name in enumerate(CELLS, start=1):
            times = measure(page, index)
            found[name] = {
                "median_ms": round(statistics.median(times), 1),
                "p95_ms": round(statistics.quantiles(times, n=20)[-1], 1),
                "steps": len(times),
            }
        browser.close()
    for figures in found.values():
        figures["times_the_scrubber"] = round(figures["median_ms"] / found["scrubber"]["median_ms"], 1)
    return found


def main() -> None:
    text = json.dumps(read(), indent=2)
    OUT.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
