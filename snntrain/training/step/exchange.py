"""The exchange of a step between processes: one all-reduce of gradients, losses and counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from snntrain.data.batch import Batch
from snntrain.training.evaluation.evaluate import Tally
from snntrain.training.job.world import World


@dataclass(frozen=True)
class Learnt:
    """The result of one batch of a step in this process.

    Args:
        loss: mean loss of its rows, multiplied by their part of the batch.
        spikes: output of the network, `[T, N, classes]`.
        batch: the rows.
    """

    loss: Tensor
    spikes: Tensor
    batch: Batch


class Exchange:
    """The sums of a step over all processes, which then decide alike: each sees the same numbers, to the bit.

    Gradients, losses and counts travel in one buffer, so a step has one all-reduce, which can be recorded. Not
    DistributedDataParallel: it sends the gradients alone, in several parts, and leaves the decision on a bad step to
    each process.

    Args:
        world: the processes.
        model: its gradients are summed.
        tally: counts the batches.
    """

    def __init__(self, world: World, model: nn.Module, tally: Tally) -> None:
        self.world, self.tally = world, tally
        self.parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]

    @torch.no_grad()
    def __call__(self, learnt: Sequence[Learnt]) -> Tensor:
        """Sum a step, count its batches, and return the sum of their losses.

        Args:
            learnt: the batches of the step; their gradients are in the parameters.
        """
        own = [parameter for parameter in self.parameters if parameter.grad is not None]
        gradients = [parameter.grad for parameter in own if parameter.grad is not None]
        losses = torch.stack([part.loss for part in learnt])
        counts = torch.cat([self.tally.counts(part.spikes, part.batch) for part in learnt])
        # Counts of a batch are exact in float32.
        parts = [*gradients, losses, counts]
        flat = self.world.sum(
            torch.cat([part.flatten().to(torch.promote_types(part.dtype, losses.dtype)) for part in parts])
        )
        *summed, losses, counts = flat.split([part.numel() for part in parts])
        torch._foreach_copy_(gradients, [part.view_as(own) for part, own in zip(summed, gradients, strict=True)])
        for loss, counted, part in zip(losses, counts.long().chunk(len(learnt)), learnt, strict=True):
            share = part.batch.share
            self.tally.add_loss(loss, len(part.batch.labels) if share is None else share.rows)
            self.tally.add_counts(counted)
        total: Tensor = losses.sum()
        return total


def _as_float(dtype: torch.dtype) -> torch.dtype:
    return torch.promote_types(dtype, torch.float32)
