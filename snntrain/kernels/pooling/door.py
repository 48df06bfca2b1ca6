"""What the compiled pooling accepts: compiled code reads and writes where a call says, so the call is checked first."""

from __future__ import annotations

import torch
from torch import Tensor

from snntrain.kernels.dispatch import DTYPES

# On a CPU, channels are computed so many at a time.
LANES = 16
# Numbers of a row of pixels at most: distances within a program of a GPU are counted in 32 bits.
LONGEST_ROW = 2**28


def is_ready(x: Tensor, executor: str) -> bool:
    """Whether compiled code takes the images as they lie, or on a GPU with no more than a copy."""
    return fits(x, executor) and (executor != "cpu" or x.is_contiguous(memory_format=torch.channels_last))


def fits(x: Tensor, executor: str) -> bool:
    """Whether compiled code takes the images once they are in its order of memory."""
    return x.ndim == 4 and _is_for(x, executor) and _is_size_for(executor, *x.shape[1:])


def check(x: Tensor, executor: str) -> None:
    """Check what forward is given.

    Raises:
        ValueError: the images do not fit; the message has what was given and what is allowed.
    """
    if not fits(x, executor):
        raise ValueError(
            f"images must be [N, C, H, W]{_allowed(executor)}, not {list(x.shape)}, {x.dtype} on {x.device}"
        )


def check_gradient(grad: Tensor, winner: Tensor, height: int, width: int, executor: str) -> None:
    """Check what backward is given: gradients and winners of images of these sides.

    Raises:
        ValueError: as `check`.
    """
    dense = grad.layout is winner.layout is torch.strided and grad.device == winner.device
    if not dense or winner.dtype != torch.uint8:
        raise ValueError(
            f"grad and winner must be dense on one device, and winner uint8, not {grad.dtype} on {grad.device} and "
            f"{winner.dtype} on {winner.device}"
        )
    if grad.ndim != 4 or grad.shape != winner.shape or grad.shape[2:] != (height // 2, width // 2):
        raise ValueError(
            f"grad and winner must both be [N, C, {height // 2}, {width // 2}], not {list(grad.shape)} and "
            f"{list(winner.shape)}"
        )
    if not (_is_for(grad, executor) and _is_size_for(executor, grad.shape[1], height, width)):
        raise ValueError(
            f"the gradient must be that of images [N, C, H, W]{_allowed(executor)}, not of "
            f"{[*grad.shape[:2], height, width]}, {grad.dtype} on {grad.device}"
        )


def _is_for(x: Tensor, executor: str) -> bool:
    on_device = x.is_cpu or x.is_meta or executor != "cpu"
    return on_device and x.dtype in DTYPES.get(executor, ()) and x.layout is torch.strided


def _is_size_for(executor: str, channels: int, height: int, width: int) -> bool:
    if min(height, width) < 2:
        return False
    return channels % LANES == 0 if executor == "cpu" else channels * width <= LONGEST_ROW


def _allowed(executor: str) -> str:
    if executor == "cpu":
        return f", float32 or bfloat16 on a CPU, C a multiple of {LANES}, H and W at least 2"
    if executor == "cuda":
        return f", float32, bfloat16 or float16, H and W at least 2, C W at most {LONGEST_ROW}"
    return " and the executor 'cpu' or 'cuda'"
