"""What does not stay in a processor's caches until it is needed, and goes past them."""

from torch import Tensor

# Sequences of so many bytes have left the caches before they are needed.
FAR = 2**22
# Bytes of a line of the caches.
LINE = 64


def far(written: Tensor) -> int:
    """-1 where a sequence goes past the caches: it is long enough, and all its steps begin at a line; else 0."""
    stride = written.stride(0) if written.shape[0] > 1 else 0
    begins = written.data_ptr() | stride * written.element_size()
    return -int(written.numel() * written.element_size() >= FAR and begins % LINE == 0)
