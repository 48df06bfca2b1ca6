"""The base of all readouts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from torch import Tensor, nn

from snntrain.network.readout.decision import Decision, comparable, decision
from snntrain.neuron import BaseNode


class Readout(nn.Module, ABC):
    """The rule for reading the output `[T, N, classes]` of a network; it has no weights.

    A subclass defines `scores`. It defines `output` if the last linear layer shall be followed by something else than
    spiking neurons.

    Attributes:
        meaning: words for the scores in pictures.
        picture: name of the picture of the scores.
        votes: spiking neurons per class, averaged in the output; None if the output may have other values than spikes.
    """

    meaning: str = "output"
    picture: str = "scores"
    votes: int | None = None

    def output(self, neuron: Callable[[], BaseNode]) -> Callable[[], nn.Module | None]:
        """Return what makes the layer after the last linear layer; None from it leaves the currents as they are.

        Args:
            neuron: makes a fresh multi-step node, as the other layers have.
        """
        return neuron

    def of(self, network: nn.Module) -> Readout:
        """Return the readout of a network, with what depends on its last layers."""
        return self

    @abstractmethod
    def scores(self, output: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return the scores of the classes, `[N, classes]`, float32 at least, with their gradient.

        Args:
            output: output of the network, `[T, N, classes]`.
            lengths: valid time steps of each sample, `[N]`; None if all are valid.
        """

    def rates(self, output: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return the scores on the scale of a firing rate, 1 for a class that is certain; arguments as in `scores`."""
        return self.scores(output, lengths)

    def decide(self, output: Tensor, lengths: Tensor | None = None) -> Decision:
        """Return the class of each image; nothing waits for a GPU. Arguments as in `scores`."""
        return decision(comparable(self.scores(output.detach().double(), lengths).double()))

    def course(self, output: Tensor) -> tuple[str, Tensor]:
        """Return a name and values `[T, N, classes]` for a picture of the output over time."""
        return "output", output

    def forward(self, output: Tensor, lengths: Tensor | None = None) -> Tensor:
        return self.scores(output, lengths)
