"""Who decides on the numbers of a step: the host where it has computed them, else the device."""

import torch


def decides(device: torch.device) -> bool:
    """Whether the host reads numbers of `device` without waiting for it."""
    return device.type == "cpu"
