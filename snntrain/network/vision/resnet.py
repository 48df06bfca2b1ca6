"""The plan of a residual network: its blocks with their channels and strides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from snntrain.network.drop_path import rising

STEMS = ("imagenet", "cifar")


@dataclass(frozen=True)
class Block:
    """A residual block.

    Args:
        inputs, outputs: numbers of channels.
        stride: factor by which the block divides the sides of the image.
        drop_path: probability of dropping its branch in training.
    """

    inputs: int
    outputs: int
    stride: int
    drop_path: float

    @property
    def changes_shape(self) -> bool:
        """Whether the input cannot be added to the output as it is."""
        return self.stride != 1 or self.inputs != self.outputs


def plan(
    inputs: int, counts: Sequence[int], channels: Sequence[int], strides: Sequence[int], drop_path: float
) -> list[Block]:
    """Return the blocks of all stages, in order.

    Args:
        inputs: channels of the stem.
        counts: number of blocks of each stage.
        channels: output channels of each stage.
        strides: stride of the first block of each stage.
        drop_path: probability of dropping the branch of the last block; it rises linearly from 0 in the first.

    Raises:
        ValueError: a probability outside [0, 1).
    """
    rates = iter(rising(drop_path, sum(counts)))
    blocks = []
    for count, outputs, stride in zip(counts, channels, strides, strict=True):
        for index in range(count):
            blocks.append(Block(inputs, outputs, 1 if index else stride, next(rates)))
            inputs = outputs
    return blocks


def check_width(width: int) -> None:
    """Check the number of channels of the first stage.

    Raises:
        ValueError: it is below 1.
    """
    if width < 1:
        raise ValueError(f"width must be at least 1, not {width}")


def check_stem(stem: str) -> None:
    """Check the name of a stem.

    Raises:
        ValueError: an unknown name.
    """
    if stem not in STEMS:
        raise ValueError(f"stem={stem!r} is not a stem: give one of {', '.join(STEMS)}")


def counts_of(depth: int, known: Mapping[int, tuple[int, ...]]) -> tuple[int, ...]:
    """Return the number of blocks of each stage.

    Raises:
        ValueError: an unknown depth.
    """
    if depth not in known:
        raise ValueError(f"depth={depth} is not a depth of this network: give one of {', '.join(map(str, known))}")
    return known[depth]
