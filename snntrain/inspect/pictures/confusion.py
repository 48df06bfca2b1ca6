"""The confusion matrix."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from snntrain.inspect.pictures.output import class_ticks
from snntrain.inspect.pictures.panels import BAR, HALF_DIGIT, LEFT, RIGHT, WIDTH, Panels, Scale

COLOURS = matplotlib.colormaps["Blues"]
# More classes leave no room for numbers in their cells.
MOST_NUMBERED = 20
MOST_MISTAKES, LINE = 3, 0.17
SHARES = (0.0, 0.01, 0.1, 0.25, 0.5, 1.0)


def confusion_matrix(counts: NDArray[np.int64], class_names: Sequence[str]) -> Figure:
    """Plot counts with true classes as rows and predicted classes as columns.

    The colour of a cell shows the square root of its share of the row, so that one mistake in a hundred is visible. The
    most frequent mistakes are listed by name.

    Args:
        counts: `[true class, predicted class]`.
        class_names: the names of all classes.
    """
    classes, total, right = len(counts), int(counts.sum()), int(counts.trace())
    mistakes = most_frequent(counts, MOST_MISTAKES)
    side = WIDTH - LEFT - RIGHT
    named = class_ticks(class_names, side)
    panels = Panels(
        "confusion matrix",
        [f"{right:,} of {total:,} right, {100 * right / max(1, total):.2f} %"],
        Scale("predicted class", -0.5, classes - 0.5, named),
        Scale("true class", classes - 0.5, -0.5, named),
        height=side,
        below=BAR + 0.05 + LINE * len(mistakes),
    )
    shares = counts / counts.sum(1, keepdims=True).clip(1)
    panels.image(panels.box(0), COLOURS(np.sqrt(shares), bytes=True), "shares", smooth=False)
    if classes <= MOST_NUMBERED:
        size = min(8.0, 72 * side / classes / 2.6)
        for true, guess in np.argwhere(counts):
            # Not INK, which a dark page turns light, while the cells keep their colours.
            ink = "white" if shares[true, guess] > 0.3 else "black"
            x, y = float(panels.x(guess)), float(panels.y(0, true)) - size * HALF_DIGIT
            panels.text(x, y, str(counts[true, guess]), size=size, name="count", color=ink)
    ticks = {float(np.sqrt(share)): f"{100 * share:g}" for share in SHARES}
    panels.colour_bar(COLOURS, Scale("% of the true class", 0, 1, ticks))
    for line, (true, guess) in enumerate(mistakes):
        text = f"{class_names[true]} taken for {class_names[guess]}: {counts[true, guess]:,}"
        panels.text(LEFT, BAR + LINE * (len(mistakes) - 1 - line), text, size=8, name="mistake", align="left")
    return panels.figure


def most_frequent(counts: NDArray[np.int64], most: int) -> list[tuple[int, int]]:
    """Return the true and the predicted class of the most frequent mistakes."""
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:most]
    pairs = [divmod(int(place), len(counts)) for place in order]
    return [pair for pair in pairs if wrong[pair]]
