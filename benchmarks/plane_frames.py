"""How smoothly the plane moves: frames a second while the noisy point, and then the level, is moved under 200 paths.

    python -m benchmarks.plane_frames

At each animation frame the point is dragged a little further, or the level changed, for 240 frames, and the time
between frames is taken. Prints frames a second and the time that 95 of 100 frames keep within, on the screen of a
desktop and of a phone. The browser has no graphics card here, so a learner's should do better.
"""

import numpy as np
from playwright.sync_api import sync_playwright

from helpers.lesson import plane
from tools.browser import launch

SCREENS = {"desktop": (1000, 900, 1), "phone": (390, 844, 3)}  # width, height, pixels to one of CSS
MOVE = """(el, what) => new Promise((done) => {
  const [point, slider] = [el.querySelector(".point"), el.querySelector("[name=level]")];
  const { left, top, width } = el.querySelector(".stage").getBoundingClientRect();
  point.setPointerCapture = () => {}; // no pointer is really down
  const send = (type, clientX, clientY) => point.dispatchEvent(new PointerEvent(type, { clientX, clientY }));
  send("pointerdown", 0, 0);
  const times = [];
  requestAnimationFrame(function frame(now) {
    times.push(now);
    const turn = times.length / 15;
    if (what === "level") slider.value = 50 + ((3 * times.length) % 440);
    if (what === "level") slider.dispatchEvent(new Event("input"));
    else send("pointermove", left + width * (0.5 + 0.4 * Math.cos(turn)), top + width * (0.5 + 0.4 * Math.sin(turn)));
    if (times.length < 240) requestAnimationFrame(frame);
    else done(times);
  });
})"""


def main() -> None:
    html = plane.output(caption="The plane.", alt="The plane.", level=200)[0]["text/html"]
    print(f"{len(html) / 1000:.0f} kB of HTML for each plane")
    with sync_playwright() as playwright:
        browser = launch(playwright)
        for screen, (width, height, sharp) in SCREENS.items():
            page = browser.new_page(viewport={"width": width, "height": height}, device_scale_factor=sharp)
            page.emulate_media(reduced_motion="reduce")  # walks are there at once
            page.set_content(html)
            page.get_by_role("button", name="200 at once").click()
            page.get_by_role("slider", name="noise level").fill("200")
            for what in ("point", "level"):
                times = np.diff(page.locator("figure").evaluate(MOVE, what))[5:]
                late = np.quantile(times, 0.95)
                print(f"{screen}, {what} moved: {1000 / times.mean():.0f} frames a second, 95 % within {late:.0f} ms")


if __name__ == "__main__":
    main()
