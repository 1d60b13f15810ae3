"""The first cell of every notebook: the function below, which `make stamp` copies there with a call to it.

It is short, since learners see it, and needs nothing but Python and git, since the project is not there yet. A fetch
that is cut short leaves `inkdrop.part`, never half of `inkdrop`. All that can wait stands in helpers/colab.py.
"""


def inkdrop_in_colab(address, gpu):
    import os
    import shutil
    import subprocess
    import sys
    from pathlib import Path

    class Stop(RuntimeError):
        def _render_traceback_(self, *_):  # what IPython shows: the message alone
            return [str(self)]

    def whole(folder):
        parts = "benchmarks", "helpers", "pyproject.toml", "sprites", "weights"
        return all(Path(folder, part).exists() for part in parts)

    if "google.colab" not in sys.modules:
        return
    found = next(filter(whole, [*sys.path, "drive/MyDrive/inkdrop", "inkdrop"]), None)
    if found is None:
        failed, again = f"Inkdrop cannot be fetched from {address}", "run this cell again."
        if "YOUR_NAME" in address:
            raise Stop("Inkdrop's address has not been set. Its README says how to: In Colab.")
        if Path("inkdrop").exists():
            raise Stop(f"The folder inkdrop is not the whole project. Rename it and {again}")
        shutil.rmtree("inkdrop.part", ignore_errors=True)  # left by a fetch that was cut short
        clone = ["git", "clone", "--quiet", "--depth=1", "--", address, "inkdrop.part"]
        calm = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}  # no prompts; English
        try:
            done = subprocess.run(clone, env=calm, capture_output=True, text=True, timeout=180)
            said = f"git: {done.stderr}" if done.returncode else ""
        except (OSError, subprocess.TimeoutExpired) as error:
            said = str(error)
        if "unable to access" in said or "timed out" in said:
            raise Stop(f"{failed}: no connection. Check the network and {again}\n{said}")
        if said or not whole("inkdrop.part"):
            raise Stop(f"{failed}. Is that its address, and may everyone read it?\n{said}")
        found = Path("inkdrop.part").rename("inkdrop")
    if found not in sys.path:
        sys.path.insert(0, str(Path(found).resolve()))
    from helpers.lesson import colab

    colab.ready(gpu)
