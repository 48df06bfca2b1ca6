"""The device and PyTorch's settings, as environment.json records them."""

import torch


def device_entries(device: torch.device, device_name: str) -> dict[str, str | int | None]:
    """Return the entries by key."""
    return {
        "device": str(device),
        "device_name": device_name,
        "cuda": torch.version.cuda,
        "cpu_threads": torch.get_num_threads(),
    }
