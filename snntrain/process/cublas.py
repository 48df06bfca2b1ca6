"""The workspace of cuBLAS, NVIDIA's matrix products: its size decides whether a run on a GPU is repeatable."""

import os

VARIABLE = "CUBLAS_WORKSPACE_CONFIG"
# Sizes with which cuBLAS adds in the same order each time, in PyTorch's notation: KiB per buffer, number of buffers.
REPRODUCIBLE = (":4096:8", ":16:8")


def reserve_workspace() -> None:
    """Give cuBLAS 32 MiB per stream, so that its results are repeatable to the bit.

    PyTorch reads the variable once, at its first product on a GPU, so it is set for every run: a deterministic one may
    come later in the same process. 32 MiB are PyTorch's own choice on Hopper and Blackwell; on older GPUs the default
    is 8 MiB, so they lose 24 MiB per stream. The other size, 128 KiB, is too small for the fast algorithms. The user's
    own setting is kept.
    """
    os.environ.setdefault(VARIABLE, REPRODUCIBLE[0])


def unsuitable() -> str | None:
    """Return the user's own setting if results are not repeatable with it; else None."""
    own = os.environ.get(VARIABLE)
    return None if own is None or own in REPRODUCIBLE else own
