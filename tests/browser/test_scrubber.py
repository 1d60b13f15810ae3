"""The scrubber as a learner meets it: in JupyterLab, in an untrusted notebook, in a page without a kernel."""

import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbconvert import HTMLExporter
from playwright.sync_api import expect

from helpers.lesson import viewer
from tools.browser import open_notebook, pixels, run_all

WIDGET = "application/vnd.jupyter.widget-view+json"
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
MAKE = """
import numpy as np
from helpers.lesson import viewer

t = np.arange(101)
frames = np.zeros((101, 16, 16, 3), np.uint8)
frames[..., 0], frames[:, :, :, 1] = 2 * t[:, None, None], np.arange(16)
w = viewer.scrubber(
    {"red": frames, "turned": frames[::-1].copy()},
    captions=[f"Probably frame {i}." for i in t],
    bars={"Bob": 1 - t / 100, "somebody else": t / 100},
    bars_title="Who is it?",
    label="noise level",
    alt="A square that turns red <b>.",
    caption="See the red & grow.",
    **more,
)
"""


def make(**more):
    """The scrubber of the notebooks below, made here."""
    names = {"more": more}
    exec(MAKE, names)
    return names["w"]


def write(path, *cells, outputs=()):
    """A notebook whose code cells hold the given sources; `outputs` are (data, metadata), one for each first cell."""
    made = [nbformat.v4.new_code_cell(source) for source in cells]
    for cell, (data, metadata) in zip(made, outputs, strict=False):
        cell.outputs = [nbformat.v4.new_output("display_data", data, metadata=metadata)]
    notebook = nbformat.v4.new_notebook(cells=made, metadata=KERNEL)
    nbformat.write(notebook, path)
    return notebook


def committed(widget):
    """A scrubber's output as it stands in a committed notebook: without the widget, which needs a kernel."""
    data, metadata = widget._repr_mimebundle_()
    del data[WIDGET]
    return data, metadata


def expect_frame(scrubber, level):
    """Both panels, the slider, the words, the number and the bars all tell of this frame."""
    slider = scrubber.get_by_role("slider", name="noise level")
    expect(slider).to_have_value(str(level))
    expect(slider).to_have_attribute("aria-valuetext", f"noise level {level} of 100. Probably frame {level}.")
    expect(scrubber.locator("output span").first).to_have_text(f"noise level {level} / 100")
    expect(scrubber.locator(".words span").first).to_have_text(f"Probably frame {level}.")
    expect(scrubber.locator(".number span:first-child")).to_have_text([f"{100 - level} %", f"{level} %"])
    assert (pixels(scrubber)[..., 0] == 2 * level).all()
    assert (pixels(scrubber)[..., 1] == np.arange(16)).all(), "neither mirrored nor blurred"
    assert (pixels(scrubber, 1)[..., 0] == 200 - 2 * level).all()


def play_holds_and_goes_on(page, scrubber):
    """Press play, see it move, press pause, see it stand still. It plays 101 frames in 3 s."""
    slider = scrubber.get_by_role("slider")
    scrubber.get_by_role("button", name="play").click()
    page.wait_for_function("s => s.valueAsNumber > 10", arg=slider.element_handle())
    scrubber.get_by_role("button", name="pause").click()
    level = int(slider.input_value())
    page.evaluate("() => new Promise(done => setTimeout(done, 150))")  # five frames' time
    expect_frame(scrubber, level)
    assert 10 < level < 100
    scrubber.get_by_role("button", name="play").click()
    expect(slider).to_have_value("100")
    expect(scrubber.get_by_role("button", name="play")).to_be_visible()  # it came to rest by itself
    expect_frame(scrubber, 100)


# --- JupyterLab with a kernel -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def running(lab, browser):
    """A page with a notebook that has been run: a scrubber, and a cell below it that tells the level."""
    page = browser.new_page(viewport={"width": 1200, "height": 1000})
    page.set_default_timeout(60_000)
    page.troubles = []
    page.on("pageerror", lambda error: page.troubles.append(str(error)))
    page.on("console", lambda said: said.type == "error" and page.troubles.append(said.text))
    more = "more = dict(seconds=3)"
    cells = [more + MAKE + "w", "print('level', w.level)", "if w.level == 64:\n    w.level = 40"]
    write(lab.folder / "live.ipynb", *cells)
    open_notebook(page, lab, "live.ipynb")
    run_all(page)
    page.scrubber = page.locator(".jp-OutputArea figure.inkdrop")
    page.scrubber.locator("canvas").first.wait_for()
    yield page
    page.close()


@pytest.fixture
def at_zero(running):
    """The scrubber at frame 0 and the first cell selected."""
    running.locator(".jp-Cell").first.locator(".jp-InputPrompt").click()
    running.scrubber.get_by_role("slider").fill("0")
    expect_frame(running.scrubber, 0)
    return running


def selected(page):
    return page.evaluate("() => window.jupyterapp.shell.currentWidget.content.activeCellIndex")


def run_cell(page, index):
    page.evaluate(
        """(index) => { const notebook = window.jupyterapp.shell.currentWidget.content;
        notebook.deselectAll(); notebook.activeCellIndex = index; }""",
        index,
    )
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-cell').then(() => null)")


def test_one_output_with_alt_caption_and_title_roles(at_zero):
    scrubber = at_zero.scrubber
    expect(scrubber).to_have_count(1)
    expect(scrubber).to_have_attribute("aria-label", "A square that turns red <b>.")
    expect(scrubber.locator("figcaption")).to_have_text("See the red & grow.")
    expect(scrubber.get_by_role("img", name="red, noise level 0 of 100")).to_be_visible()
    expect(scrubber.get_by_text("Who is it?")).to_be_visible()
    assert at_zero.locator(".jp-OutputArea-output img").count() == 0, "the still picture stands in only without scripts"


def test_the_mouse_moves_the_slider(at_zero):
    slider = at_zero.scrubber.get_by_role("slider")
    box = slider.bounding_box()
    at_zero.mouse.move(box["x"] + 8, box["y"] + box["height"] / 2)
    at_zero.mouse.down()
    at_zero.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=5)
    at_zero.mouse.up()
    level = int(slider.input_value())
    assert 40 < level < 60
    expect_frame(at_zero.scrubber, level)


def test_keys_move_the_slider_and_nothing_else(at_zero):
    slider = at_zero.scrubber.get_by_role("slider")
    slider.focus()
    cell = selected(at_zero)
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
        at_zero.keyboard.press(key)
        expect_frame(at_zero.scrubber, level)
        expect(slider).to_be_focused()
        assert selected(at_zero) == cell
    assert at_zero.locator(".jp-Cell").count() == 3


def test_play_and_pause(at_zero):
    play_holds_and_goes_on(at_zero, at_zero.scrubber)


def test_play_by_keyboard_and_again_from_the_end(at_zero):
    scrubber, cell = at_zero.scrubber, selected(at_zero)
    scrubber.get_by_role("slider").fill("100")
    scrubber.get_by_role("button", name="play").focus()
    at_zero.keyboard.press("Enter")
    expect(scrubber.get_by_role("button", name="pause")).to_be_focused()
    at_zero.wait_for_function("s => s.valueAsNumber < 90", arg=scrubber.get_by_role("slider").element_handle())
    at_zero.keyboard.press("Space")
    expect(scrubber.get_by_role("button", name="play")).to_be_focused()
    assert selected(at_zero) in (cell, 0)


def test_moving_the_slider_by_hand_ends_playing(at_zero):
    at_zero.scrubber.get_by_role("button", name="play").click()
    at_zero.scrubber.get_by_role("slider").fill("20")
    expect(at_zero.scrubber.get_by_role("button", name="play")).to_be_visible()
    expect_frame(at_zero.scrubber, 20)


def test_python_reads_and_sets_the_level(at_zero):
    slider = at_zero.scrubber.get_by_role("slider")
    for level in range(50, 65):  # faster than levels are sent: the last one must arrive all the same
        slider.fill(str(level))
    told = at_zero.locator(".jp-Cell").nth(1).locator(".jp-OutputArea-output")
    for _ in range(20):
        run_cell(at_zero, 1)
        if "64" in told.inner_text():
            break
    expect(told).to_have_text("level 64")
    run_cell(at_zero, 2)
    expect_frame(at_zero.scrubber, 40)
    run_cell(at_zero, 1)
    expect(told).to_have_text("level 40")


def test_the_caption_is_read_aloud_only_at_rest_and_only_once(at_zero):
    words = at_zero.scrubber.locator(".words")
    at_zero.scrubber.get_by_role("button", name="play").click()
    expect(words).to_have_attribute("aria-live", "off")
    at_zero.scrubber.get_by_role("button", name="pause").click()
    expect(words).to_have_attribute("aria-live", "polite")
    at_zero.scrubber.get_by_role("slider").press("ArrowRight")  # the slider itself tells the caption
    expect(words).to_have_attribute("aria-live", "off")


def test_nothing_went_wrong_unseen(running):
    assert running.troubles == []


# --- JupyterLab with what was committed -------------------------------------------------------------------------------


def test_an_untrusted_notebook_shows_the_still_picture(page, lab):
    write(lab.folder / "untrusted.ipynb", "w", outputs=[committed(make())])
    open_notebook(page, lab, "untrusted.ipynb")
    output = page.locator(".jp-OutputArea-output")
    picture = output.get_by_role("img", name="A square that turns red <b>.")
    expect(picture).to_be_visible()
    assert picture.evaluate("i => i.decode().then(() => i.naturalWidth)") > 600
    assert output.inner_text().strip() == "See the red & grow."
    assert output.get_by_role("slider").count() == 0


def test_a_trusted_notebook_slides_before_anything_is_run(page, lab):
    write(lab.folder / "trusted.ipynb", "w", "w", outputs=[committed(make(seconds=3))] * 2)
    lab.trust("trusted.ipynb")
    open_notebook(page, lab, "trusted.ipynb")
    scrubbers = page.locator("figure.inkdrop")
    expect(scrubbers).to_have_count(2)
    scrubbers.nth(1).get_by_role("slider").press("ArrowRight")
    expect_frame(scrubbers.nth(1), 1)
    expect_frame(scrubbers.nth(0), 0)
    assert page.troubles == []


def test_show_has_an_alternative_text_in_jupyterlab(page, lab):
    cell = "from helpers.lesson import viewer\nimport numpy as np\n"
    cell += "viewer.show(np.zeros((8, 8, 3), np.uint8), caption='Nothing yet.', alt='A black square.')"
    write(lab.folder / "show.ipynb", cell)
    open_notebook(page, lab, "show.ipynb")
    run_all(page)
    expect(page.get_by_role("img", name="A black square.")).to_be_visible()
    expect(page.locator("figcaption")).to_have_text("Nothing yet.")


# --- a page with neither kernel nor network ---------------------------------------------------------------------------


def export(folder: Path, *outputs):
    notebook = write(folder / "made.ipynb", *["w"] * len(outputs), outputs=outputs)
    (folder / "made.html").write_text(HTMLExporter().from_notebook_node(notebook)[0], encoding="utf-8")
    return (folder / "made.html").as_uri()


def test_an_exported_page_slides_and_plays(offline, tmp_path):
    offline.goto(export(tmp_path, *[committed(make(seconds=3, level=30))] * 2), wait_until="commit")
    scrubbers = offline.locator("figure.inkdrop")
    expect(scrubbers).to_have_count(2)
    expect_frame(scrubbers.nth(0), 30)
    scrubbers.nth(0).get_by_role("slider").press("End")
    expect_frame(scrubbers.nth(0), 100)
    expect_frame(scrubbers.nth(1), 30)
    play_holds_and_goes_on(offline, scrubbers.nth(1))
    expect(scrubbers.nth(0).locator("figcaption")).to_have_text("See the red & grow.")
    blocked = [trouble for trouble in offline.troubles if "ERR_FAILED" not in trouble]  # nbconvert's own scripts
    assert [trouble for trouble in blocked if not re.search(r"require|MathJax|mermaid", trouble)] == []


@pytest.mark.parametrize(("motion", "moves"), [("no-preference", True), ("reduce", False)])
def test_autoplay_respects_who_asked_for_less_motion(offline, tmp_path, motion, moves):
    offline.emulate_media(reduced_motion=motion)
    offline.goto(export(tmp_path, committed(make(seconds=3, autoplay=True, loop=True))), wait_until="commit")
    scrubber = offline.locator("figure.inkdrop")
    expect(scrubber.get_by_role("button", name="pause" if moves else "play")).to_be_visible()
    if moves:
        offline.wait_for_function("s => s.valueAsNumber > 90", arg=scrubber.get_by_role("slider").element_handle())
        offline.wait_for_function("s => s.valueAsNumber < 20", arg=scrubber.get_by_role("slider").element_handle())
    else:
        expect_frame(scrubber, 0)
        scrubber.get_by_role("button", name="play").click()  # whoever asks for it gets it
        offline.wait_for_function("s => s.valueAsNumber > 5", arg=scrubber.get_by_role("slider").element_handle())


def test_a_phone_shows_both_panels_side_by_side(offline, tmp_path):
    offline.set_viewport_size({"width": 390, "height": 800})
    offline.goto(export(tmp_path, committed(make())), wait_until="commit")
    expect(offline.locator("figure.inkdrop")).to_be_visible()
    left, right = (offline.locator("canvas").nth(i).bounding_box() for i in (0, 1))
    assert left["y"] == right["y"] and left["x"] + left["width"] < right["x"]
    assert right["x"] + right["width"] <= 390
    assert offline.evaluate("document.documentElement.scrollWidth") <= 390


def test_smooth_pictures_are_drawn(offline, tmp_path):
    y, x = np.mgrid[:64, :80] / 80
    frames = np.stack([np.stack([x, y, x * 0 + i / 9], -1) * 255 for i in range(10)]).astype(np.uint8)
    smooth = viewer.scrubber(frames, smooth=True, alt="colours", caption="colours")
    offline.goto(export(tmp_path, committed(smooth)), wait_until="commit")
    offline.get_by_role("slider").fill("7")
    canvas = offline.locator("canvas")
    drawn = canvas.evaluate("c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]")
    drawn = np.array(drawn).reshape(64, 80, 4)[..., :3]
    assert np.abs(drawn - frames[7].astype(int)).mean() < 6
