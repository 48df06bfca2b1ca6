"""The operations of RandAugment and TrivialAugment: their names, and the draw of one for each sample.

An operation has an amount, one number:

- brightness, contrast, colour, sharpness: the factor; 1 changes nothing, below 1 means less;
- posterize: the step between two levels, a power of two; solarize: bytes from this on are inverted; solarize_add: this
  is added to bytes below 128;
- rotate: radians, from the x axis towards the y axis, which points down; shear: pixels per pixel from the centre;
  shift: pixels.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Operation(IntEnum):
    """An operation by its number in a draw."""

    IDENTITY = 0
    # A new byte for each byte.
    BRIGHTNESS = 1
    CONTRAST = 2
    POSTERIZE = 3
    SOLARIZE = 4
    SOLARIZE_ADD = 5
    AUTOCONTRAST = 6
    INVERT = 7
    EQUALIZE = 8
    # Other pixels or channels count as well.
    COLOUR = 9
    SHARPNESS = 10
    # Geometric ones.
    ROTATE = 11
    SHEAR_X = 12
    SHEAR_Y = 13
    SHIFT_X = 14
    SHIFT_Y = 15


ENHANCING = (Operation.BRIGHTNESS, Operation.CONTRAST, Operation.COLOUR, Operation.SHARPNESS)
SHEARING = (Operation.SHEAR_X, Operation.SHEAR_Y)
# Those of timm's `rand-…-inc1`.
OF_RAND = tuple(operation for operation in Operation if operation != Operation.IDENTITY)
# Those of the wide space of TrivialAugment.
OF_TRIVIAL = tuple(o for o in Operation if o not in (Operation.SOLARIZE_ADD, Operation.INVERT))
# The steps of TrivialAugment's strengths.
STEPS = 30
GREATEST_MAGNITUDE = 10


def rand(
    rng: np.random.Generator,
    samples: int,
    size: tuple[int, int],
    *,
    count: int,
    magnitude: float,
    std: float,
    probability: float,
) -> Floats:
    """Draw the operations of RandAugment (Cubuk et al., 2020), with timm's ranges: a greater magnitude changes more.

    Returns:
        Number and amount of each operation, `[samples, count, 2]`.

    Args:
        rng: draws the numbers.
        samples: number of images.
        size: height and width in pixels.
        count: operations per image, one after the other; the same may come twice.
        magnitude: strength from 0 to 10.
        std: standard deviation of the strength, which is drawn for each operation and clipped to 0 to 10.
        probability: each operation is made with this probability.
    """
    chosen = np.array(OF_RAND)[rng.integers(len(OF_RAND), size=(samples, count))]
    made = rng.random((samples, count)) < probability
    strength = np.clip(magnitude + std * rng.standard_normal((samples, count)), 0, GREATEST_MAGNITUDE)
    strength /= GREATEST_MAGNITUDE
    signed = strength * rng.choice([-1.0, 1.0], size=(samples, count))
    amounts = _amounts(
        chosen,
        enhanced=np.maximum(0.1, 1 + 0.9 * signed),
        # No bits at all would leave a black image.
        bits=np.maximum(1, 4 - np.floor(4 * strength)),
        inverted_from=256 - np.floor(256 * strength),
        added=np.floor(110 * strength),
        angle=np.radians(30) * signed,
        slope=0.3 * signed,
        right=0.45 * size[1] * signed,
        down=0.45 * size[0] * signed,
    )
    return np.stack([np.where(made, chosen, Operation.IDENTITY), amounts], axis=-1)


def trivial(rng: np.random.Generator, samples: int) -> Floats:
    """Draw one operation of TrivialAugment (Müller and Hutter, 2021) for each sample, with its wide ranges.

    Returns:
        Number and amount of each operation, `[samples, 1, 2]`.
    """
    chosen = np.array(OF_TRIVIAL)[rng.integers(len(OF_TRIVIAL), size=(samples, 1))]
    strength = rng.integers(STEPS + 1, size=(samples, 1)) / STEPS
    signed = strength * rng.choice([-1.0, 1.0], size=(samples, 1))
    amounts = _amounts(
        chosen,
        enhanced=1 + 0.99 * signed,
        bits=8 - np.round(6 * strength),
        inverted_from=255 * (1 - strength),
        added=0 * strength,
        angle=np.radians(135) * signed,
        slope=0.99 * signed,
        right=32 * signed,
        down=32 * signed,
    )
    return np.stack([chosen, amounts], axis=-1)


def _amounts(
    chosen: Ints,
    *,
    enhanced: Floats,
    bits: Floats,
    inverted_from: Floats,
    added: Floats,
    angle: Floats,
    slope: Floats,
    right: Floats,
    down: Floats,
) -> Floats:
    """Return the amount of each chosen operation; posterize keeps `bits`."""
    return np.select(
        [
            np.isin(chosen, ENHANCING),
            chosen == Operation.POSTERIZE,
            chosen == Operation.SOLARIZE,
            chosen == Operation.SOLARIZE_ADD,
            chosen == Operation.ROTATE,
            np.isin(chosen, SHEARING),
            chosen == Operation.SHIFT_X,
            chosen == Operation.SHIFT_Y,
        ],
        [enhanced, 2.0 ** (8 - bits), inverted_from, added, angle, slope, right, down],
        0.0,
    )
