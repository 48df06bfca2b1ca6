"""The neurons that do not fill a whole vector: compiled code on the CPU takes only whole vectors.

The first neurons, which fill whole vectors, stay in place. The others, fewer than a vector has, are copied into a
separate vector. Its unused places hold zeros, or for the state the potential at rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from snntrain.neuron.integrate_and_fire.contract import Inputs, Parts, number, one_each

# The tensor of whole vectors, if there are any, and the tensor of the remaining neurons; either may be None.
Pieces = Sequence[Any]


class Remainder:
    """A cut of the tensors of a step into whole vectors, and one vector for the remaining neurons.

    Args:
        neurons: neurons per step, not a multiple of `width`.
        width: numbers per vector.
    """

    def __init__(self, neurons: int, width: int) -> None:
        self.neurons, self.width = neurons, width
        self.whole = neurons - neurons % width

    def sequence(self, sequence: Tensor | None) -> Pieces:
        """Return `[T, N, *]`, with all steps in one order, as `[T, whole]`, a view, and `[T, width]`."""
        if sequence is None:
            return self._twice(None)
        return self._cut(sequence.as_strided((sequence.shape[0], self.neurons), (sequence.stride(0), 1)))

    def step(self, values: Tensor | None, behind: float = 0.0) -> Pieces:
        """Return `[N, *]` as `[whole]`, a view, and `[width]`, padded with the number `behind`."""
        return self._twice(None) if values is None else self._cut(values.as_strided((self.neurons,), (1,)), behind)

    def inputs(self, given: Inputs) -> Iterator[Inputs]:
        """Yield the inputs of the pieces."""
        # The unused places of a vector stay at rest. From any other potential they might diverge to infinity, and 0
        # times infinity would spoil the sums.
        rest = 0.0 if one_each(given.rest) else number(given.rest)
        own = [self.step(k) if one_each(k) else self._twice(k) for k in given.coefficients]
        own.append(self.step(given.v0, rest) if one_each(given.v0) else self._twice(given.v0))
        for x, *values in zip(self.sequence(given.x), *own, strict=True):
            yield Inputs(x, given.T, x.shape[1], *values)

    def write_back(self, pieces: Pieces, into: Tensor | None) -> None:
        """Copy the results of the remaining neurons to their places."""
        if into is not None:
            left_over = pieces[-1]
            steps = left_over.numel() // self.width
            # A step may have no dimension.
            flat = into.as_strided((steps, self.neurons), (into.stride(0) if steps > 1 else self.neurons, 1))
            flat[:, self.whole :] = left_over.reshape(steps, self.width)[:, : self.neurons - self.whole]

    def joined(self, parts: Sequence[Parts]) -> Parts:
        """Join the parts of the pieces."""
        return Parts(
            *(None if each[0] is None else torch.cat(each)[: self.neurons] for each in zip(*parts, strict=True))
        )

    def _cut(self, flat: Tensor, behind: float = 0.0) -> Pieces:
        left_over = pad(flat[..., self.whole :], (0, self.width - self.neurons + self.whole), value=behind)
        return [flat[..., : self.whole], left_over] if self.whole else [left_over]

    def _twice(self, value: float | Tensor | None) -> list[Any]:
        return [value] * (2 if self.whole else 1)
