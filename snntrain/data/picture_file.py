"""An image file of the user, converted to the shape of a data set's images."""

from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from snntrain.data import decoding
from snntrain.data.dataset import Data
from snntrain.errors import UserError


def read(path: Path, data: Data) -> tuple[Tensor, list[str]]:
    """Return the image in the format of the data set, `[C, H, W]`, and the conversions in words.

    Transparent parts become black. The image is made grey or coloured, brought to the aspect ratio of the data set's
    images, by `data.fit`, and scaled to their size.

    Raises:
        UserError: the file does not exist or is not an image, or the data set's images have neither one nor three
            channels, or it has no images.
    """
    if len(data.shape) != 3:
        raise UserError(
            f"image={path}: {data.name} has sequences of {data.shape[0]} units, and an image has none; take sample=3,14"
        )
    channels, height, width = data.shape
    if channels not in decoding.MODES:
        raise UserError(
            f"image={path}: {data.name} has {channels} channels, and image files have 1 or 3; take sample=3,14"
        )
    image, done = decoding.brought(_opened(path), channels, height, width, data.fit)
    intensities = torch.from_numpy(decoding.pixels(image)) * (data.scale / 255)
    stored = data.train[0].dtype
    return (intensities.to(stored) if stored.is_floating_point else intensities.round().to(stored)), done


def _opened(path: Path) -> Image.Image:
    """Return the image of the file, upright, in mode L, RGB or RGBA."""
    try:
        return decoding.upright(path)
    except Image.DecompressionBombError:  # Pillow also raises this, at twice its own limit.
        raise UserError(
            f"image={path}: has more than {decoding.MOST_PIXELS:,} pixels, which are not read; scale it down"
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
