"""Max pooling by 2 compiled for the CPU with Numba: images `[N, H, W, C]` in memory, float32 or bfloat16.

A thread takes one image at a time, and its channels vector by vector. The number of a window's greatest pixel, the
`winner`, is 0 or 1 in the upper row, 2 or 3 in the lower one. Pixels are compared in float32 and written unchanged.
"""

from functools import cache
from typing import Any

import numpy as np

from snntrain.kernels.cpu.compiled import compiled
from snntrain.kernels.cpu.numba_alone import carray, njit
from snntrain.kernels.cpu.vectors import (
    WIDTH,
    ask,
    computable,
    either,
    load_stored,
    put,
    row_at,
    same,
    settle,
    spread,
    store,
    taken,
    where,
)

u8 = np.uint8
# Distance at which images are prefetched ahead of the computation, in bytes.
AHEAD = 8192

# The argument of a kernel; `x` is the address of the images, in backward that of their gradient; `pooled` likewise.
# `far` is -1 if `x` does not stay in the caches: it is then prefetched, or written past the caches. Else it is 0.
CALL = np.dtype(
    [
        # The next image: a thread takes it and adds one.
        ("next", np.int64),
        *((name, np.int64) for name in ("images", "channels", "height", "width", "far", "x", "pooled", "winner")),
    ]
)


@njit(inline="always")
def challenged(greatest, winner, pixel, number):
    """Return the greatest pixel and its number after one more pixel: the first of equals and NaN are kept."""
    new, old = computable(pixel), computable(greatest)
    beats = either(new > old, new != new)
    return where(beats, pixel, greatest), where(beats, number, winner)


@njit(inline="always")
def pool(upper, lower, i, right, pooled, winner, j):
    """Write the greatest of four pixels, those at `i` and to their right, and its number."""
    greatest, number = load_stored(upper, i), spread(u8(0))
    greatest, number = challenged(greatest, number, load_stored(upper, i + right), u8(1))
    greatest, number = challenged(greatest, number, load_stored(lower, i), u8(2))
    greatest, number = challenged(greatest, number, load_stored(lower, i + right), u8(3))
    store(pooled, j, greatest)
    store(winner, j, number)


@njit(inline="always")
def give(upper, lower, i, right, grad, winner, j, zero, far):
    """Write the gradient to the winner among four pixels, and 0 to the others."""
    passed, won = load_stored(grad, j), load_stored(winner, j)
    put(upper, i, where(same(won, u8(0)), passed, zero), far)
    put(upper, i + right, where(same(won, u8(1)), passed, zero), far)
    put(lower, i, where(same(won, u8(2)), passed, zero), far)
    put(lower, i + right, where(same(won, u8(3)), passed, zero), far)


@njit
def clear(row, n, zero):
    """Write zeros to `n` numbers, which are whole vectors."""
    for i in range(0, n, WIDTH):
        store(row, i, zero)


@cache
def forward(half: bool) -> Any:
    """Return the kernel that writes `pooled` and `winner`, for bfloat16 images if `half`, else for float32."""
    return _kernel(half, backward=False)


@cache
def backward(half: bool) -> Any:
    """Return the kernel that writes all of `x`, the gradient of the images."""
    return _kernel(half, backward=True)


def _kernel(half: bool, backward: bool) -> Any:
    STORED, BACKWARD = np.uint16 if half else np.float32, backward
    ZERO, FURTHER = STORED(0), AHEAD // (2 if half else 4)

    def kernel(call):
        given = carray(call, 1)[0]
        C, H, W, far = given.channels, given.height, given.width, given.far
        while True:
            image = taken(call, 0)
            if image >= given.images:
                break
            for y in range(H // 2):
                upper = row_at(given.x, (image * H + 2 * y) * W * C, STORED)
                lower = row_at(given.x, (image * H + 2 * y + 1) * W * C, STORED)
                for x in range(W // 2):
                    window = ((image * (H // 2) + y) * (W // 2) + x) * C
                    pooled, winner = row_at(given.pooled, window, STORED), row_at(given.winner, window, u8)
                    for channel in range(0, C, WIDTH):
                        i = 2 * x * C + channel
                        if BACKWARD:
                            give(upper, lower, i, C, pooled, winner, channel, ZERO, far)
                        else:
                            if far != 0:
                                ask(upper, i + FURTHER)
                                ask(upper, i + C + FURTHER)
                                ask(lower, i + FURTHER)
                                ask(lower, i + C + FURTHER)
                            pool(upper, lower, i, C, pooled, winner, channel)
            # At an odd side some pixels belong to no window.
            if BACKWARD and W % 2:
                for y in range(H):
                    clear(row_at(given.x, ((image * H + y + 1) * W - 1) * C, STORED), C, ZERO)
            if BACKWARD and H % 2:
                clear(row_at(given.x, ((image + 1) * H - 1) * W * C, STORED), W * C, ZERO)
        settle()

    return compiled(kernel, CALL, f"{'backward' if backward else 'forward'}-{STORED.__name__}")
