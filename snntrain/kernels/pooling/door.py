"""Checks of the pooling operators, because compiled code accesses memory as the arguments describe it."""

from __future__ import annotations

import torch
from torch import Tensor

from snntrain.kernels.dispatch import DTYPES

# On a CPU, channels are computed so many at a time.
LANES = 16
# Numbers of a row of pixels at most: distances within a program of a GPU are counted in 32 bits.
LONGEST_ROW = 2**28


def is_channels_last(x: Tensor) -> bool:
    """Return whether images, or pooled images, are computed in channels-last order, not in contiguous order."""
    # By strides: images of one pixel are contiguous in both orders.
    return x.stride(1) < x.stride(3)


def serves(executor: str, like: Tensor, height: int, width: int) -> bool:
    """Return whether a compiled executor takes images of a size, with batch, channels, dtype and order of `like`."""
    channels = like.shape[1]
    if like.dtype not in DTYPES.get(executor, ()):
        return False
    if executor == "cpu":
        return is_channels_last(like) and channels % LANES == 0
    return channels * width <= LONGEST_ROW


def is_ready(x: Tensor, executor: str) -> bool:
    """Return whether compiled code takes the images as they are stored, or on a GPU at most after a copy."""
    return (
        x.ndim == 4
        and x.layout is torch.strided
        and min(x.shape[2:]) >= 2
        and serves(executor, x, *x.shape[2:])
        and (executor != "cpu" or x.is_contiguous(memory_format=torch.channels_last))
    )


def check(x: Tensor) -> None:
    """Check the argument of forward.

    Raises:
        ValueError: the images do not fit; the message has what was given and what is allowed.
    """
    dense = x.layout is torch.strided and x.is_floating_point()
    if not dense or x.ndim != 4 or min(x.shape[2:]) < 2:
        raise ValueError(
            "images must be [N, C, H, W], dense floating-point numbers, H and W at least 2, "
            f"not {list(x.shape)}, {x.dtype} of layout {x.layout}"
        )


def check_gradient(grad: Tensor, winner: Tensor, height: int, width: int) -> None:
    """Check the arguments of backward: gradients and winners of images of these sides.

    Raises:
        ValueError: as `check`.
    """
    dense = grad.layout is winner.layout is torch.strided and grad.device == winner.device
    if not dense or not grad.is_floating_point() or winner.dtype != torch.uint8:
        raise ValueError(
            "grad and winner must be dense on one device, grad floating-point and winner uint8, "
            f"not {grad.dtype} on {grad.device} and {winner.dtype} on {winner.device}"
        )
    if min(height, width) < 2:
        raise ValueError(f"the gradient must belong to images with H and W at least 2, not {height} and {width}")
    if grad.ndim != 4 or grad.shape != winner.shape or grad.shape[2:] != (height // 2, width // 2):
        raise ValueError(
            f"grad and winner must both be [N, C, {height // 2}, {width // 2}], not {list(grad.shape)} and "
            f"{list(winner.shape)}"
        )
