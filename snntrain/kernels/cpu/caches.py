"""The decision to write a sequence past a processor's caches, if it is too long to stay in them."""

from torch import Tensor

# The first bytes of a sequence of this length have left the caches before they are needed.
FAR = 2**22
# Bytes per line of the caches.
LINE = 64


def far(written: Tensor) -> int:
    """Return -1 if a sequence is written past the caches: it is long, and each step begins at a cache line; else 0."""
    stride = written.stride(0) if written.shape[0] > 1 else 0
    begins = written.data_ptr() | stride * written.element_size()
    return -int(written.numel() * written.element_size() >= FAR and begins % LINE == 0)
