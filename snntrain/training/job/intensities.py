"""The check that an encoder can take the intensities of a data set."""

from __future__ import annotations

from torch import nn

from snntrain.data.dataset import Data, ImageTensors
from snntrain.data.encoder import Latency, Poisson
from snntrain.errors import UserError


def check(encoder: nn.Module, data: Data) -> None:
    """Check that images for an encoder of probabilities or times are in [0, 1]; bytes always are.

    Raises:
        UserError: some are not.
    """
    if not isinstance(encoder, Poisson | Latency):
        return
    for split in (data.train, data.validation, data.test):
        if isinstance(split, ImageTensors) and split.images.ndim == 4 and split.images.is_floating_point():
            least, greatest = (float(bound) for bound in split.images.aminmax())
            if least < 0 or greatest > 1:
                name = type(encoder).__name__.lower()
                raise UserError(
                    f"encoder={name}: takes intensities from 0 to 1, and those of {data.name} go from {least:g} to "
                    f"{greatest:g}; scale the numbers in its file, or use encoder=direct"
                )
