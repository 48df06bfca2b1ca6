"""An image file of the user, converted to the shape of a data set's images."""

import warnings
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from snntrain.data.dataset import Data
from snntrain.errors import UserError
from snntrain.files.bounded import open_regular

# Pillow's names of image modes, by number of channels.
MODES = {1: "L", 3: "RGB"}
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF")
# A file of a few kilobytes can hold more pixels than memory; photographs have 12 to 60 million.
MOST_PIXELS = 100_000_000
MOST_BYTES = 2**29


def read(path: Path, data: Data) -> tuple[Tensor, list[str]]:
    """Return the image in the format of the data set, uint8 `[C, H, W]`, and the conversions in words.

    Transparent parts become black. The image is made grey or coloured, padded with black to the aspect ratio of the
    data set's images and scaled to their size.

    Raises:
        UserError: the file does not exist or is not an image, or the data set's images have neither one nor three
            channels, or it has no images.
    """
    if len(data.shape) != 3:
        raise UserError(
            f"image={path}: {data.name} has sequences of {data.shape[0]} units, and an image has none; take sample=3,14"
        )
    channels, height, width = data.shape
    if channels not in MODES:
        raise UserError(
            f"image={path}: {data.name} has {channels} channels, and image files have 1 or 3; take sample=3,14"
        )
    image, done = _opened(path), []
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "black"), image).convert("RGB")
        done.append("laid on black")
    if image.mode != MODES[channels]:
        image = image.convert(MODES[channels])
        done.append("made grey" if channels == 1 else "made RGB")
    if image.size != (width, height):
        before = f"{image.width}x{image.height}"
        if image.width * height != image.height * width:
            done.append("padded with black")
        image = ImageOps.pad(image, (width, height), Image.Resampling.LANCZOS)
        done.append(f"scaled from {before} to {width}x{height}")
    pixels = torch.from_numpy(np.array(image)).reshape(height, width, channels).permute(2, 0, 1)
    return (pixels * (data.scale / 255)).round().to(torch.uint8), done


def _opened(path: Path) -> Image.Image:
    """Return the image of the file, upright, in mode L, RGB or RGBA."""
    try:
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
            return image if image.mode in ("L", "RGB") else image.convert("RGBA")
    except Image.DecompressionBombError:  # Pillow also raises this, at twice its own limit.
        raise UserError(
            f"image={path}: has more than {MOST_PIXELS:,} pixels, which are not read; scale it down"
        ) from None
    except FileNotFoundError:
        raise UserError(f"image={path}: there is no such file; give an image file, as PNG or JPEG") from None
    except IsADirectoryError:
        raise UserError(f"image={path}: is a folder, not an image file; name a file in it") from None
    except Exception as error:  # Damaged bytes may raise anything.
        reason = " ".join(str(error).split())
        raise UserError(
            f"image={path}: is not a readable image, such as PNG or JPEG ({reason:.100}); save it as PNG"
        ) from error
