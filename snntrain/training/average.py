"""An average of the weights over the steps of training, which is evaluated in their place."""

import copy
from collections.abc import Iterator
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

M = TypeVar("M", bound=nn.Module)


class Average(Generic[M]):
    """An exponential moving average of a model's parameters and buffers; integers are copied.

    Not torch's AveragedModel: that copies its number of steps to the GPU in every step, and the host waits for it.

    Args:
        model: it is copied, and not averaged itself: the first `update` is taken as it is.
        decay: share of the old average in the new one, in (0, 1).
    """

    def __init__(self, model: M, decay: float) -> None:
        self.model = copy.deepcopy(model)
        self.decay = decay
        self._begun = False

    @torch.no_grad()
    def update(self, model: M) -> None:
        """Takes in the weights after a step."""
        pairs = list(zip(_tensors(self.model), _tensors(model), strict=True))
        floats = [(mine, new) for mine, new in pairs if mine.is_floating_point()]
        averages, news = map(list, zip(*floats, strict=True))
        torch._foreach_lerp_(averages, news, 1 - self.decay if self._begun else 1.0)
        for mine, new in pairs:
            if not mine.is_floating_point():
                mine.copy_(new)
        self._begun = True


def _tensors(model: nn.Module) -> Iterator[Tensor]:
    yield from model.parameters()
    yield from model.buffers()
