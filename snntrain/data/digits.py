"""The embedded data set: 1,797 handwritten digits, part of the package, read in milliseconds."""

from pathlib import Path

import numpy as np
import torch

from snntrain.data.dataset import Data, ImageTensors, hold_out

FILE = Path(__file__).with_name("optdigits") / "optdigits.npz"


def load(root: str | None = None, validation: float = 0.1, split_seed: int = 0) -> Data:
    """Digits of 13 people, 8x8, values 0 to 16 (Alpaydin and Kaynak, UCI, doi 10.24432/C50P49, CC BY 4.0).

    A fifth of the images of each class, always the same, are the test set.

    Args:
        root: not used, the images lie in the package; all data sets take it.
        validation: share of the other images that is held out of training, default 0.1.
        split_seed: seed of that choice.

    Raises:
        UserError: a `validation` that is no share.
    """
    with np.load(FILE) as arrays:
        images = torch.from_numpy(arrays["images"]).unsqueeze(1)
        labels = torch.from_numpy(arrays["labels"].astype(np.int64))
    tested = torch.zeros(len(labels), dtype=torch.bool)
    for digit in range(10):
        # By position, not by a random generator: no version of any library can change this split.
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
