"""An average of the weights over the training steps, evaluated in their place."""

import copy
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from snntrain.training.job import devices

M = TypeVar("M", bound=nn.Module)


class Average(Generic[M]):
    """An exponential moving average of a model's parameters and buffers; integers are copied.

    Not torch's AveragedModel: that copies its number of steps to the GPU in every step, and the host waits for it.

    Args:
        model: it is copied; the first `update` replaces the copy.
        decay: share of the old average in the new one, in (0, 1).

    Attributes:
        begun: whether there was an update.
    """

    def __init__(self, model: M, decay: float) -> None:
        self.model = copy.deepcopy(model)
        self.decay = decay
        self.begun = False

    @torch.no_grad()
    def update(self, model: M, left_out: Tensor) -> None:
        """Add the weights after a step, unless the step was `left_out` (bool, no dimension).

        The host waits for a GPU only until the first update.
        """
        by_host = not self.begun or devices.host_decides(left_out.device)
        if by_host and left_out:
            return
        pairs = list(zip(_tensors(self.model), _tensors(model), strict=True))
        floats = [(mine, new) for mine, new in pairs if mine.is_floating_point()]
        averages, news = map(list, zip(*floats, strict=True))
        if by_host:
            torch._foreach_lerp_(averages, news, 1 - self.decay if self.begun else 1.0)
        else:
            self._approach(averages, news, ~left_out)
        for mine, new in pairs:
            if not mine.is_floating_point():
                mine.copy_(new)
        self.begun = True

    def _approach(self, averages: list[Tensor], news: list[Tensor], really: Tensor) -> None:
        """Update if `really` is true, which only the device knows; a skipped step changes nothing."""
        ways = torch._foreach_sub(news, averages)
        torch._foreach_mul_(ways, really.float())
        torch._foreach_add_(averages, ways, alpha=1 - self.decay)

    def state_dict(self) -> dict[str, Any]:
        """Return the average so far, for `load_state_dict`."""
        return {"model": self.model.state_dict(), "begun": self.begun}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a `state_dict()`."""
        self.model.load_state_dict(state["model"])
        self.begun = bool(state["begun"])


def _tensors(model: nn.Module) -> Iterator[Tensor]:
    yield from model.parameters()
    yield from model.buffers()
