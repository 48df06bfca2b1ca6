"""Layers that compute over the whole batch if several processes share it: batch normalisation and dropout.

The batch normalisation also leaves out the padding of sequences, in any number of processes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd

from snntrain.data import padding
from snntrain.data.padding import ValidSteps
from snntrain.data.share import current, own_rows
from snntrain.network.layers import ones_of
from snntrain.neuron import BaseNode, surrogate

# Adds up a tensor over all processes, in place.
Sum = Callable[[Tensor], Tensor]


def synchronise(network: nn.Module, sum_over_all: Sum) -> None:
    """Make batch normalisations, dropouts and neurons that draw random spikes compute over the whole batch.

    Parameters, buffers, their names, and the classes as `isinstance` sees them stay the same. A subclass with a
    `forward` of its own is left alone, as is torch's SyncBatchNorm.

    Args:
        network: it is changed.
        sum_over_all: adds up a tensor over all processes, in place, and returns it.
    """
    for module in network.modules():
        if isinstance(module, _BatchNorm) and type(module).forward is _BatchNorm.forward:
            module.__class__ = _synchronised(type(module), _Normalising)
            module.sum_over_all = _Kept(sum_over_all)  # type: ignore[assignment]
            module.valid_steps = ValidSteps()  # type: ignore[assignment]
        elif type(module) in (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d):
            module.__class__ = _synchronised(type(module), _Dropping)
        elif isinstance(module, BaseNode) and type(fire := module.surrogate_function) is surrogate.PoissonPass:
            module.surrogate_function = _PoissonPass(spiking=fire.spiking)


class _Kept:
    """A function that a copy of its module shares: a group of processes cannot be copied."""

    def __init__(self, function: Sum) -> None:
        self.function = function

    def __call__(self, value: Tensor) -> Tensor:
        return self.function(value)

    def __deepcopy__(self, memo: dict[int, Any]) -> _Kept:
        return self


_classes: dict[tuple[type, type], type] = {}


def _synchronised(kind: type, mixed_in: type) -> type:
    """Return a subclass of a layer's class with the same name."""
    if (kind, mixed_in) not in _classes:
        names = {name: getattr(kind, name) for name in ("__module__", "__qualname__", "__doc__")}
        _classes[kind, mixed_in] = type(kind.__name__, (mixed_in, kind), names)
    return _classes[kind, mixed_in]


class _Normalising(_BatchNorm):
    """A batch normalisation by mean and variance of the whole batch, without the padding of sequences.

    Padding is normalised by the same mean and variance.
    """

    sum_over_all: _Kept
    valid_steps: ValidSteps

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised batch, of the same shape `[N, C, *]`."""
        if not self.training or (current() is None and padding.current() is None):
            return super().forward(x)
        self._check_input_dim(x)
        valid = self.valid_steps.of_rows(len(x))
        if valid is not None:
            valid = valid.view(-1, *[1] * (x.ndim - 1))
        mean, variance, count = self._statistics(x.detach(), valid)
        exact = torch.promote_types(x.dtype, torch.float32)
        if self.track_running_stats:
            self._update(mean, variance, count)
        y: Tensor = _Normalise.apply(
            *(x, self.weight, self.bias, mean.to(exact), variance.to(exact), count.to(exact)),
            *(valid, self.eps, self.sum_over_all),
        )
        return y

    def _statistics(self, x: Tensor, valid: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Return mean and biased variance of each channel, and the number of values; float64."""
        channels = x.shape[1]
        sums = x.new_zeros(2 * channels + 1, dtype=torch.float64)
        values = x.numel() // channels if channels else 0
        if values:
            # A sum of squares would lose the variance of a channel far from 0, unless it is all in float64.
            exact, over = x.to(torch.promote_types(x.dtype, torch.float32)), _all_but_channels(x)
            count: Tensor | int = values
            if valid is None:
                variance, mean = torch.var_mean(exact, over, correction=0)
            else:
                count = valid.sum() * (values // len(x))
                mean = exact.masked_fill(~valid, 0).sum(over, dtype=torch.float64) / count
                centred = (exact - mean.to(exact.dtype).view(1, -1, *[1] * (x.ndim - 2))).masked_fill_(~valid, 0)
                variance = centred.square_().sum(over, dtype=torch.float64) / count
            mean, variance = mean.double(), variance.double()
            sums[:channels] = count * mean
            sums[channels:-1] = count * (variance + mean.square())
            sums[-1] = count
        sums = self.sum_over_all(sums)
        total = sums[-1]
        mean = sums[:channels] / total
        return mean, (sums[channels:-1] / total - mean.square()).clamp_(min=0), total

    @torch.no_grad()
    def _update(self, mean: Tensor, variance: Tensor, count: Tensor) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        new = 1.0 / self.num_batches_tracked.double() if self.momentum is None else self.momentum
        unbiased = variance * (count / (count - 1).clamp(min=1))
        self.running_mean.copy_((1 - new) * self.running_mean.double() + new * mean)
        self.running_var.copy_((1 - new) * self.running_var.double() + new * unbiased)


class _Normalise(torch.autograd.Function):
    """The normalisation with given statistics; its gradient passes through the statistics of the whole batch."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        mean: Tensor,
        variance: Tensor,
        count: Tensor,
        valid: Tensor | None,
        eps: float,
        sum_over_all: Sum,
    ) -> Tensor:
        ctx.save_for_backward(x, weight, mean, variance, count, valid)
        ctx.eps, ctx.sum_over_all = eps, sum_over_all
        return F.batch_norm(x, mean, variance, weight, bias, training=False, eps=eps)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Any, ...]:
        x, weight, mean, variance, count, valid = ctx.saved_tensors
        over, shape = _all_but_channels(x), (1, -1, *[1] * (x.ndim - 2))
        deviation = (variance + ctx.eps).rsqrt()
        g = gradient.to(mean.dtype)
        centred = x.to(mean.dtype) - mean.view(shape)
        of_bias, of_weight = g.sum(over), (g * centred).sum(over) * deviation
        # The sums over the rows of this process are its part of the parameters' gradients, which are added up later.
        sums = ctx.sum_over_all(torch.cat([of_bias, of_weight])) / count
        mean_g, mean_gx = sums.chunk(2)
        scale = deviation if weight is None else deviation * weight.to(mean.dtype)
        of_x = g - mean_g.view(shape) - centred * (mean_gx * deviation).view(shape)
        if valid is not None:
            # Mean and variance do not depend on the padding.
            of_x = torch.where(valid, of_x, g)
        of_x = (of_x * scale.view(shape)).to(x.dtype)
        wanted = ctx.needs_input_grad
        return (
            of_x if wanted[0] else None,
            of_weight if wanted[1] else None,
            of_bias if wanted[2] else None,
            *[None] * 6,
        )


def _all_but_channels(x: Tensor) -> list[int]:
    return [dim for dim in range(x.ndim) if dim != 1]


@dataclass(frozen=True, repr=False)
class _PoissonPass(surrogate.PoissonPass):
    """A Poisson pass with the random numbers of the whole batch; its argument is `[N, *]`."""

    def draw(self, x: Tensor) -> Tensor:
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        return own_rows(lambda rows: torch.rand_like(ones_of(wide, rows)), len(x))


class _Dropping(_DropoutNd):
    """A dropout with the mask of the whole batch; its input is `[N, *]`, or `[T * N, *]` as `over_steps` gives it."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the input with some values, or some channels, set to 0."""
        share = current()
        if not self.training or share is None or not share.count or len(x) % share.count:
            return self._dropped(x)
        steps = len(x) // share.count
        mask = self._dropped(ones_of(x, steps * share.rows))
        own: Tensor = mask.unflatten(0, (steps, share.rows)).narrow(1, share.start, share.count).flatten(0, 1)
        return x * own

    def _dropped(self, x: Tensor) -> Tensor:
        y: Tensor = super().forward(x)
        return y
