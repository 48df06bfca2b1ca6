"""The update of the weights, which is skipped in a bad step."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from snntrain.training.job import devices


def takes_found_inf(optimizer: Optimizer) -> bool:
    """Return whether the optimizer skips a step if its `found_inf` on the device is 1, as fused optimizers do."""
    return bool(getattr(optimizer, "_step_supports_amp_scaling", False))


class Move:
    """The step of an optimizer; bad steps are skipped.

    The GPU decides if the optimizer can skip a step there, except for the first step: after a skipped one, torch's
    fused SGD would use an uninitialised momentum. Otherwise, and on a CPU, the host waits for the gradients and
    decides.
    """

    def __init__(self, optimizer: Optimizer, device: torch.device) -> None:
        self.optimizer = optimizer
        self.by_host = True
        self.stays_with_host = devices.host_decides(device) or not takes_found_inf(optimizer)

    def __call__(self, bad: Tensor) -> None:
        """Move the weights along their gradients, unless `bad`, a bool tensor without dimensions."""
        if not self.by_host:
            self._move_on_device(bad)
        elif bad:
            # The schedule continues, and torch would warn that it runs ahead of the optimizer.
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
