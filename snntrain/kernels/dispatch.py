"""Choose who runs an operator of this package, by device and dtype.

reference   plain PyTorch; any device and dtype, derivatives of any order
cpu         compiled by Numba; float32 and bfloat16
cuda        compiled by Triton, where it can build what it needs; float32, bfloat16 and float16

`SNNTRAIN_EXECUTOR` forces one of them, for tests.
"""

from __future__ import annotations

import os
from importlib.util import find_spec

import torch

from snntrain.kernels.gpu import triton_build

NAMES = ("reference", "cpu", "cuda")
VARIABLE = "SNNTRAIN_EXECUTOR"
COMPILED = {"cpu": find_spec("numba") is not None, "cuda": find_spec("triton") is not None}
DTYPES = {
    "cpu": (torch.float32, torch.bfloat16),
    "cuda": (torch.float32, torch.bfloat16, torch.float16),
}


def choose(device: str, dtype: torch.dtype) -> str:
    """The name of the executor for tensors of a device's type and a dtype.

    The first choice for a GPU has Triton build what it needs, and warns where it cannot.

    Raises:
        ValueError: `SNNTRAIN_EXECUTOR` names none, or one that does not take the dtype.
    """
    forced = os.environ.get(VARIABLE)
    if forced:
        if forced not in NAMES or dtype not in DTYPES.get(forced, (dtype,)):
            raise ValueError(f"{VARIABLE}={forced} must be one of {', '.join(NAMES)} and take {dtype}")
        return forced
    if not COMPILED.get(device) or dtype not in DTYPES[device]:
        return "reference"
    return device if device != "cuda" or triton_build.launches() else "reference"
