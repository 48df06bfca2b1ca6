"""Pixels as a PNG file."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def as_png(pixels: NDArray[np.uint8], *, dpi: float | None = None, level: int = 6) -> bytes:
    """Encode pixels `[H, W, RGB or RGBA]`.

    Args:
        pixels: the picture, its first row on top.
        dpi: pixels per inch, which the file records.
        level: compression level, from 0 to 9.
    """
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png", compress_level=level, **({} if dpi is None else {"dpi": (dpi, dpi)}))
    return file.getvalue()
