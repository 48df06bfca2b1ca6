"""The readout of the currents of the last linear layer."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from snntrain.network.readout.over_time import mean_over_time
from snntrain.network.readout.readout import Readout
from snntrain.neuron import BaseNode


class Current(Readout):
    """No layer after the last linear layer; the score of a class is its mean current over the valid steps."""

    meaning = "mean current"

    def output(self, neuron: Callable[[], BaseNode]) -> Callable[[], nn.Module | None]:
        """Return what makes no layer."""
        return lambda: None

    def scores(self, output: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return the mean currents, `[N, classes]`; arguments as in `Readout.scores`."""
        return mean_over_time(output, lengths)

    def course(self, output: Tensor) -> tuple[str, Tensor]:
        """Return the currents."""
        return "current", output
