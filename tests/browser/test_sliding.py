"""The scrubber as a learner meets it: in JupyterLab, run and saved and opened again, and in pages without a kernel."""

import re

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from playwright.sync_api import expect

from helpers.lesson import scrubber
from tools.browser import ended, open_notebook, pixels, run_all, start

KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
FRAMES = """
import numpy as np
from helpers.lesson import scrubber

t = np.arange(101)
frames = np.zeros((101, 16, 16, 3), np.uint8)
frames[..., 0], frames[:, :, :, 1] = 2 * t[:, None, None], np.arange(16)
panels = {"red": frames, "turned": frames[::-1].copy()}
how = dict(captions=[f"Probably frame {i}." for i in t], bars={"Bob": 1 - t / 100, "somebody else": t / 100},
           bars_title="Who is it?", label="noise level", alt="A square that turns red <b>.",
           caption="See the red & grow.", seconds=3)
"""
SHOW = "scrubber.show(panels, **how)"


def made(**more):
    """(data, metadata) of the scrubber of the notebooks below, as a notebook stores it."""
    names = {}
    exec(FRAMES, names)
    return scrubber.output(names["panels"], **(names["how"] | more))


def notebook(path, *cells, outputs=()):
    """Write a notebook whose code cells hold the given sources; outputs: of the first cells, one each."""
    written = [nbformat.v4.new_code_cell(source) for source in cells]
    for cell, (data, metadata) in zip(written, outputs, strict=False):
        cell.outputs = [nbformat.v4.new_output("display_data", data, metadata=metadata)]
    whole = nbformat.v4.new_notebook(cells=written, metadata=KERNEL)
    nbformat.write(whole, path)
    return whole


def expect_frame(figure, level):
    """Both panels, the slider, the words, the number and the bars all tell of this frame."""
    slider = figure.get_by_role("slider", name="noise level")
    expect(slider).to_have_value(str(level))
    expect(slider).to_have_attribute("aria-valuetext", f"noise level {level} of 100. Probably frame {level}.")
    expect(figure.locator(".readout span").first).to_have_text(f"noise level {level} / 100")
    expect(figure.locator(".words span").first).to_have_text(f"Probably frame {level}.")
    expect(figure.locator(".number span:first-child")).to_have_text([f"{100 - level} %", f"{level} %"])
    assert (pixels(figure)[..., 0] == 2 * level).all()
    assert (pixels(figure)[..., 1] == np.arange(16)).all(), "neither mirrored nor blurred"
    assert (pixels(figure, 1)[..., 0] == 200 - 2 * level).all()


def slides(figure):
    """It can be moved by the keyboard, and its pictures move with it."""
    slider = figure.get_by_role("slider")
    slider.press("End")
    expect_frame(figure, 100)
    slider.press("Home")
    slider.press("ArrowRight")
    expect_frame(figure, 1)


def play_holds_and_goes_on(page, figure):
    """Press play, see it move, press pause, see it stand still. It plays 101 frames in 3 s."""
    slider = figure.get_by_role("slider")
    figure.get_by_role("button", name="play").click()
    page.wait_for_function("s => s.valueAsNumber > 10", arg=slider.element_handle())
    figure.get_by_role("button", name="pause").click()
    level = int(slider.input_value())
    page.evaluate("() => new Promise(done => setTimeout(done, 150))")  # five frames' time
    expect_frame(figure, level)
    assert 10 < level < 100
    figure.get_by_role("button", name="play").click()
    expect(slider).to_have_value("100")
    expect(figure.get_by_role("button", name="play")).to_be_visible()  # it came to rest by itself
    expect_frame(figure, 100)


# ---- JupyterLab, from the first run on: these tests share a page and go on from one another ----


@pytest.fixture(scope="module")
def running(lab, browser):
    """A page with a notebook that has been run: four scrubbers."""
    page = browser.new_page(viewport={"width": 1200, "height": 1000})
    page.set_default_timeout(60_000)
    page.troubles = []
    page.on("pageerror", lambda error: page.troubles.append(f"{error} {error.stack}"))
    page.on("console", lambda said: said.type == "error" and page.troubles.append(said.text))
    notebook(lab.folder / "live.ipynb", FRAMES + SHOW, SHOW, SHOW, SHOW)
    open_notebook(page, lab, "live.ipynb")
    run_all(page)
    yield page
    page.close()


@pytest.fixture
def first(running):
    """The first scrubber, at frame 0, with its cell selected."""
    running.locator(".jp-Cell").first.locator(".jp-InputPrompt").click()
    figure = running.locator(".jp-OutputArea figure.inkdrop").first
    figure.get_by_role("slider").fill("0")
    expect_frame(figure, 0)
    return figure


def test_the_figure_has_a_name_a_caption_and_named_pictures(running, first):
    expect(first).to_have_attribute("aria-label", "A square that turns red <b>.")
    expect(first.locator("figcaption")).to_have_text("See the red & grow.")
    expect(first.get_by_role("img", name="red, noise level 0 of 100")).to_be_visible()
    expect(first.get_by_text("Who is it?")).to_be_visible()
    assert running.locator(".jp-OutputArea-output img").count() == 0, "the still picture stands in only without scripts"


def test_the_mouse_moves_the_slider(running, first):
    slider = first.get_by_role("slider")
    box = slider.bounding_box()
    running.mouse.move(box["x"] + 8, box["y"] + box["height"] / 2)
    running.mouse.down()
    running.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=5)
    running.mouse.up()
    level = int(slider.input_value())
    assert 40 < level < 60
    expect_frame(first, level)


def selected(page):
    return page.evaluate("() => window.jupyterapp.shell.currentWidget.content.activeCellIndex")


def test_keys_move_the_slider_and_nothing_else(running, first):
    slider = first.get_by_role("slider")
    slider.focus()
    cell = selected(running)
    for key, level in [
        ("ArrowRight", 1),
        ("ArrowRight", 2),
        ("ArrowUp", 3),
        ("ArrowDown", 2),
        ("ArrowLeft", 1),
        ("PageUp", 11),
        ("PageDown", 1),
        ("End", 100),
        ("Home", 0),
    ]:
        running.keyboard.press(key)
        expect_frame(first, level)
        expect(slider).to_be_focused()
        assert selected(running) == cell
    assert running.locator(".jp-Cell").count() == 4


def test_play_and_pause(running, first):
    play_holds_and_goes_on(running, first)


def test_play_by_keyboard_from_the_end_and_stop_by_hand(running, first):
    slider = first.get_by_role("slider")
    slider.fill("100")
    first.get_by_role("button", name="play").focus()
    running.keyboard.press("Enter")
    expect(first.get_by_role("button", name="pause")).to_be_focused()
    running.wait_for_function("s => s.valueAsNumber < 90", arg=slider.element_handle())
    slider.fill("20")
    expect(first.get_by_role("button", name="play")).to_be_visible()
    expect_frame(first, 20)


def test_a_screen_reader_is_told_one_thing_and_only_at_rest(running, first):
    running.evaluate(
        """figure => { window.told = [];
        const live = figure.querySelectorAll("output, [aria-live]:not([aria-live=off]), [role=status], [role=alert]");
        for (const region of live) new MutationObserver(() => window.told.push(region.textContent))
          .observe(region, { childList: true, characterData: true, subtree: true }); }""",
        first.element_handle(),
    )
    slider = first.get_by_role("slider")
    first.get_by_role("button", name="play").click()
    running.wait_for_function("s => s.valueAsNumber > 50", arg=slider.element_handle())
    assert running.evaluate("told") == []
    expect(slider).to_have_attribute("aria-valuetext", "noise level 0 of 100. Probably frame 0.")
    expect(first.get_by_role("button", name="play")).to_be_visible()
    assert running.evaluate("told") == ["noise level 100 of 100. Probably frame 100."]
    slider.press("ArrowLeft")  # a slider that has the focus tells its value itself
    expect(slider).to_have_attribute("aria-valuetext", "noise level 99 of 100. Probably frame 99.")
    assert "".join(running.evaluate("told.slice(1)")) == ""


def test_four_on_a_page_slide_each_for_itself(running, first):
    figures = running.locator("figure.inkdrop")
    expect(figures).to_have_count(4)
    for k in range(4):
        figures.nth(k).get_by_role("slider").fill(str(10 + k))
    for k in range(4):
        expect_frame(figures.nth(k), 10 + k)


LEAST = """figures => { // the least contrast of a text in them with what the page has painted behind it
  const paint = (colours) => {
    const context = new OffscreenCanvas(1, 1).getContext("2d");
    for (const colour of colours) { context.fillStyle = colour; context.fillRect(0, 0, 1, 1); }
    const [r, g, b] = [...context.getImageData(0, 0, 1, 1).data].map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
  };
  let least = 21;
  for (const figure of figures) for (const node of [...figure.querySelectorAll("div, span, figcaption, svg")]) {
    if (node.tagName !== "svg" && ![...node.childNodes].some((child) => child.nodeType === 3)) continue;
    const behind = ["white"];
    for (let e = node; e; e = e.parentElement) behind.splice(1, 0, getComputedStyle(e).backgroundColor);
    const [paper, text] = [paint(behind), paint([...behind, getComputedStyle(node).color])];
    least = Math.min(least, Math.max(paper, text) / Math.min(paper, text));
  }
  return least;
}"""


def test_it_can_be_read_in_light_and_dark_and_follows_the_theme(running):
    figures = running.locator("figure.inkdrop")
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        running.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', { theme })", theme)
        light = str(theme.endswith("Light")).lower()
        running.locator(f"body[data-jp-theme-light={light}]").wait_for(state="attached")
        running.locator("#jupyterlab-splash").wait_for(state="detached")
        expect(figures.first.locator("> div")).to_have_css("color-scheme", theme.split()[1].lower())
        assert figures.evaluate_all(LEAST) >= 4.5


def test_it_slides_after_a_second_run(running, first):
    running.evaluate("() => window.jupyterapp.shell.currentWidget.content.activeCellIndex = 0")
    assert ended(running, start(running, "notebook:run-cell"))
    figures = running.locator("figure.inkdrop")
    expect(figures).to_have_count(4)
    slides(figures.nth(0))
    slides(figures.nth(1))


def test_it_slides_after_it_was_saved_and_opened_again_without_its_kernel(running, lab):
    running.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    running.evaluate("() => window.jupyterapp.serviceManager.sessions.shutdownAll()")
    open_notebook(running, lab, "live.ipynb")
    figures = running.locator("figure.inkdrop")
    expect(figures).to_have_count(4)
    for k in range(4):
        slides(figures.nth(k))
    assert running.get_by_text("Error displaying widget").count() == 0


def test_nothing_went_wrong_unseen(running):
    assert running.troubles == []


# ---- JupyterLab with what was committed ----


def test_an_untrusted_notebook_shows_the_still_picture_and_the_caption(page, lab):
    notebook(lab.folder / "untrusted.ipynb", SHOW, outputs=[made()])
    open_notebook(page, lab, "untrusted.ipynb")
    output = page.locator(".jp-OutputArea-output")
    picture = output.get_by_role("img", name="A square that turns red <b>.")
    expect(picture).to_be_visible()
    assert picture.evaluate("i => i.decode().then(() => i.naturalWidth)") > 600
    assert output.inner_text().strip() == "See the red & grow."
    assert output.get_by_role("slider").count() == 0


def test_a_trusted_notebook_slides_before_anything_is_run(page, lab):
    notebook(lab.folder / "trusted.ipynb", SHOW, SHOW, outputs=[made(), made()])
    lab.trust("trusted.ipynb")
    open_notebook(page, lab, "trusted.ipynb")
    figures = page.locator("figure.inkdrop")
    expect(figures).to_have_count(2)
    slides(figures.nth(1))
    expect_frame(figures.nth(0), 0)
    assert page.troubles == []


# ---- pages with neither kernel nor network ----


def exported(folder, whole):
    (folder / "made.html").write_text(HTMLExporter().from_notebook_node(whole)[0], encoding="utf-8")
    return (folder / "made.html").as_uri()


def test_an_exported_page_slides_and_plays(offline, tmp_path):
    whole = notebook(tmp_path / "made.ipynb", SHOW, SHOW, outputs=[made(level=30), made(level=30)])
    offline.goto(exported(tmp_path, whole), wait_until="commit")
    figures = offline.locator("figure.inkdrop")
    expect(figures).to_have_count(2)
    slides(figures.nth(0))
    expect_frame(figures.nth(1), 30)
    play_holds_and_goes_on(offline, figures.nth(1))
    blocked = [trouble for trouble in offline.troubles if "ERR_FAILED" not in trouble]  # nbconvert's own scripts
    assert [trouble for trouble in blocked if not re.search(r"require|MathJax|mermaid", trouble)] == []


def test_a_page_that_nbconvert_has_run_slides(offline, tmp_path):
    whole = NotebookClient(notebook(tmp_path / "made.ipynb", FRAMES + SHOW, SHOW)).execute()  # as --execute does
    offline.goto(exported(tmp_path, whole), wait_until="commit")
    figures = offline.locator("figure.inkdrop")
    expect(figures).to_have_count(2)
    slides(figures.nth(1))


def page_of(folder, *htmls, style=""):
    """A page with these outputs, each in a frame of its own, as in Colab, whose page has this style."""
    frames = [f"<!doctype html><style>{style}</style><body>{html}" for html in htmls]
    tags = [
        '<iframe style="width: 100%; height: 600px" srcdoc="{}"></iframe>'.format(
            f.replace("&", "&amp;").replace('"', "&quot;")
        )
        for f in frames
    ]
    (folder / "frames.html").write_text("<!doctype html><title>x</title>" + "".join(tags), encoding="utf-8")
    return (folder / "frames.html").as_uri()


IPYWIDGETS_7 = ":root { --jp-ui-font-color1: rgba(0, 0, 0, .87); --jp-content-font-color1: rgba(0, 0, 0, .87); }"
COLOURS = {
    "Colab, dark, with ipywidgets 7": f"html {{ background: #383838; color: #e3e3e3 }} {IPYWIDGETS_7}",
    "a dark page that says nothing of its text": f"body {{ background: #1e1e1e }} {IPYWIDGETS_7}",
    "a dark page whose text is translucent": "body { background: #202124; color: rgba(255, 255, 255, .87) }",
    "Colab, light": f"html {{ background: #fff; color: #1f1f1f }} {IPYWIDGETS_7}",
    "grey": "body { background: #777; color: #888 }",
    "nothing": "",
}


@pytest.mark.parametrize("style", COLOURS.values(), ids=COLOURS)
def test_it_slides_and_can_be_read_in_frames_of_any_colour(offline, tmp_path, style):
    offline.goto(page_of(tmp_path, *[made()[0]["text/html"]] * 2, style=style))
    for k in range(2):
        figure = offline.frame_locator("iframe").nth(k).locator("figure.inkdrop")
        slides(figure)
        expect(figure.locator(".words")).to_be_visible()
        assert figure.evaluate_all(LEAST) >= 4.5
    assert offline.troubles == []


def test_a_phone_shows_both_panels_side_by_side(offline, tmp_path):
    offline.set_viewport_size({"width": 390, "height": 800})
    whole = notebook(tmp_path / "made.ipynb", SHOW, outputs=[made()])
    offline.goto(exported(tmp_path, whole), wait_until="commit")
    expect(offline.locator("figure.inkdrop")).to_be_visible()
    left, right = (offline.locator("canvas").nth(i).bounding_box() for i in (0, 1))
    assert left["y"] == right["y"] and left["x"] + left["width"] < right["x"]
    assert right["x"] + right["width"] <= 390
    assert offline.evaluate("document.documentElement.scrollWidth") <= 390


def test_smooth_pictures_are_drawn(offline, tmp_path):
    y, x = np.mgrid[:64, :80] / 80
    frames = np.stack([np.stack([x, y, x * 0 + i / 9], -1) * 255 for i in range(10)]).astype(np.uint8)
    (tmp_path / "made.html").write_text(
        scrubber.output(frames, smooth=True, alt="colours", caption="colours")[0]["text/html"]
    )
    offline.goto((tmp_path / "made.html").as_uri())
    offline.get_by_role("slider").fill("7")
    drawn = offline.locator("canvas").evaluate(
        "c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
    )
    drawn = np.array(drawn).reshape(64, 80, 4)[..., :3]
    assert np.abs(drawn - frames[7].astype(int)).mean() < 6
