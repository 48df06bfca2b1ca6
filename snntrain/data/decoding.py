"""A picture file as pixels: upright, grey or in colours, in the size of a data set's images."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from snntrain.files.bounded import open_regular

# Pillow's names of image modes, by number of channels.
MODES = {1: "L", 3: "RGB"}
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF")
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff"})
# A file of a few kilobytes can hold more pixels than memory; photographs have 12 to 60 million.
MOST_PIXELS = 100_000_000
MOST_BYTES = 2**29
# The ways to bring a picture to a size with another aspect ratio.
FITS = ("crop", "pad", "squash")


def upright(path: Path) -> Image.Image:
    """Return the first picture of a file, upright, in mode L, RGB or RGBA.

    The format follows from the content, not from the suffix. Of 16 bits the upper 8 are kept.

    Raises:
        Image.DecompressionBombError: more than `MOST_PIXELS` pixels.
        OSError: the file cannot be opened.
        Exception: it is not a picture; damaged bytes may raise anything.
    """
    # Pillow's warnings would be printed in addition to our own message.
    with (
        warnings.catch_warnings(action="ignore"),
        open_regular(path, MOST_BYTES) as opened,
        Image.open(opened, formats=FORMATS) as file,
    ):
        if file.width * file.height > MOST_PIXELS:
            raise Image.DecompressionBombError
        file.load()
        image = ImageOps.exif_transpose(file) or file
        # Before Pillow 11 a PNG of 16 bits has mode I.
        if image.mode.startswith("I;16") or (image.mode == "I" and file.format == "PNG"):
            # Pillow's own conversion would cut all values above 255 off.
            return Image.fromarray((np.asarray(image).astype(np.int32) >> 8).astype(np.uint8))
        if image.mode in ("I", "F"):
            raise ValueError("its numbers of 32 bits have no fixed white; save it with 8 or 16 bits")
        return image if image.mode in ("L", "RGB") else image.convert("RGBA")


def brought(
    image: Image.Image, channels: int, height: int, width: int, fit: str = "pad"
) -> tuple[Image.Image, list[str]]:
    """Return the picture in these colours and this size, and the conversions in words.

    Transparent parts become black.

    Args:
        image: as from `upright`.
        channels: 1 for grey, 3 for colours.
        height, width: the size.
        fit: for another aspect ratio: 'crop' scales the picture until it covers the size and keeps its centre, 'pad'
            scales it until it fits in and puts black around it, 'squash' scales height and width apart.
    """
    done = []
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "black"), image).convert("RGB")
        done.append("laid on black")
    if image.mode != MODES[channels]:
        image = image.convert(MODES[channels])
        done.append("made grey" if channels == 1 else "made RGB")
    if image.size != (width, height):
        before = f"{image.width}x{image.height}"
        if image.width * height != image.height * width:
            done.append({"crop": "cropped to its centre", "pad": "padded with black", "squash": "squashed"}[fit])
        image = _sized(image, width, height, fit)
        done.append(f"scaled from {before} to {width}x{height}")
    return image, done


def _sized(image: Image.Image, width: int, height: int, fit: str) -> Image.Image:
    if fit == "squash":
        return image.resize((width, height), Image.Resampling.LANCZOS)
    if fit == "crop":
        return ImageOps.fit(image, (width, height), Image.Resampling.LANCZOS)
    # Of a picture that would be less than half a pixel high or wide, Pillow would leave nothing.
    if image.width >= 2 * width * image.height:
        image = image.resize((width, 1), Image.Resampling.LANCZOS)
    elif image.height >= 2 * height * image.width:
        image = image.resize((1, height), Image.Resampling.LANCZOS)
    return ImageOps.pad(image, (width, height), Image.Resampling.LANCZOS)


def pixels(image: Image.Image) -> np.ndarray:
    """Return a picture in mode L or RGB as uint8 `[C, H, W]`."""
    stored = np.array(image).reshape(image.height, image.width, -1)
    return np.ascontiguousarray(stored.transpose(2, 0, 1))
