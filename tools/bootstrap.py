"""The first cell of every notebook: the function below, which `make stamp` copies there with a call to it.

It is short, since learners see it, and needs nothing but Python and git: in Colab it runs before the project is there.
What can wait until it is there stands in helpers/colab.py.
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
        parts = "helpers", "pyproject.toml", "sprites", "weights"
        return all(Path(folder, part).exists() for part in parts)

    if "google.colab" not in sys.modules:
        return
    found = next(filter(whole, [*sys.path, "drive/MyDrive/inkdrop", "inkdrop"]), None)
    if found is None:
        again = "run this cell again."
        if "YOUR_NAME" in address:
            raise Stop("Inkdrop's address has not been set. Its README says how to: In Colab.")
        if Path("inkdrop").exists():
            raise Stop(f"The folder inkdrop is not the whole project. Delete it and {again}")
        shutil.rmtree("inkdrop.part", ignore_errors=True)  # left by a fetch that was cut short
        clone = ["git", "clone", "--quiet", "--depth=1", "--", address, "inkdrop.part"]
        plain = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}  # asks nothing; English
        try:
            done = subprocess.run(clone, env=plain, capture_output=True, text=True, timeout=180)
            said = done.stderr.strip() if done.returncode else ""
        except (OSError, subprocess.TimeoutExpired) as error:
            said = str(error)
        if "unable to access" in said or "timed out" in said:
            raise Stop(f"No connection to {address}. Check the network and {again}\n({said})")
        if said or not whole("inkdrop.part"):
            raise Stop(f"No Inkdrop at {address} that everyone may read. Correct it below.\n{said}")
        found = Path("inkdrop.part").rename("inkdrop")
    if found not in sys.path:
        sys.path.insert(0, str(Path(found).resolve()))
    from helpers import colab

    colab.ready(gpu)
