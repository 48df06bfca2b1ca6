"""The readout of potentials: a leaky integrator without spikes."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor, nn

from snntrain.data.padding import Padding
from snntrain.network.readout.over_time import exact, mean_over_time, without_padding
from snntrain.network.readout.readout import Readout
from snntrain.neuron import BaseNode, LINode


class Integrated(Readout):
    """The base of readouts with leaky integrators after the last linear layer.

    Args:
        tau: time constant of the integrators, in time steps.
        learn_tau: whether it is learnt, one for all integrators; it must then be above 1.

    Raises:
        ValueError: `tau` is not positive, or not above 1 with `learn_tau`.
    """

    def __init__(self, tau: float, learn_tau: bool = False) -> None:
        super().__init__()
        node = LINode(tau, learn_tau=learn_tau)
        self.tau, self.learn_tau = node.tau, node.learn_tau

    def output(self, neuron: Callable[[], BaseNode]) -> Callable[[], nn.Module | None]:
        """Return what makes the leaky integrators; spiking neurons are not made."""
        return lambda: LINode(tau=self.tau, learn_tau=self.learn_tau, step_mode="m")


class Membrane(Integrated):
    """The potential of leaky integrators that never spike; the score of a class is its potential over the valid steps.

    Args:
        tau: time constant of the integrators, in time steps.
        over: 'last', the potential after the last valid step; 'max', the greatest; 'mean', the mean.
        learn_tau: as in `Integrated`.

    Raises:
        ValueError: `tau` is not positive, or not above 1 with `learn_tau`; or another `over`.
    """

    meanings: ClassVar[dict[str, str]] = {
        "last": "potential after the last step",
        "max": "greatest potential",
        "mean": "mean potential",
    }

    def __init__(self, tau: float = 2.0, over: str = "mean", learn_tau: bool = False) -> None:
        super().__init__(tau, learn_tau)
        if over not in self.meanings:
            raise ValueError(f"over={over!r} is not a way to read a potential: give one of {', '.join(self.meanings)}")
        self.over, self.meaning = over, self.meanings[over]

    def scores(self, output: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return one potential of each class, `[N, classes]`; arguments as in `Readout.scores`.

        Classes share the gradient of 'max' equally among steps with the same greatest potential.
        """
        potentials = exact(output)
        if self.over == "mean":
            return mean_over_time(potentials, lengths)
        if self.over == "max":
            return without_padding(potentials, lengths, fill=-torch.inf).amax(0)
        if lengths is None:
            return potentials[-1]
        # Not gather: its gradient is not deterministic on a GPU.
        before_last = Padding(lengths - 1, len(output)).valid().unsqueeze(2)
        return without_padding(potentials, lengths).masked_fill(before_last, 0).sum(0)

    def course(self, output: Tensor) -> tuple[str, Tensor]:
        """Return the potentials."""
        return "potential v", output

    def extra_repr(self) -> str:
        return f"tau={self.tau}, over={self.over!r}"
