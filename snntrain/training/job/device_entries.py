"""The device and PyTorch's settings, as environment.json records them."""

import torch

from snntrain.training.job.world import World


def device_entries(world: World) -> dict[str, str | int | None]:
    """Return the entries by key."""
    return {
        "device": str(world.device),
        "device_name": world.device_name,
        "cuda": torch.version.cuda,
        "processes": world.size,
        "cpu_threads": torch.get_num_threads(),
    }
