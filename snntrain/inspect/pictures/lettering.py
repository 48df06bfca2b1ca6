"""Text drawn from cached outlines: new outlines took most of a picture's time."""

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

# The anchor of a text, as a share of its width.
ALONG = {"left": 0.0, "center": 0.5, "right": 1.0}


class Lettering(Text):
    """A line of text that is placed by its baseline, drawn as outlines if the output has pixels.

    Dollar signs have no meaning: names of classes and layers are shown unchanged.
    """

    def __init__(self, x: float, y: float, text: str, **style: Any) -> None:
        super().__init__(x, y, text, verticalalignment="baseline", parse_math=False, **style)

    def draw(self, renderer: RendererBase) -> None:
        if not isinstance(renderer, RendererAgg):
            super().draw(renderer)
            return
        # matplotlib has no outline for an empty text.
        if not self.get_text().strip():
            return
        outline, width = _outline(self.get_text())
        x, y = self.get_transform().transform(self.get_position())
        scale = renderer.points_to_pixels(self.get_fontsize())
        place = Affine2D().translate(-ALONG[self.get_horizontalalignment()] * width, 0).scale(scale)
        # Texts that start at a whole pixel look alike everywhere.
        place.rotate_deg(self.get_rotation()).translate(round(x), round(y))
        context = renderer.new_gc()
        context.set_linewidth(0)
        renderer.draw_path(context, outline, place, to_rgba(self.get_color()))
        context.restore()


@lru_cache(4096)
def _outline(text: str) -> tuple[Path, float]:
    """Return the letters as one path for a font one unit high, and its width."""
    # TextPath has no parse_math: a backslash keeps a dollar sign.
    outline = TextPath((0, 0), text.replace("$", r"\$"), size=1)
    # Letters have a point at their right edge. `get_extents`, which follows curves, takes six times as long.
    return outline, float(outline.vertices[:, 0].max(initial=0.0))
