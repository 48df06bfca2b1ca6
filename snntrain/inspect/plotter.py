"""matplotlib, as everything here takes it: with settings of the user's own alone.

When it is imported, matplotlib reads a file `matplotlibrc` of the working directory before all others. Such a file can
make it run LaTeX, and a pipe of that name is waited for.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# Needs no right to read the folder, where the system has it.
PLACE = os.O_RDONLY | os.O_DIRECTORY | getattr(os, "O_PATH", 0)


@contextmanager
def _elsewhere() -> Iterator[None]:
    """In the block the working directory is the root folder, where nobody but root has put anything.

    A relative path of another thread would lead there, too: the command line imports this before it starts any.
    """
    path = sys.path[:]
    sys.path[:] = [os.path.abspath(folder) for folder in path]
    here = os.open(".", PLACE)
    try:
        os.chdir("/")
        yield
    finally:
        os.fchdir(here)
        os.close(here)
        sys.path[:] = path


if "matplotlib" not in sys.modules:
    with _elsewhere():
        import matplotlib  # noqa: F401

from matplotlib import rc_context  # noqa: E402
from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402
from matplotlib.image import imsave  # noqa: E402

__all__ = ["Figure", "FigureCanvasAgg", "imsave", "rc_context"]
