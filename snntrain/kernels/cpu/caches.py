"""Sequences too long to stay in a processor's caches, which are written past them."""

from torch import Tensor

# A sequence of this many bytes has left the caches before it is needed.
FAR = 2**22
# Bytes per line of the caches.
LINE = 64


def far(written: Tensor) -> int:
    """Return -1 if a sequence goes past the caches: it is long enough, and all its steps begin at a line; else 0."""
    stride = written.stride(0) if written.shape[0] > 1 else 0
    begins = written.data_ptr() | stride * written.element_size()
    return -int(written.numel() * written.element_size() >= FAR and begins % LINE == 0)
