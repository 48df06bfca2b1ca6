"""Pictures of the user's own, in a folder for each class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from snntrain.data import decoding
from snntrain.data.dataset import Data
from snntrain.data.own.bad_files import BadPicture, converted_parts
from snntrain.data.own.listing import Kind, listed
from snntrain.data.own.parts import divided

KIND = Kind("image_folder", "pictures", decoding.SUFFIXES)
# Another number makes all caches anew: the way in which a picture becomes pixels has changed.
VERSION = 1


@dataclass(frozen=True)
class Picture:
    """A picture file, which becomes an image of a fixed size when it is read.

    Args:
        path: the file.
        label: its class.
        channels, height, width, fit: as in `decoding.brought`.
    """

    path: Path
    label: int
    channels: int
    height: int
    width: int
    fit: str

    def read(self) -> NDArray[np.uint8]:
        """Return the image, uint8 `[C, H, W]`.

        Raises:
            BadPicture: the file cannot be read.
        """
        try:
            image, _ = decoding.brought(decoding.upright(self.path), self.channels, self.height, self.width, self.fit)
            return decoding.pixels(image)
        except MemoryError:
            raise
        except Image.DecompressionBombError:
            raise BadPicture(self.path, f"it has more than {decoding.MOST_PIXELS:,} pixels") from None
        except UnidentifiedImageError:
            raise BadPicture(self.path, "it is not a picture, whatever its name says") from None
        except OSError as error:
            raise BadPicture(self.path, f"{error.strerror or error}") from error
        except Exception as error:  # Damaged bytes may raise anything.
            raise BadPicture(self.path, f"it is damaged: {' '.join(str(error).split()):.100}") from error


def load(
    root: str | None = None,
    validation: float = 0.1,
    split_seed: int = 0,
    test: float = 0.2,
    size: Sequence[int] = (32, 32),
    channels: int = 3,
    fit: str = "crop",
    skip_bad: bool = False,
) -> Data:
    """Return the pictures below a folder, `train/<class>/…` with optional `val/` and `test/`, or `<class>/…`.

    They are decoded once, in worker processes, into a cache beside them.

    Args:
        root: the folder.
        validation: share of the training pictures that is held out, if there is no folder val.
        split_seed: seed of the parts that are held out.
        test: share of all pictures that is held out for the test, if there is no folder test.
        size: height and width of the images.
        channels: 1 for grey images, 3 for colours.
        fit: crop, pad or squash, as in `decoding.brought`.
        skip_bad: whether pictures that cannot be read are left out.

    Raises:
        UserError: the folder has no two classes of pictures, pictures cannot be read, or a class has too few for all
            parts.
    """
    height, width = size
    listing = listed(root, KIND)
    recordings = {
        part: [Picture(file.path, file.label, channels, height, width, fit) for file in files]
        for part, files in listing.parts.items()
    }
    key = {"version": VERSION, "channels": channels, "height": height, "width": width, "fit": fit}
    parts = converted_parts(KIND, listing, recordings, key=key, skip_bad=skip_bad)
    data = divided(KIND.dataset, parts, listing.class_names, validation=validation, test=test, split_seed=split_seed)
    return replace(data, fit=fit)
