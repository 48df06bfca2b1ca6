"""Gradient checkpointing that knows the states of neurons: less memory for activations, more computation.

Only the input of a segment of layers is kept. Its backward pass computes the segment again, from the states, the
buffers and the random numbers with which the first computation began, and leaves all of them as they are. So gradients
are the same to the bit, and normalisations count a batch once.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from snntrain.neuron import BaseNode, Carrying

# Layers of a segment, `[T, N, *]` to `[T, N, *]`.
Segment = Callable[[Tensor], Tensor]
# Attributes by which others see a neuron; a second computation must not change what they have seen.
SHOWN: dict[str, Any] = {"monitor": None, "observer": None}


def checkpointed(segment: Segment, layers: Sequence[nn.Module], x: Tensor) -> Tensor:
    """Return `segment(x)`; its activations are computed again in the backward pass.

    Args:
        segment: computes the layers.
        layers: the layers, with their neurons and buffers.
        x: the input, `[T, N, *]`.
    """
    before = _Before(layers)
    first = True

    def compute(given: Tensor) -> Tensor:
        nonlocal first
        if first:
            first = False
            return segment(given)
        # On a GPU the backward pass runs in another thread, which knows neither the rows of this process nor the
        # padding of the batch.
        return before.context.copy().run(again, given)

    def again(given: Tensor) -> Tensor:
        with before.restored():
            return segment(given)

    result: Tensor = checkpoint(compute, x, use_reentrant=False)
    return result


class _Before:
    """The states, the buffers and the context of a segment before its computation."""

    def __init__(self, layers: Sequence[nn.Module]) -> None:
        modules = list(nn.ModuleList(layers).modules())
        self.context = contextvars.copy_context()
        self.nodes = [(node, _states(node)) for node in modules if isinstance(node, BaseNode | Carrying)]
        # An expanded buffer is a constant: nothing can write to it in place.
        self.buffers = [
            (module, name, buffer.clone())
            for module in modules
            for name, buffer in module.named_buffers(recurse=False)
            if 0 not in buffer.stride()
        ]

    @contextmanager
    def restored(self) -> Iterator[None]:
        """Put everything back for the block; afterwards all is as it was before the block."""
        now = [(node, _states(node), {name: getattr(node, name) for name in _shown(node)}) for node, _ in self.nodes]
        buffers = [module._buffers[name] for module, name, _ in self.buffers]
        try:
            for node, states in self.nodes:
                _set(node, states | (SHOWN if isinstance(node, BaseNode) else {}))
            for module, name, buffer in self.buffers:
                # A clone in its place: the graph of the first computation must not see it change.
                module._buffers[name] = buffer.clone()
            yield
        finally:
            for node, states, shown in now:
                _set(node, states | shown)
            for (module, name, _), current in zip(self.buffers, buffers, strict=True):
                module._buffers[name] = current


def _shown(node: BaseNode | Carrying) -> Sequence[str]:
    return ("v_seq", *SHOWN) if isinstance(node, BaseNode) else ()


def _states(node: BaseNode | Carrying) -> dict[str, Any]:
    return {name: getattr(node, name) for name in node.states}


def _set(node: BaseNode | Carrying, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(node, name, value)
