"""Max pooling on a GPU: Triton's kernels, one launch forward and one backward."""

from __future__ import annotations

from math import gcd
from typing import Any

import torch
from torch import Tensor

from snntrain.kernels.pooling.cuda import kernels

# Bytes per load of a thread.
WIDTH = 16
# Outputs per program, and the maximum of vectors: more short vectors would not fit into the registers.
OUTPUTS, MOST_VECTORS = 1024, 512
OPTIONS = {"num_warps": 4}


def forward(x: Tensor, pooled: Tensor, winner: Tensor) -> None:
    """See `Pooling`."""
    _launch(kernels.forward, (x, pooled, winner), x, pooled.numel())


def backward(grad: Tensor, winner: Tensor, grad_x: Tensor) -> None:
    """See `Pooling`."""
    images, channels, height, width = grad_x.shape
    # At an odd side the last windows are cut off.
    windows = images * channels * ((height + 1) // 2) * ((width + 1) // 2)
    _launch(kernels.backward, (grad, winner, grad_x), grad_x, windows)


def _launch(kernel: Any, tensors: tuple[Tensor, ...], images: Tensor, windows: int) -> None:
    """Run a kernel over this many windows of the images."""
    channels, height, width = images.shape[1:]
    # Contiguous numbers per pixel, and the number of contiguous outputs from which a vector is cut.
    inner, together = (1, gcd(width // 2, (width + 1) // 2)) if images.is_contiguous() else (channels, channels)
    vector = gcd(together, WIDTH // images.element_size())
    block, total = min(OUTPUTS // vector, MOST_VECTORS), windows // vector
    with torch.cuda.device_of(images):
        kernel[-(-total // block),](*tensors, total, height, width, inner, vector, block, **OPTIONS)
