"""Processes that read images ahead of the training process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import torch
from torch import Tensor

from snntrain.data.dataset import Rows, Split
from snntrain.data.processes import Processes

REMEDY = "with dataset.workers=0 the training process reads the data itself"
HINT = "try dataset.workers=0"


class Workers:
    """Processes that read batches of `split`; they start with the first batch and remain for later epochs."""

    def __init__(self, split: Split, count: int) -> None:
        self._processes: Processes[list[int], Tensor] = Processes(
            partial(stack, split), count, doing="reads the data", remedy=REMEDY, hint=HINT
        )

    def read(self, batches: Sequence[list[int]]) -> Iterator[Tensor]:
        """Yield the images of each batch of indices, stacked, in order.

        If a worker is killed, its batch is read again, and the result stays the same.

        Raises:
            RunFailed: workers died again and again, without a batch in between.
            Exception: the error of the split.
        """
        return self._processes.results(batches)


def stack(split: Split, rows: Sequence[int]) -> Tensor:
    """Return the images `rows` of a split, stacked; there may be none.

    A split may have a method `stack` that reads several samples at once.
    """
    if isinstance(split, Rows):
        return stack(split.split, split.rows[list(rows)].tolist())
    at_once = getattr(split, "stack", None)
    if at_once is not None:
        stored: Tensor = at_once(rows)
        return stored
    images = [split[row] for row in rows]
    return torch.stack(images) if images else split[0].new_empty(0, *split[0].shape)
