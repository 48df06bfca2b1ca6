"""The buffers of a model, restored after a bad step."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from snntrain.training.job import devices


class Buffers:
    """A copy of a model's buffers before a step: a NaN would stay in the running statistics of a normalisation.

    Buffers of one dtype are copied as one tensor: a GPU has fewer kernels to launch.
    """

    def __init__(self, model: nn.Module) -> None:
        groups: dict[torch.dtype, list[Tensor]] = {}
        for buffer in model.buffers():
            # An expanded buffer is a constant: nothing can write to it in place.
            if 0 not in buffer.stride():
                groups.setdefault(buffer.dtype, []).append(buffer)
        self.groups = list(groups.values())
        self.kept = [_in_one_piece(group) for group in self.groups]

    def keep(self) -> None:
        """Copy the buffers."""
        for kept, group in zip(self.kept, self.groups, strict=True):
            kept.copy_(_in_one_piece(group))

    def restore(self, bad: Tensor) -> None:
        """Restore the copies if the step was `bad`, a bool tensor without dimensions; the host does not wait for it."""
        if devices.host_decides(bad.device) and not bad:
            return
        for kept, group in zip(self.kept, self.groups, strict=True):
            right = torch.where(bad, kept, _in_one_piece(group)).split([buffer.numel() for buffer in group])
            torch._foreach_copy_(group, [part.view_as(buffer) for part, buffer in zip(right, group, strict=True)])


def _in_one_piece(tensors: list[Tensor]) -> Tensor:
    return torch.cat([tensor.flatten() for tensor in tensors])
