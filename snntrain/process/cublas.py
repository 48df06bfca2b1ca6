"""The working memory of cuBLAS, NVIDIA's matrix products, on which depends whether a run on a GPU can be repeated."""

import os

VARIABLE = "CUBLAS_WORKSPACE_CONFIG"
# Sizes with which cuBLAS adds up in the same order each time, as PyTorch knows them: KiB of a buffer, and how many.
REPRODUCIBLE = (":4096:8", ":16:8")


def reserve_workspace() -> None:
    """Give cuBLAS 32 MiB for each stream, with which its results can be repeated to the bit.

    PyTorch reads the variable once, when it first multiplies on a GPU, so it is set for every run: a deterministic one
    may come later in the same process. 32 MiB are PyTorch's own choice on Hopper and Blackwell; older GPUs have 8 MiB
    by default and lose 24 MiB a stream. The other size, 128 KiB, is too small for the fast algorithms. A setting of
    the user's own is kept.
    """
    os.environ.setdefault(VARIABLE, REPRODUCIBLE[0])


def unsuitable() -> str | None:
    """The user's own setting, if results cannot be repeated with it."""
    own = os.environ.get(VARIABLE)
    return None if own is None or own in REPRODUCIBLE else own
