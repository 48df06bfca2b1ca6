"""Max pooling on a CPU: Numba's kernels, one call forward and one backward."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from snntrain.kernels.cpu.caches import far
from snntrain.kernels.cpu.threads import run_on_threads, threads_for
from snntrain.kernels.pooling.cpu import kernels


def forward(x: Tensor, pooled: Tensor, winner: Tensor) -> None:
    """See `Pooling`."""
    _run(kernels.forward(x.dtype == torch.bfloat16), x, pooled, winner)


def backward(grad: Tensor, winner: Tensor, grad_x: Tensor) -> None:
    """See `Pooling`."""
    _run(kernels.backward(grad_x.dtype == torch.bfloat16), grad_x, grad, winner)


def _run(kernel: Any, x: Tensor, pooled: Tensor, winner: Tensor) -> None:
    images, channels, height, width = x.shape
    call = np.zeros((), kernels.CALL)
    sizes = {"images": images, "channels": channels, "height": height, "width": width, "far": far(x)}
    for name, value in sizes.items():
        call[name] = value
    for name, tensor in {"x": x, "pooled": pooled, "winner": winner}.items():
        call[name] = tensor.data_ptr()
    run_on_threads(kernel.address, call.ctypes.data, threads_for(images))
