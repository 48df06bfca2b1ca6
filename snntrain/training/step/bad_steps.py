"""Bad steps, whose loss or gradient is not finite: they are left out, as if they had not been, and counted."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from snntrain.training.job import devices

ADVICE = "try a lower optimizer.lr, trainer.clip_grad_norm=1 or trainer.precision=fp32"


class BadSteps:
    """Counts bad steps on the device; a GPU is not waited for.

    Args:
        most: consecutive bad steps tolerated.
        device: of the training.
    """

    def __init__(self, most: int, device: torch.device) -> None:
        self.most = most
        self.row, self.longest, self.since = (torch.zeros((), dtype=torch.int64, device=device) for _ in range(3))
        # What the host knows of the longest row: a GPU writes it there with each step, when it comes to it.
        self.told = torch.zeros((), dtype=torch.int64, pin_memory=device.type == "cuda")

    def add(self, bad: Tensor) -> None:
        """Counts a step, which was `bad` or not (bool, no dimension)."""
        if devices.host_decides(bad.device) and not bad:
            self.row.zero_()
            return
        self.row.add_(1).mul_(bad)
        torch.maximum(self.longest, self.row, out=self.longest)
        self.since += bad
        self.told.copy_(self.longest, non_blocking=True)

    def too_many(self) -> bool:
        """Whether there were more in a row than `most`; a GPU's last few steps may not be known yet."""
        return int(self.told) > self.most

    def take(self) -> int:
        """How many there were since the last call."""
        count = int(self.since)
        self.since.zero_()
        return count

    def state(self) -> dict[str, int]:
        """What the count goes on from, as `put_back` takes it."""
        return {"row": int(self.row), "since": int(self.since)}

    def put_back(self, state: dict[str, int]) -> None:
        """Goes on from a `state()`."""
        self.row.fill_(state["row"])
        self.longest.fill_(state["row"])
        self.told.fill_(state["row"])
        self.since.fill_(state["since"])


class Buffers:
    """A model's buffers as they were before a step: a NaN would stay in the running statistics of a normalisation.

    Those of one dtype are kept in one piece: for a GPU that is less to launch than a copy for each.
    """

    def __init__(self, model: nn.Module) -> None:
        groups: dict[torch.dtype, list[Tensor]] = {}
        for buffer in model.buffers():
            # One that is expanded from fewer numbers is a constant: nothing can write to it in place.
            if 0 not in buffer.stride():
                groups.setdefault(buffer.dtype, []).append(buffer)
        self.groups = list(groups.values())
        self.kept = [_in_one_piece(group) for group in self.groups]

    def keep(self) -> None:
        """Copies them."""
        for kept, group in zip(self.kept, self.groups, strict=True):
            kept.copy_(_in_one_piece(group))

    def put_back(self, bad: Tensor) -> None:
        """Puts the copies back if the step was `bad` (bool, no dimension), which the host need not know of a GPU."""
        if devices.host_decides(bad.device) and not bad:
            return
        for kept, group in zip(self.kept, self.groups, strict=True):
            right = torch.where(bad, kept, _in_one_piece(group)).split([buffer.numel() for buffer in group])
            torch._foreach_copy_(group, [part.view_as(buffer) for part, buffer in zip(right, group, strict=True)])


def _in_one_piece(tensors: list[Tensor]) -> Tensor:
    return torch.cat([tensor.flatten() for tensor in tensors])


def takes_found_inf(optimizer: Optimizer) -> bool:
    """Whether a step of the optimizer is left out where its `found_inf`, on the device, is 1: fused ones can."""
    return bool(getattr(optimizer, "_step_supports_amp_scaling", False))


class Move:
    """The step of an optimizer, which is left out where the gradient is bad.

    The GPU decides where the optimizer can leave a step out there. Not in the first step: torch's fused SGD would leave
    its momentum uninitialised and then go on from it. Else, and on a CPU, the host waits for the gradients and decides.
    """

    def __init__(self, optimizer: Optimizer, device: torch.device) -> None:
        self.optimizer = optimizer
        self.by_host = True
        self.stays_with_host = devices.host_decides(device) or not takes_found_inf(optimizer)

    def __call__(self, bad: Tensor) -> None:
        """Moves the weights along their gradients, unless `bad` (bool, no dimension)."""
        if not self.by_host:
            self._move_on_device(bad)
        elif bad:
            # The schedule goes on, and torch would warn that it runs ahead of the optimizer.
            self.optimizer._opt_called = True  # type: ignore[attr-defined]
        else:
            self.optimizer.step()
            self.by_host = self.stays_with_host

    def _move_on_device(self, bad: Tensor) -> None:
        optimizer: Any = self.optimizer
        optimizer.grad_scale, optimizer.found_inf = None, bad.float()
        try:
            optimizer.step()
        finally:
            del optimizer.grad_scale, optimizer.found_inf
