"""A sample as an animated GIF."""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.colors import to_rgb
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from snntrain.inspect.pictures.frames import values_have_a_bar
from snntrain.inspect.pictures.input_colours import OFF, ON, InputColours, colours_of, is_full, mark_full
from snntrain.inspect.pictures.neurons import evenly_spread
from snntrain.inspect.pictures.panels import INK
from snntrain.inspect.pictures.sample import Sample, pooled

# About the longer side of the moving picture, in pixels, and the width of the lines of text below it at least.
SIDE, LEAST_WIDTH = 400, 240
# The animation takes about this long, in milliseconds, within these limits for a frame; the last frame stays.
WHOLE, FASTEST, SLOWEST, LAST = 3000, 40, 400, 1000
LINE, FONT_SIZE, MARGIN = 18, 12, 6
# The number of shades of each polarity: a GIF has 256 colours.
LEVELS = 10
# The greys of the letters' edges.
GREYS = 8


def gif(sample: Sample, title: str, most: int) -> bytes:
    """Return a sample as an animated GIF that repeats, with a line for its title, and one for the step.

    Args:
        sample: frames, or units over time, which appear step by step.
        title: the first line below the picture.
        most: the largest number of steps, spread evenly.
    """
    shown = evenly_spread(sample.T, most)
    pictures = _in_palette(list(_with_text(sample, title, shown)))
    each = int(np.clip(WHOLE // len(shown), FASTEST, SLOWEST))
    durations = [each] * (len(shown) - 1) + [max(each, LAST)]
    file = io.BytesIO()
    # A repetition is shown, too: the same picture twice is two steps.
    pictures[0].save(
        file, "gif", save_all=True, append_images=pictures[1:], duration=durations, loop=0, optimize=False, disposal=1
    )
    return file.getvalue()


def _framed(sample: Sample, shown: NDArray[np.int64]) -> Iterator[NDArray[np.uint8]]:
    """Yield each frame, enlarged or reduced to about `SIDE` pixels."""
    side = max(sample.values.shape[2:])
    block, factor = max(1, side // (2 * SIDE)), max(1, round(SIDE / side))
    frames = [pooled(sample.values[step], block, block, mean=not sample.counts) for step in shown]
    colours = colours_of(sample, frames, levels=LEVELS)
    for step, frame in zip(shown, frames, strict=True):
        pixels = colours.pixels(frame)
        if sample.counts:
            mark_full(pixels, pooled(is_full(sample.values[step]).astype(np.float32), block, block) > 0)
        yield pixels.repeat(factor, 0).repeat(factor, 1)


def _of_units(sample: Sample, shown: NDArray[np.int64]) -> Iterator[NDArray[np.uint8]]:
    """Yield the units over time up to each step, the first unit at the bottom, with a line at the step."""
    steps, units = sample.values.shape
    block = -(-units // SIDE), -(-steps // SIDE)
    values = pooled(sample.values.T[None], *block)
    colours: InputColours = colours_of(sample, [values], levels=LEVELS)
    whole = colours.pixels(values)[::-1]
    tall, wide = max(1, SIDE // len(whole)), max(1, SIDE // whole.shape[1])
    for step in shown:
        column = int(step) // block[1]
        pixels = whole.copy()
        pixels[:, column + 1 :] = 255
        large = pixels.repeat(tall, 0).repeat(wide, 1)
        large[:, min((column + 1) * wide, large.shape[1] - 1)] = _rgb(ON)
        yield large


def _with_text(sample: Sample, title: str, shown: NDArray[np.int64]) -> Iterator[NDArray[np.uint8]]:
    """Yield the picture of each step with its lines of text below it, all of one size."""
    pictures = _framed(sample, shown) if sample.framed else _of_units(sample, shown)
    for step, picture in zip(shown, pictures, strict=True):
        height, width = picture.shape[:2]
        whole = np.full((height + 2 * LINE + MARGIN, max(width, LEAST_WIDTH), 3), 255, np.uint8)
        left = (whole.shape[1] - width) // 2
        whole[:height, left : left + width] = picture
        events = f", {sample.events(int(step))} events" if sample.counts else ""
        whole[height] = 160
        _write(whole, title, MARGIN, height + MARGIN // 2, INK)
        _write(whole, f"step {step + 1} of {sample.T}{events}", MARGIN, height + MARGIN // 2 + LINE, INK)
        if sample.polarities == 2 and values_have_a_bar(sample):
            right = whole.shape[1] - MARGIN
            right -= _write(whole, "ON", right, height + MARGIN // 2 + LINE, ON, from_right=True)
            _write(whole, "OFF ", right, height + MARGIN // 2 + LINE, OFF, from_right=True)
        yield whole


def _write(pixels: NDArray[np.uint8], text: str, x: int, y: int, colour: str, *, from_right: bool = False) -> int:
    """Write a line of text into pixels, and return its width; what does not fit is cut off."""
    if not text.strip():
        return 0
    font = _font()
    width = int(np.ceil(font.getlength(text)))
    mask = Image.new("L", (pixels.shape[1], LINE))
    ImageDraw.Draw(mask).text((x - width if from_right else x, 0), text, fill=255, font=font)
    # A few greys only: a GIF has 256 colours.
    share = (np.asarray(mask, np.float64) / 255 * GREYS).round()[..., None] / GREYS
    lines = pixels[y : y + LINE]
    lines[:] = np.round(lines * (1 - share[: len(lines)]) + _rgb(colour) * share[: len(lines)])
    return width


@lru_cache(1)
def _font() -> ImageFont.FreeTypeFont:
    """Return the font of the other pictures, which comes with matplotlib."""
    return ImageFont.truetype(str(Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")), FONT_SIZE)


def _rgb(colour: str) -> NDArray[np.uint8]:
    return np.round(255 * np.array(to_rgb(colour))).astype(np.uint8)


def _in_palette(pictures: list[NDArray[np.uint8]]) -> list[Image.Image]:
    """Return pictures with one exact palette; with more than 256 colours, each with the nearest of its own."""
    codes = [_codes(picture) for picture in pictures]
    every = np.unique(np.concatenate([np.unique(code) for code in codes]))
    if len(every) > 256:
        return [Image.fromarray(picture).quantize(256, dither=Image.Dither.NONE) for picture in pictures]
    palette = np.stack([every >> 16, every >> 8 & 255, every & 255], axis=1).astype(np.uint8)
    indexed = []
    for code in codes:
        image = Image.fromarray(np.searchsorted(every, code).astype(np.uint8), "P")
        image.putpalette(palette.tobytes())
        indexed.append(image)
    return indexed


def _codes(pixels: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Return each pixel's colour as one number."""
    red, green, blue = (pixels[..., part].astype(np.uint32) for part in range(3))
    return np.asarray(red << 16 | green << 8 | blue)
