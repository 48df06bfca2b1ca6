"""The readout of potentials as a sum of probabilities."""

from __future__ import annotations

import torch
from torch import Tensor

from snntrain.network.readout.membrane import Integrated
from snntrain.network.readout.over_time import exact, without_padding


class SumSoftmax(Integrated):
    """Leaky integrators that never spike; the score of a class is the sum of the softmax of the potentials.

    The sum is over the valid steps (Bittar and Garner, Front. Neurosci. 2022; Hammouamri et al., ICLR 2024).

    Args:
        tau, learn_tau: as in `Integrated`.

    Raises:
        ValueError: `tau` is not positive, or not above 1 with `learn_tau`.
    """

    meaning = "sum of the softmax"

    def __init__(self, tau: float = 2.0, learn_tau: bool = False) -> None:
        super().__init__(tau, learn_tau)

    def scores(self, output: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return the sum of the softmax over the valid steps, `[N, classes]`; arguments as in `Readout.scores`."""
        return _softmax(output, lengths).sum(0)

    def rates(self, output: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return the mean of the softmax over the valid steps, `[N, classes]`, each row with the sum 1."""
        return self.scores(output, lengths) / (len(output) if lengths is None else lengths.unsqueeze(1))

    def course(self, output: Tensor) -> tuple[str, Tensor]:
        """Return the sums so far."""
        return "sum of the softmax so far", _softmax(output, None).cumsum(0)

    def extra_repr(self) -> str:
        return f"tau={self.tau}"


def _softmax(output: Tensor, lengths: Tensor | None) -> Tensor:
    # Padding may hold NaN, which the gradient of a softmax would keep: it is taken out before and after.
    potentials = without_padding(exact(output), lengths)
    return without_padding(torch.softmax(potentials, 2), lengths)
