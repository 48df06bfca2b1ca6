"""Max pooling by 2, equal to PyTorch's, compiled for CPUs and GPUs."""

from torch import Tensor, nn

from snntrain.kernels import dispatch
from snntrain.kernels.pooling import door
from snntrain.kernels.pooling.operator import pool
from snntrain.kernels.register import is_transformed

__all__ = ["MaxPool2x2"]


class MaxPool2x2(nn.MaxPool2d):
    """`nn.MaxPool2d(2)`: `[N, C, H, W]` to `[N, C, H // 2, W // 2]`.

    Compiled code pools images in channels-last order on a CPU, and all images on a GPU. It keeps a byte per output for
    the backward pass; PyTorch keeps eight, and fills the gradient twice. All other images are pooled by PyTorch. The
    results are equal: the first of equal pixels gets the gradient, and NaN passes through.
    """

    def __init__(self) -> None:
        super().__init__(2)

    def forward(self, x: Tensor) -> Tensor:
        name = dispatch.chosen(x)
        if name == "reference" or is_transformed() or not door.is_ready(x, name):
            pooled: Tensor = super().forward(x)
            return pooled
        return pool(x)
