"""All that is measured beside peers and limits, one after another in one run: `make proof`.

    python -m benchmarks.proof

Each part is a file of its own in this folder, writes its figures beside itself, and says how it measures. At the end
the table goes into the README between its two marks, and the picture to proof.png. Leave the machine alone meanwhile:
what is compared runs side by side, but other work does not burden all of it alike.
"""

import json
import sys
import textwrap
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from benchmarks import first_picture, floor, rate, sampling, slider_latency, training
from benchmarks.targets import percent
from helpers.lesson import charts

PARTS = (sampling, floor, rate, slider_latency, first_picture, training)
README = Path(__file__).resolve().parent.parent / "README.md"
PICTURE = Path(__file__).with_suffix(".png")
MARKS = "<!-- proof: written by `make proof` -->", "<!-- end of proof -->"


def stored() -> dict:
    """The figures last read, by the name of the part."""
    return {part.__name__.rsplit(".", 1)[-1]: json.loads(part.OUT.read_text(encoding="utf-8")) for part in PARTS}


def table(found: dict) -> str:
    """The summary, in Markdown. The ratio is peer to ours in seconds, ours to peer in shares: over 1 we are ahead."""
    ways, drawn, latency, wait = (found[name] for name in ("training", "sampling", "slider_latency", "first_picture"))
    ways, drawn, share = ways["ways"], drawn["steps"], found["rate"]
    rows = []

    def row(what, ours, peer, theirs, ratio):
        rows.append([what if not rows or what != rows[-1][0] else "", ours, peer, theirs, ratio])

    ours, *peers = ways
    for peer in peers:
        ratio = training.times_as_long(ways[peer], ways[ours])
        row("training, to 95 % valid", training.to_goal(ways[ours]), peer, training.to_goal(ways[peer]), ratio)
    for steps, of in drawn.items():
        ours = of["ours, eta 0"]  # without fresh noise, as its peers here
        for peer in ("DDIMPipeline", "DPM-Solver++"):
            ratio = f"{of[peer]['seconds'] / ours['seconds']:.2f}"
            row(f"256 sprites in {steps} steps", pictures(ours), peer, pictures(of[peer]), ratio)
    for least in (1e-2, 1e-3):
        over = [level["ratio"] for level in found["floor"] if level["floor"] >= least]
        ours = f"{min(over):.2f} to {max(over):.2f} times it"
        row("error of a guess", ours, f"the best possible, where it is at least {least:g}", "1", "")
    ours, peer = (share[name]["share of peak"] for name in ("ours", "diffusers"))
    row("training, share of the peak matrix rate", percent(ours), "diffusers", percent(peer), f"{ours / peer:.2f}")
    ours, *peers = latency.items()
    for peer, way in peers:
        times = [f"{of['median_ms']:.0f} ms" for of in (ours[1], way)]
        row("slider, key to changed picture", times[0], peer, times[1], f"{way['times_the_scrubber']:.1f}")
    least, *lessons = wait.items()
    for name, way in lessons:
        theirs = f"{least[1]['seconds']:.1f} s"
        row(f"first picture, {name}", f"{way['seconds']:.1f} s", least[0], theirs, f"{1 / way['times the least']:.2f}")
    date, threads = (found["training"][key] for key in ("date", "threads"))
    head = f"| {date}, {threads} threads, no GPU | Inkdrop | beside it | | ratio |"
    return "\n".join([head, "|---|---|---|---|---|", *("| " + " | ".join(cells) + " |" for cells in rows)])


def pictures(way) -> str:
    return f"{percent(way['valid'])} valid, {percent(way['new_of_valid'])} of these new, {way['seconds']:.2f} s"


@plt.rc_context(charts.STYLE)
def picture(found: dict) -> Figure:
    """Four charts: valid by training time, valid by sampling steps, error by level, slider latency."""
    fig, ((race, steps), (level, slider)) = plt.subplots(2, 2, figsize=(9, 6.6), layout="constrained")
    dashes = ("-", "--", ":")
    colours = (charts.INK, charts.CORAL, charts.GREEN)

    for (name, way), dash, colour in zip(found["training"]["ways"].items(), dashes, colours, strict=True):
        looks = way.get("longer", way["equal time"])
        line = [(0, 0), *((look["seconds"], 100 * look["valid"]) for look in looks)]
        race.plot(*zip(*line, strict=True), dash, color=colour, marker="o", ms=3)
        race.annotate(name, line[len(line) // 2 + 1], (6, -11), textcoords="offset points", color=colour)
    race.axhline(95, color=charts.GREY, lw=1)
    race.set(title="Training: valid sprites", xlabel="seconds of training", ylabel="%", ylim=(-3, 103))

    drawn = found["sampling"]["steps"]
    of = {"ours, eta 1": "ours, eta 1", "ours, eta 0": "ours, eta 0 = DDIM", "DPM-Solver++": "DPM-Solver++"}
    for (name, label), dash, colour in zip(of.items(), dashes, colours, strict=True):
        valid = [100 * ways[name]["valid"] for ways in drawn.values()]
        steps.plot(list(drawn), valid, dash, color=colour, label=label, marker="o", ms=4)
    steps.set(title="Sampling: valid sprites", xlabel="steps", ylabel="%")
    steps.legend()

    levels = [row["level"] for row in found["floor"]]
    for name, dash, colour in zip(("held out", "floor"), ("-", "--"), colours, strict=False):
        label = {"held out": "our network", "floor": "the best possible"}[name]
        level.semilogy(levels, [row[name] for row in found["floor"]], dash, color=colour, label=label)
    level.set(title="Error on held-out sprites", xlabel="noise level", ylabel="mean squared error", ylim=(1e-4, 1))
    level.legend()

    names = list(found["slider_latency"])[::-1]
    times = [found["slider_latency"][name]["median_ms"] for name in names]
    labels = [textwrap.fill(name, 18) for name in names]
    bars = slider.barh(labels, times, color=[charts.GREY] * (len(names) - 1) + [charts.INK])
    slider.bar_label(bars, [f"{t:.0f} ms" for t in times], padding=4)
    slider.set(title="Slider: key to changed picture", xlabel="milliseconds, median of 50")
    slider.margins(x=0.15)
    return fig


def with_table(readme: str, rows: str) -> str:
    """The README with the table between its marks."""
    start, end = MARKS
    before, rest = readme.split(start)
    return f"{before}{start}\n{rows}\n{end}{rest.split(end)[1]}"


def main() -> None:
    for part in PARTS:
        print(part.__name__, file=sys.stderr)
        part.OUT.write_text(json.dumps(part.read(), indent=2) + "\n", encoding="utf-8")
    found = stored()
    README.write_text(with_table(README.read_text(encoding="utf-8"), table(found)), encoding="utf-8")
    picture(found).savefig(PICTURE, dpi=110)
    print(table(found))


if __name__ == "__main__":
    main()
