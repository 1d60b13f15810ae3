"""A kernel as on a machine where little is given: the project to read and not to write, no home, nothing run before.

    python tools/bare_kernel.py FOLDER CONNECTION_FILE      for the project in FOLDER/inkdrop (`tools/rehearsal.py`)

Training is short in it, and watched, as by a learner.
"""

import ctypes
import os
import sys
import tempfile
from pathlib import Path

USERS = ("INKDROP_", "XDG_", "JUPYTER_", "IPYTHON", "MPL", "PYTEST_", "COV_", "HOME", "PYTHON", "TMP", "TEMP")


def obey() -> None:
    """What is read-only be so for the administrator too, who else may write anywhere (Linux: capabilities(7))."""
    drop, override = 24, 1  # PR_CAPBSET_DROP, CAP_DAC_OVERRIDE: in force from the next program on
    if sys.platform == "linux" and os.geteuid() == 0:
        ctypes.CDLL(None).prctl(drop, override, 0, 0, 0)


def environment(folder: Path) -> dict[str, str]:
    """The variables of the kernel: none of the user's settings, and a folder of its own for temporary files."""
    (folder / "tmp").mkdir(exist_ok=True)
    own = tempfile.mkdtemp(dir=folder / "tmp")
    given = {name: value for name, value in os.environ.items() if not name.startswith(USERS)}
    return given | {
        "PYTHONPATH": str(folder / "inkdrop"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": str(folder / "inkdrop" / "no home"),
        "TMPDIR": own,
        "IPYTHONDIR": f"{own}/ipython",
        "MPLCONFIGDIR": f"{own}/matplotlib",
        "JUPYTER_RUNTIME_DIR": f"{own}/jupyter",
        "INKDROP_STEPS": "30",
        "INKDROP_QUIET": "0",
        "INKDROP_STRICT": "1",
    }


if __name__ == "__main__":
    obey()
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", sys.argv[2]]
    os.execve(sys.executable, command, environment(Path(sys.argv[1])))
