"""The images that a network takes."""

from __future__ import annotations

from collections.abc import Sequence


def image_shape(in_shape: Sequence[int]) -> tuple[int, int, int]:
    """Return channels, height and width of the samples of a network for images.

    Raises:
        ValueError: the samples are units.
    """
    if len(in_shape) != 3:
        raise ValueError(
            "needs images [N, C, H, W] or frames [N, T, C, H, W], and these samples are units, "
            f"[N, T, {in_shape[0]}]; use network=mlp"
        )
    channels, height, width = in_shape
    return channels, height, width


def halvings(sides: Sequence[int]) -> int:
    """Return how often images of these sides can be halved."""
    return min(sides).bit_length() - 1


def check_blocks(channels: Sequence[int], sides: Sequence[int]) -> None:
    """Check that images can be halved once for each number of channels.

    Raises:
        ValueError: they are too small.
    """
    most = halvings(sides)
    if len(channels) > most:
        raise ValueError(
            f"channels={list(channels)} makes {len(channels)} blocks, and images of {sides[0]}x{sides[1]} "
            f"can be halved {most} times: give at most {most}"
        )
