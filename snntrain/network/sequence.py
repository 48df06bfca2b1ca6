"""Layers over time: stateless layers take T steps as one large batch, and a constant input only once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn

from snntrain.network.checkpoint import checkpointed
from snntrain.neuron import BaseNode
from snntrain.neuron.integrate_and_fire import is_repeated, steps_of


class OverTime(nn.Module):
    """The base of layers that take the whole sequence `[T, N, *]`, not its steps as one batch."""

    # Whether `forward(x, T)` takes a constant current as one step `[1, N, *]`, and may return one.
    takes_constant: ClassVar[bool] = False


class TimeSequential(nn.Sequential, OverTime):
    """A chain of layers over a sequence `[T, N, *]`.

    Layers that are or contain a neuron (in multi-step mode) or an `OverTime` layer take the sequence as it is; so do
    nested chains. Any other layer is stateless and takes all steps as one batch, `[T * N, *]`.

    A constant current stays one step `[1, N, *]` up to the first neurons, so that stateless layers compute it once. A
    current is constant if `T` is given, or if all steps share one memory (stride 0 over T) and need no gradient.

    Attributes:
        checkpoint_layers: None, or the number of layers of a segment. In training the activations of each segment but
            the last are then computed again in the backward pass, see `snntrain.network.checkpoint`.

    Raises:
        ValueError: a neuron in single-step mode, or an `nn.Sequential` with neurons inside; both would mistake the
            batch for time. Or the input has more than one step, and their number is not `T`.
    """

    takes_constant = True
    checkpoint_layers: int | None = None

    def forward(self, x: Tensor, T: int | None = None) -> Tensor:
        """Return the output of the last layer, `[T, N, *]`.

        Args:
            x: `[T, N, *]`, or with `T` given `[1, N, *]`, the same at each of T steps. The output is then also
                `[1, N, *]` if no layer has a state.
        """
        steps = steps_of(x, T)
        if T is None and is_repeated(x):
            x = x[:1]
        layers, each = list(self), self.checkpoint_layers
        if each is not None and self.training and torch.is_grad_enabled():
            # The backward pass begins with the last segment, which would be computed again at once.
            for start in range(0, len(layers) - each, each):
                segment = layers[start : start + each]
                x = checkpointed(partial(_through, segment, steps), segment, x)
            layers = layers[-(-len(layers) // each) * each - each :]
        x = _through(layers, steps, x)
        return x if T is not None else x.expand(steps, *x.shape[1:])


def checkpoint_segments(network: nn.Module, layers: int) -> int:
    """Let each outermost `TimeSequential` of a network compute segments of so many layers again; return their number.

    Raises:
        ValueError: the network has no such chain.
    """
    chains = [module for module in _outermost(network) if len(module)]
    if not chains:
        raise ValueError(
            f"{type(network).__name__} has no chain of layers (TimeSequential) that could be cut into segments"
        )
    for chain in chains:
        chain.checkpoint_layers = layers
    return sum(-(-len(chain) // layers) for chain in chains)


def _outermost(network: nn.Module) -> Iterator[TimeSequential]:
    if isinstance(network, TimeSequential):
        yield network
    else:
        for child in network.children():
            yield from _outermost(child)


def _through(layers: Sequence[nn.Module], steps: int, x: Tensor) -> Tensor:
    """Return the output of some layers of a chain; `x` may be one step for all."""
    for layer in layers:
        if not _takes_time(layer):
            x = over_steps(layer, x)
        elif len(x) < steps and (isinstance(layer, BaseNode) or getattr(layer, "takes_constant", False)):
            x = layer(x, steps)
        else:
            x = layer(x.expand(steps, *x.shape[1:]))
    return x


def over_steps(layer: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Apply a stateless layer to every step of `x` `[T, N, *]`, as one batch."""
    steps: Tensor = torch.unflatten(layer(x.flatten(0, 1)), 0, x.shape[:2])
    return steps


def _takes_time(layer: nn.Module) -> bool:
    if isinstance(layer, BaseNode) and layer.step_mode != "m":
        raise ValueError(f"a TimeSequential needs neurons with step_mode='m', not {layer.step_mode!r}")
    timed = any(isinstance(module, BaseNode | OverTime) for module in layer.modules())
    if timed and type(layer) is nn.Sequential:
        raise ValueError("an nn.Sequential inside a TimeSequential holds neurons: make it a TimeSequential too")
    return timed
