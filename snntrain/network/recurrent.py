"""Layers of neurons that get their own spikes of the step before."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from snntrain.network.sequence import OverTime
from snntrain.neuron import BaseNode, Carrying


class Feedback(nn.Linear):
    """The synapses from the neurons of a layer to the same neurons, orthogonal at the start.

    Args:
        features: number of neurons.
        diagonal: whether a neuron has a synapse to itself.
    """

    def __init__(self, features: int, *, diagonal: bool = True) -> None:
        self.diagonal = diagonal
        super().__init__(features, features, bias=False)

    def reset_parameters(self) -> None:
        """Set the weights to an orthogonal matrix, and to 0 from a neuron to itself if it has no such synapse."""
        nn.init.orthogonal_(self.weight)
        if not self.diagonal:
            with torch.no_grad():
                self.weight.fill_diagonal_(0)

    def connected(self) -> Tensor:
        """Return the weights, with zeros that have no gradient in place of synapses that do not exist."""
        if self.diagonal:
            return self.weight
        itself = torch.eye(self.out_features, dtype=torch.bool, device=self.weight.device)
        return self.weight.masked_fill(itself, 0)

    def forward(self, s: Tensor, *, weight: Tensor | None = None) -> Tensor:
        """Return the current `[N, features]` from the spikes `[N, features]`.

        Args:
            s: spikes of the step before.
            weight: the result of `connected()`, if it is already known.
        """
        return F.linear(s, self.connected() if weight is None else weight)

    def extra_repr(self) -> str:
        return f"features={self.out_features}, diagonal={self.diagonal}"


class Recurrent(Carrying, OverTime):
    """A layer of neurons with feedback: the input of step t is `x[t] + V s[t - 1]`.

    The neuron is called once for each step, with `[1, N, features]`. The input current of all steps is computed before
    the loop, by the layers before this one.

    Args:
        neuron: a multi-step node, of any kind that computes one step after the other.
        features: number of neurons.
        diagonal: whether a neuron gets its own spikes, too.

    Attributes:
        neuron: the node.
        feedback: the synapses `V`.
        s: spikes of the last step, `[N, features]`; the number 0 after a reset.

    Raises:
        ValueError: fewer than one neuron, or a node that needs all steps at once.
    """

    states = ("s",)
    s: float | Tensor

    def __init__(self, neuron: BaseNode, features: int, *, diagonal: bool = True) -> None:
        super().__init__()
        if features < 1:
            raise ValueError(f"features must be at least 1, not {features}")
        if not neuron.unparallelizable:
            raise ValueError(
                f"{type(neuron).__name__} computes all steps at once, and the input of a recurrent layer is known only "
                "step by step: take other neurons, or network.recurrent=false"
            )
        self.feedback = Feedback(features, diagonal=diagonal)
        self.neuron = neuron

    def forward(self, x: Tensor) -> Tensor:
        """Return the spikes `[T, N, features]` for the input current `[T, N, features]`."""
        self.check_state("s", x.shape[1:])
        s = self.s if isinstance(self.s, Tensor) else torch.zeros_like(x[0])
        weight, steps = self.feedback.connected(), []
        for current in x.unbind(0):
            s = self.neuron((current + self.feedback(s, weight=weight)).unsqueeze(0)).squeeze(0)
            steps.append(s)
        self.s = s
        return torch.stack(steps)
