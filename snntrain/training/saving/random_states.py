"""The random generators of Python, NumPy and PyTorch, as a checkpoint holds them."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch


def random_states(device: torch.device) -> dict[str, Any]:
    """Return the state of each generator, in plain lists and tensors."""
    numpy: Any = np.random.get_state(legacy=True)  # noqa: NPY002  a user's own module may draw from it
    kind, keys, *rest = numpy
    return {
        "python": random.getstate(),
        "numpy": [kind, keys.tolist(), *rest],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
    }


def set_random_states(device: torch.device, states: dict[str, Any]) -> None:
    """Restore the result of `random_states`; the generator of a GPU only if the states were taken on a GPU."""
    random.setstate(states["python"])
    kind, keys, *rest = states["numpy"]
    np.random.set_state((kind, np.array(keys, dtype=np.uint32), *rest))  # noqa: NPY002
    torch.set_rng_state(states["torch"])
    if device.type == "cuda" and states["cuda"] is not None:
        torch.cuda.set_rng_state(states["cuda"], device)
