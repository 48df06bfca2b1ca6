"""matplotlib, imported without reading settings from the working directory.

On import, matplotlib first reads a file `matplotlibrc` in the working directory. Such a file can make it run LaTeX, and
a pipe of that name would block the import.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# O_PATH works without permission to read the folder; not every system has it.
PLACE = os.O_RDONLY | os.O_DIRECTORY | getattr(os, "O_PATH", 0)


@contextmanager
def _elsewhere() -> Iterator[None]:
    """Make the root folder, into which only root can put files, the working directory for the block.

    This affects relative paths of other threads, too: the command line imports this module before it starts threads.
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

import numpy as np  # noqa: E402
from matplotlib import rc_context  # noqa: E402
from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

__all__ = ["Figure", "FigureCanvasAgg", "pixels", "rc_context"]


def pixels(figure: Figure, dpi: float | None = None) -> NDArray[np.uint8]:
    """Draw a figure as pixels `[height, width, 4]`.

    Args:
        figure: the figure.
        dpi: pixels per inch; None for the figure's own.
    """
    if dpi is not None:
        figure.set_dpi(dpi)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())
