"""Pretended GPUs, as PyTorch would describe them; nothing can be computed on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
import torch


@dataclass
class Gpus:
    """`current` is the index of the current one."""

    capabilities: Sequence[tuple[int, int]]
    architectures: Sequence[str]
    current: int

    def index(self, device: Any = None) -> int:
        """Return the index that PyTorch takes `device` for."""
        if isinstance(device, int):
            return device
        given = None if device is None else torch.device(device).index
        return self.current if given is None else given

    def exchange(self, index: int) -> int:
        before, self.current = self.current, index if index >= 0 else self.current
        return before


def stand_in(
    patch: pytest.MonkeyPatch,
    *capabilities: tuple[int, int],
    current: int = 0,
    rocm: str | None = None,
    architectures: Sequence[str] = (),
) -> Gpus:
    """Make PyTorch find GPUs of these compute capabilities, made by AMD if `rocm` is given."""
    gpus = Gpus(capabilities, architectures or [""] * len(capabilities), current)
    answers = {
        "is_available": lambda: True,
        "device_count": lambda: len(capabilities),
        "current_device": lambda: gpus.current,
        "get_device_capability": lambda device=None: capabilities[gpus.index(device)],
        "get_device_name": lambda device=None: f"GPU {gpus.index(device)}",
        "get_device_properties": lambda device=None: SimpleNamespace(
            major=capabilities[gpus.index(device)][0], gcnArchName=gpus.architectures[gpus.index(device)]
        ),
        "mem_get_info": lambda device=None: (10**9, 2 * 10**9),
        "_exchange_device": gpus.exchange,
        "_maybe_exchange_device": gpus.exchange,
    }
    for name, answer in answers.items():
        patch.setattr(torch.cuda, name, answer)
    patch.setattr(torch.version, "hip", rocm)
    return gpus
