"""The random crop of sequences in time."""

from __future__ import annotations

import torch
from torch import Tensor

from snntrain.data.augment.draws import whole_numbers


def crop(
    x: Tensor, lengths: Tensor | None, share: float, cut_steps: Tensor, first_step: Tensor
) -> tuple[Tensor, Tensor]:
    """Cut steps off the beginning and the end of each sequence; return the sequences, and their lengths `[N]`.

    At least one step remains. The remaining steps move to the beginning, and zeros follow them.

    Args:
        x: `[N, T, *]`.
        lengths: valid steps of each sequence, int64 `[N]`; None if all are valid.
        share: maximum share of the valid steps that are cut off.
        cut_steps: random numbers in [0, 1) that decide how many steps are cut off, `[N]`.
        first_step: random numbers in [0, 1) that decide how many of these are at the beginning, `[N]`.
    """
    steps = torch.arange(x.shape[1], device=x.device)
    whole = torch.full_like(cut_steps, len(steps), dtype=torch.int64) if lengths is None else lengths
    most = torch.minimum((whole * share).floor().long(), whole - 1)
    cut = whole_numbers(cut_steps, most + 1)
    first, kept = whole_numbers(first_step, cut + 1), whole - cut
    rows = torch.arange(len(x), device=x.device).unsqueeze(1)
    moved = x[rows, (steps + first.unsqueeze(1)).clamp(max=len(steps) - 1)]
    after = steps >= kept.unsqueeze(1)
    return moved.masked_fill_(after.view(*after.shape, *[1] * (x.ndim - 2)), 0), kept
