"""A way around a fault of torch: 1x1 convolutions with a stride, on a CPU."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

# With fewer input channels, the weights' gradient in channels_last writes outside its memory: seen in torch 2.14.1
# (oneDNN) with 2 to 6 channels, and not with 8 or more.
ENOUGH = 8


def subsample_before(network: nn.Module) -> None:
    """Make the narrow 1x1 convolutions of a network leave out pixels before they convolve, not while they do.

    Results are the same. A subclass with a `_conv_forward` of its own is left alone.

    Args:
        network: it is changed; parameters and their names stay the same.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and type(module)._conv_forward is nn.Conv2d._conv_forward:
            pointwise = module.kernel_size == (1, 1) and module.padding in ((0, 0), "valid") and module.groups == 1
            if pointwise and module.stride != (1, 1) and module.in_channels < ENOUGH and type(module) is nn.Conv2d:
                module.__class__ = _Subsampling


class _Subsampling(nn.Conv2d):
    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        rows, columns = self.stride
        return F.conv2d(input[..., ::rows, ::columns], weight, bias)


# Tables of layers show it under the name of its base.
_Subsampling.__name__ = _Subsampling.__qualname__ = "Conv2d"
