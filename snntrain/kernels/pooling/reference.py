"""The definition of the pooling in plain PyTorch, for any device, dtype and memory order."""

import torch
from torch import Tensor
from torch.nn import functional


def forward(x: Tensor, pooled: Tensor, winner: Tensor) -> None:
    """See `Pooling`."""
    values, places = functional.max_pool2d(x, 2, return_indices=True)
    pooled.copy_(values)
    # PyTorch numbers the pixels of an image row by row.
    winner.copy_(places // x.shape[3] % 2 * 2 + places % x.shape[3] % 2)


def backward(grad: Tensor, winner: Tensor, grad_x: Tensor) -> None:
    """See `Pooling`."""
    height, width = winner.shape[2:]
    numbers = torch.arange(4, dtype=winner.dtype, device=winner.device)
    pixels = torch.where(winner.unsqueeze(4) == numbers, grad.unsqueeze(4), 0.0)
    windows = pixels.unflatten(4, (2, 2)).transpose(3, 4)
    grad_x.zero_()[:, :, : 2 * height, : 2 * width] = windows.reshape(*grad.shape[:2], 2 * height, 2 * width)
