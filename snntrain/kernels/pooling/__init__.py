"""Max pooling by 2, as PyTorch has it, compiled for CPUs and GPUs."""

from torch import Tensor, nn

from snntrain.kernels import dispatch
from snntrain.kernels.pooling import door
from snntrain.kernels.pooling.operator import pool
from snntrain.kernels.register import is_transformed

__all__ = ["MaxPool2x2"]


class MaxPool2x2(nn.MaxPool2d):
    """`nn.MaxPool2d(2)`: `[N, C, H, W]` to `[N, C, H // 2, W // 2]`.

    Compiled code pools images on a CPU in channels-last order, and images on a GPU. It keeps a byte per output for the
    backward pass; PyTorch keeps eight, and fills the gradient twice. PyTorch pools all others. The numbers are the
    same: the first of equal pixels gets the gradient, NaN passes through.
    """

    def __init__(self) -> None:
        super().__init__(2)

    def forward(self, x: Tensor) -> Tensor:
        name = dispatch.chosen(x)
        if name == "reference" or is_transformed() or not door.is_ready(x, name):
            pooled: Tensor = super().forward(x)
            return pooled
        return pool(x)
