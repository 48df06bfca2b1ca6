"""Where torch's compiler and Triton keep what they have compiled: in folders of this user's alone.

By themselves they take a folder below the temporary one, and load what lies there, whoever has put it there.
"""

from __future__ import annotations

import os

from snntrain.files.private_folder import private_cache

INDUCTOR = "TORCHINDUCTOR_CACHE_DIR"
TRITON = "TRITON_CACHE_DIR"
# By which the user says where Triton keeps its files.
OF_TRITON = (TRITON, "TRITON_HOME")


def keep_privately(*, torch_compiles: bool, device: str) -> None:
    """Set the variables by which the compilers of a run find their folders, where the user has not set them.

    Args:
        torch_compiles: whether torch.compile is used.
        device: the type of the run's device.
    """
    if torch_compiles and INDUCTOR not in os.environ:
        os.environ[INDUCTOR] = str(private_cache("inductor"))
    if (torch_compiles or device == "cuda") and not any(name in os.environ for name in OF_TRITON):
        os.environ[TRITON] = str(private_cache("triton"))
