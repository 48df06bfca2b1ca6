"""Values over time, without the padding of sequences."""

from __future__ import annotations

import torch
from torch import Tensor

from snntrain.data.padding import Padding


def mean_over_time(values: Tensor, lengths: Tensor | None = None) -> Tensor:
    """Return the mean over the valid time steps, `[N, ...]`, float32 at least.

    Args:
        values: `[T, N, ...]`, like the output of a network, for which the mean is the firing rate.
        lengths: valid time steps of each sample, `[N]`; None if all are valid.
    """
    values = exact(values)
    if lengths is None:
        return values.mean(0)
    return without_padding(values, lengths).sum(0) / lengths.view(-1, *[1] * (values.ndim - 2))


def exact(values: Tensor) -> Tensor:
    """Return the values in float32 at least: half precision rounds sums."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def without_padding(values: Tensor, lengths: Tensor | None, fill: float = 0.0) -> Tensor:
    """Set the time steps of `[T, N, ...]` that are only padding to `fill`, whatever values they hold."""
    if lengths is None:
        return values
    padding = ~Padding(lengths, len(values)).valid()
    return values.masked_fill(padding.view(*padding.shape, *[1] * (values.ndim - 2)), fill)


def valid_values(values: Tensor, lengths: Tensor | None) -> Tensor:
    """Return the valid time steps of `[T, N, *]` one after another, `[steps, *]`; `values` itself without lengths.

    A GPU waits for it. A layer with other time steps or rows than the batch has no padding.
    """
    if lengths is None or values.shape[1] != len(lengths) or len(values) < int(lengths.max()):
        return values
    return values[Padding(lengths, len(values)).valid()]
