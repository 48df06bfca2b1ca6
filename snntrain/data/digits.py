"""The embedded data set: 1,797 handwritten digits inside the package, loaded in milliseconds."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from snntrain.data.dataset import Data, ImageTensors, hold_out
from snntrain.errors import UserError, first_line

COUNT = 1797
FILE = Path(__file__).with_name("optdigits") / "optdigits.npz"


def load(root: str | None = None, validation: float = 0.1, split_seed: int = 0) -> Data:
    """Return digits of 13 people, 8x8, values 0 to 16 (Alpaydin and Kaynak, UCI, doi 10.24432/C50P49, CC BY 4.0).

    The test set is a fifth of the images of each class, always the same.

    Args:
        root: ignored; all data sets take this argument, but these images are part of the package.
        validation: share of the other images that is held out for validation, default 0.1.
        split_seed: seed of that split.

    Raises:
        UserError: `validation` is not a share, or the file in the package is damaged.
    """
    images, labels = _read()
    tested = torch.zeros(len(labels), dtype=torch.bool)
    for digit in range(10):
        # By position, not by a random generator: no version of a library can change the split then.
        tested[(labels == digit).nonzero().flatten()[2::5]] = True
    return hold_out(
        "digits",
        ImageTensors(images[~tested], labels[~tested]),
        ImageTensors(images[tested], labels[tested]),
        tuple(map(str, range(10))),
        validation=validation,
        split_seed=split_seed,
        scale=16.0,
    )


def _read() -> tuple[Tensor, Tensor]:
    """Return all images, uint8 `[N, 1, 8, 8]`, and their labels, int64 `[N]`."""
    try:
        # No pickles: they could run any code.
        with FILE.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            images, labels = arrays["images"], arrays["labels"]
        if (images.shape, images.dtype) != ((COUNT, 8, 8), np.uint8) or labels.shape != (COUNT,):
            raise ValueError(f"its images are {images.dtype} {list(images.shape)}")
        if labels.dtype != np.uint8 or labels.max() > 9 or images.max() > 16:
            raise ValueError("its values are not digits")
    except Exception as error:  # Damaged bytes may raise anything.
        reason = first_line(error) or type(error).__name__
        raise UserError(f"{FILE} is damaged: {reason}; install snntrain again, which contains it") from error
    return torch.from_numpy(images).unsqueeze(1), torch.from_numpy(labels.astype(np.int64))
