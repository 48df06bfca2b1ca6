"""Private folders of the user for the caches of torch's compiler and Triton.

By default both use a folder below the temporary one, and load its content, whoever wrote it.
"""

from __future__ import annotations

import os

from snntrain.files.private_folder import private_cache

INDUCTOR = "TORCHINDUCTOR_CACHE_DIR"
TRITON = "TRITON_CACHE_DIR"
# The user sets Triton's folder with one of these variables.
OF_TRITON = (TRITON, "TRITON_HOME")


def keep_privately(*, torch_compiles: bool, device: str) -> None:
    """Set the variables that name the folders of a run's compilers, unless the user has set them.

    Args:
        torch_compiles: whether torch.compile is used.
        device: the type of the run's device.
    """
    if torch_compiles and INDUCTOR not in os.environ:
        os.environ[INDUCTOR] = str(private_cache("inductor"))
    if (torch_compiles or device == "cuda") and not any(name in os.environ for name in OF_TRITON):
        os.environ[TRITON] = str(private_cache("triton"))
