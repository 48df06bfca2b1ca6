"""The random crop of sequences in time, and the random choice of some of their steps."""

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


def choose(x: Tensor, lengths: Tensor | None, count: int, u: Tensor) -> tuple[Tensor, Tensor | None]:
    """Keep some steps of each sequence, in their order; return the sequences and their lengths.

    A sequence with fewer valid steps keeps all of them, and zeros follow.

    Args:
        x: `[N, T, *]`.
        lengths: valid steps of each sequence, int64 `[N]`; None if all are valid.
        count: the steps of the result, at most T.
        u: random numbers in [0, 1), `[N, T]`: the steps with the smallest ones are kept.
    """
    steps = torch.arange(x.shape[1], device=x.device)
    # Padding is chosen last.
    order = u if lengths is None else u + (steps >= lengths.unsqueeze(1))
    chosen = order.argsort(dim=1, stable=True)[:, :count]
    if lengths is not None:
        # Behind all others after the sort.
        chosen = torch.where(chosen < lengths.unsqueeze(1), chosen, len(steps))
    chosen = chosen.sort(dim=1).values
    rows = torch.arange(len(x), device=x.device).unsqueeze(1)
    kept = x[rows, chosen.clamp(max=len(steps) - 1)]
    if lengths is None:
        return kept, None
    after = chosen == len(steps)
    return kept.masked_fill_(after.view(*after.shape, *[1] * (x.ndim - 2)), 0), lengths.clamp(max=count)
