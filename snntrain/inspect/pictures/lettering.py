"""Text drawn from outlines that are kept: having a font set it anew was the greater part of a picture's cost."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.colors import to_rgba
from matplotlib.path import Path
from matplotlib.text import Text
from matplotlib.textpath import TextPath
from matplotlib.transforms import Affine2D

# What a place along the text is, as a share of its width.
ALONG = {"left": 0.0, "center": 0.5, "right": 1.0}


class Lettering(Text):
    """One line of text whose place is on its baseline; as pixels the outlines of its letters, else the text itself.

    A formula between dollar signs is no formula: class names and layers are written as they are.
    """

    def __init__(self, x: float, y: float, text: str, **style: Any) -> None:
        super().__init__(x, y, text, verticalalignment="baseline", parse_math=False, **style)

    def draw(self, renderer: RendererBase) -> None:
        if not isinstance(renderer, RendererAgg):
            super().draw(renderer)
            return
        # matplotlib makes no outline of nothing.
        if not self.get_text().strip():
            return
        outline, width = _outline(self.get_text())
        x, y = self.get_transform().transform(self.get_position())
        scale = renderer.points_to_pixels(self.get_fontsize())
        place = Affine2D().translate(-ALONG[self.get_horizontalalignment()] * width, 0).scale(scale)
        # Letters that begin on a whole pixel look alike wherever they stand.
        place.rotate_deg(self.get_rotation()).translate(round(x), round(y))
        context = renderer.new_gc()
        context.set_linewidth(0)
        renderer.draw_path(context, outline, place, to_rgba(self.get_color()))
        context.restore()


@lru_cache(4096)
def _outline(text: str) -> tuple[Path, float]:
    """The letters as one path, and its width, of a font one unit high."""
    # TextPath has no parse_math; a dollar sign after a backslash is one to it.
    outline = TextPath((0, 0), text.replace("$", r"\$"), size=1)
    # A letter has a point where it is widest: curves need not be followed, as `get_extents` does, which takes six times
    # as long as to set the letters.
    return outline, float(outline.vertices[:, 0].max(initial=0.0))
