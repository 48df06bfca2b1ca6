"""Choose the executor of an operator by the device and dtype of its tensors.

reference   plain PyTorch; any device and dtype, derivatives of any order
cpu         compiled by Numba; float32 and bfloat16
cuda        compiled by Triton, if Triton can build here; float32, bfloat16 and float16

An operator chooses each time that it runs. A traced or exported program names no executor, and therefore uses the
kernels of the device on which it runs. `SNNTRAIN_EXECUTOR` forces an executor, for tests.
"""

from __future__ import annotations

import os
from importlib.util import find_spec

import torch
from torch import Tensor

from snntrain.kernels.gpu import triton_build

NAMES = ("reference", "cpu", "cuda")
VARIABLE = "SNNTRAIN_EXECUTOR"
COMPILED = {"cpu": find_spec("numba") is not None, "cuda": find_spec("triton") is not None}
DTYPES = {
    "cpu": (torch.float32, torch.bfloat16),
    "cuda": (torch.float32, torch.bfloat16, torch.float16),
}


def choose(device: str, dtype: torch.dtype) -> str:
    """Return the name of the executor for a device type and a dtype.

    The first choice for a GPU makes Triton build its launcher, and warns if Triton cannot.

    Raises:
        ValueError: `SNNTRAIN_EXECUTOR` names no executor, or one that does not take the device or dtype.
    """
    forced = os.environ.get(VARIABLE)
    if forced:
        # Triton's interpreter takes tensors on a CPU; no executor takes memory that it cannot reach.
        reachable = forced != "cpu" or device in ("cpu", "meta")
        if forced not in NAMES or not reachable or dtype not in DTYPES.get(forced, (dtype,)):
            raise ValueError(f"{VARIABLE}={forced} must be one of {', '.join(NAMES)} and take {dtype} on {device}")
        return forced
    if not COMPILED.get(device) or dtype not in DTYPES[device]:
        return "reference"
    return device if device != "cuda" or triton_build.launches() else "reference"


def chosen(x: Tensor) -> str:
    """Return the name of the executor for a tensor."""
    # Each access to a device builds its type as text, which takes longer than to allocate a tensor.
    return choose("cpu" if x.is_cpu else x.device.type, x.dtype)
