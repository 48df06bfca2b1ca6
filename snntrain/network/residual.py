"""Residual connections of spiking networks."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from snntrain.network.sequence import OverTime, TimeSequential


def _iand(body: Tensor, shortcut: Tensor) -> Tensor:
    return (1 - body) * shortcut


# How the spikes a of the body and s of the shortcut are joined: a + s, a s or (1 - a) s (Fang et al., NeurIPS 2021).
JOINS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"add": torch.add, "and": torch.mul, "iand": _iand}


class Residual(OverTime):
    """A chain of layers beside a shortcut, joined: `join(body(x), shortcut(x))`, for sequences `[T, N, *]`.

    Args:
        body: layers that map `[T, N, *]`.
        shortcut: layers that map x to the shape of the body's output; None for x itself.
        join: 'add', 'and' or 'iand', see `JOINS`.

    Raises:
        ValueError: an unknown join.
    """

    takes_constant = True

    def __init__(self, body: TimeSequential, shortcut: TimeSequential | None = None, join: str = "add") -> None:
        super().__init__()
        if join not in JOINS:
            raise ValueError(f"join={join!r} is not a way to join a residual: give one of {', '.join(JOINS)}")
        self.body = body
        self.shortcut = shortcut
        self.join = join

    def forward(self, x: Tensor, T: int | None = None) -> Tensor:
        """Return the joined sequence, `[T, N, *]`; a constant input is computed once up to the first neurons.

        Args:
            x: `[T, N, *]`, or with `T` given `[1, N, *]`, the same at each of T steps. The output is then also
                `[1, N, *]` if no layer has a state.
        """
        return JOINS[self.join](self.body(x, T), x if self.shortcut is None else self.shortcut(x, T))

    def extra_repr(self) -> str:
        return f"join={self.join!r}"
