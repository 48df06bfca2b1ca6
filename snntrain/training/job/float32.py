"""The precision in which a GPU convolves and multiplies float32: IEEE float32, or TF32 with a mantissa of 10 bits.

By default PyTorch lets cuDNN convolve in TF32 and keeps matrix products in float32. It has two sets of switches: the
old ones, `allow_tf32` and `set_float32_matmul_precision`, and since 2.9 `fp32_precision`, which an operation inherits
from its backend. Reading an old switch raises if the two sets disagree, and `torch.compile` and `cudnn.flags` read the
old ones. So both sets are set here, to the same meaning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch

T = TypeVar("T")


@contextmanager
def computed_in(*, tf32: bool) -> Iterator[None]:
    """Convolve and multiply float32 in TF32, or in IEEE float32, while the block runs; a CPU always in IEEE float32."""
    cudnn: Any = torch.backends.cudnn
    products, convolutions = _readable(torch.get_float32_matmul_precision), _readable(lambda: bool(cudnn.allow_tf32))
    if products is None:
        products = _product_precision(torch.backends.cuda.matmul.fp32_precision == "tf32")
    if convolutions is None:
        convolutions = cudnn.conv.fp32_precision == "tf32"
    before = _own_values([torch.backends, *_gpu_switches(), *_cpu_switches()])
    torch.set_float32_matmul_precision(_product_precision(tf32))
    cudnn.allow_tf32 = tf32
    for switch in _gpu_switches():
        switch.fp32_precision = "tf32" if tf32 else "ieee"
    for switch in _cpu_switches():
        switch.fp32_precision = "ieee"
    try:
        yield
    finally:
        # The old switches first: they also set new ones.
        torch.set_float32_matmul_precision(products)
        cudnn.allow_tf32 = convolutions
        for switch, value in before:
            switch.fp32_precision = value


def _product_precision(tf32: bool) -> str:
    """Return the value of the old switch for matrix products."""
    return "high" if tf32 else "highest"


def _gpu_switches() -> list[Any]:
    """Return the switches of GPUs: first the one that the others inherit from."""
    cudnn: Any = torch.backends.cudnn
    return [cudnn, cudnn.conv, cudnn.rnn, torch.backends.cuda.matmul]


def _cpu_switches() -> list[Any]:
    """Return the switches of CPUs."""
    # Without the switch that these inherit from: in PyTorch 2.14 its setter changes all devices.
    mkldnn: Any = torch.backends.mkldnn
    return [mkldnn.conv, mkldnn.rnn, mkldnn.matmul]


def _own_values(switches: list[Any]) -> list[tuple[Any, str]]:
    """Return the own value of each switch, and set it to "none": later switches then no longer show its value."""
    seen, values = [switch.fp32_precision for switch in switches], []
    for switch, before in zip(switches, seen, strict=True):
        own = switch.fp32_precision
        # A convolution is in TF32 as long as neither its switch nor the parent of that switch is set.
        values.append((switch, own if own == before else "none"))
        switch.fp32_precision = "none"
    return values


def _readable(read: Callable[[], T]) -> T | None:
    """Return the value of an old switch; None if it contradicts the new ones, which raises."""
    try:
        return read()
    except RuntimeError:
        return None
