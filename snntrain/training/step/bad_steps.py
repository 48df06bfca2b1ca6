"""The count of bad steps: steps with a loss or gradient that is not finite, which change nothing."""

from __future__ import annotations

import torch
from torch import Tensor

from snntrain.training.job import devices

ADVICE = "try a lower optimizer.lr, trainer.clip_grad_norm=1 or trainer.precision=fp32"


class BadSteps:
    """A count of bad steps on the device; nothing waits for a GPU.

    Args:
        most: consecutive bad steps tolerated.
        device: device of the training.
    """

    def __init__(self, most: int, device: torch.device) -> None:
        self.most = most
        self.row, self.longest, self.since = (torch.zeros((), dtype=torch.int64, device=device) for _ in range(3))
        # The longest row of bad steps as far as the host knows: a GPU copies it there in each step, asynchronously.
        self.known = torch.zeros((), dtype=torch.int64, pin_memory=device.type == "cuda")

    def add(self, bad: Tensor) -> None:
        """Count a step; `bad` is a bool tensor without dimensions."""
        if devices.host_decides(bad.device) and not bad:
            self.row.zero_()
            return
        self.row.add_(1).mul_(bad)
        torch.maximum(self.longest, self.row, out=self.longest)
        self.since += bad
        self.known.copy_(self.longest, non_blocking=True)

    def too_many(self) -> bool:
        """Return whether more than `most` came in a row; the last few steps of a GPU may be missing."""
        return int(self.known) > self.most

    def take(self) -> int:
        """Return the number of bad steps since the last call."""
        count = int(self.since)
        self.since.zero_()
        return count

    def state_dict(self) -> dict[str, int]:
        """Return the counts, as `load_state_dict` takes them."""
        return {"row": int(self.row), "since": int(self.since)}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Restore a `state_dict()`."""
        self.row.fill_(state["row"])
        self.longest.fill_(state["row"])
        self.known.fill_(state["row"])
        self.since.fill_(state["since"])
