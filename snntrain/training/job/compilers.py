"""The caches of torch's compiler and Triton lie in private folders of the user.

By default they take a folder below the temporary one, and load its content, whoever has written it.
"""

from __future__ import annotations

import os

from snntrain.files.private_folder import private_cache

INDUCTOR = "TORCHINDUCTOR_CACHE_DIR"
TRITON = "TRITON_CACHE_DIR"
# The user names Triton's folder by one of these.
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
