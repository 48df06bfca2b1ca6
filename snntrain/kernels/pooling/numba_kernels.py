"""Max pooling by 2 compiled for the CPU with Numba: images `[N, H, W, C]` in memory, float32 or bfloat16.

An image is a block, which one thread takes; channels go in vectors of `LANES`. The number of a window's greatest pixel,
its `winner`, is 0 or 1 in the upper row, 2 or 3 in the lower one.
"""

from functools import cache
from typing import Any

import numpy as np
from llvmlite import ir

from snntrain.kernels.cpu.compiled import compiled, row, taken
from snntrain.kernels.cpu.numba_alone import carray, intrinsic, types
from snntrain.kernels.cpu.vectors import ask, row_at, settle

LANES = 16
# How far ahead of the computation images are asked for, in bytes.
AHEAD = 8192
PLACE = ir.VectorType(ir.IntType(8), LANES)

# What a kernel is called with; `x` is the images' address, or in backward that of their gradient, `pooled` likewise.
# `far` is not 0 where `x` does not stay in the caches: it is asked for ahead of time, or written past the caches.
CALL = np.dtype(
    [
        # The image that is next: a thread takes it and counts on.
        ("next", np.int64),
        *((name, np.int64) for name in ("images", "channels", "height", "width", "far", "x", "pooled", "winner")),
    ]
)


@intrinsic
def pool(typing, stored, a, b, c, d, pooled, winner):
    """Writes the greatest of the `LANES` numbers at each of four addresses, and which of the four it is."""

    def generate(context, builder, signature, given):
        vector = ir.VectorType(context.get_data_type(stored.dtype), LANES)
        pixels = [_load(builder, address, vector) for address in given[1:5]]
        greatest, place = pixels[0], PLACE([0] * LANES)
        for number, pixel in enumerate(pixels[1:], 1):
            new, old = _widen(builder, pixel), _widen(builder, greatest)
            # Of equals the first one stays, NaN never.
            beats = builder.or_(builder.fcmp_ordered(">", new, old), builder.fcmp_unordered("uno", new, new))
            greatest = builder.select(beats, pixel, greatest)
            place = builder.select(beats, PLACE([number] * LANES), place)
        _store(builder, greatest, given[5])
        _store(builder, place, given[6])
        return context.get_dummy_value()

    return types.void(stored, *[types.int64] * 6), generate


@intrinsic
def give(typing, stored, grad, winner, a, b, c, d):
    """Writes `LANES` gradients to that one of four addresses that has won, and 0 to the others."""
    return types.void(stored, *[types.int64] * 6), _giving(stored, past_caches=False)


@intrinsic
def give_past_caches(typing, stored, grad, winner, a, b, c, d):
    """`give`, past the caches: to addresses where a vector may begin. `settle` has to follow."""
    return types.void(stored, *[types.int64] * 6), _giving(stored, past_caches=True)


def _giving(stored, past_caches):
    def generate(context, builder, signature, given):
        vector = ir.VectorType(context.get_data_type(stored.dtype), LANES)
        passed, place = _load(builder, given[1], vector), _load(builder, given[2], PLACE)
        for number, address in enumerate(given[3:]):
            won = builder.icmp_unsigned("==", place, PLACE([number] * LANES))
            written = _store(builder, builder.select(won, passed, vector(None)), address)
            if past_caches:
                written.align = LANES * stored.dtype.bitwidth // 8
                written.set_metadata("nontemporal", builder.module.add_metadata([ir.IntType(32)(1)]))
        return context.get_dummy_value()

    return generate


def _load(builder, address, vector):
    return builder.load(builder.inttoptr(address, vector.as_pointer()), align=1)


def _store(builder, values, address):
    return builder.store(values, builder.inttoptr(address, values.type.as_pointer()), align=1)


def _widen(builder, vector):
    """float32 of float32, or of bfloat16 as 16 bits."""
    if not isinstance(vector.type.element, ir.IntType):
        return vector
    bits = ir.VectorType(ir.IntType(32), LANES)
    shifted = builder.shl(builder.zext(vector, bits), bits([16] * LANES))
    return builder.bitcast(shifted, ir.VectorType(ir.FloatType(), LANES))


@cache
def forward(half: bool) -> Any:
    """The kernel that writes `pooled` and `winner`; `half` tells bfloat16 from float32."""
    return _kernel(half, backward=False)


@cache
def backward(half: bool) -> Any:
    """The kernel that writes all of the images' gradient, `x`."""
    return _kernel(half, backward=True)


def _kernel(half: bool, backward: bool) -> Any:
    STORED, SIZE, BACKWARD = np.uint16 if half else np.float32, 2 if half else 4, backward

    def kernel(call):
        given = carray(call, 1)[0]
        C, H, W = given.channels, given.height, given.width
        while True:
            image = taken(call, 0)
            if image >= given.images:
                break
            for y in range(H // 2):
                for x in range(W // 2):
                    window = ((image * (H // 2) + y) * (W // 2) + x) * C
                    a = given.x + ((image * H + 2 * y) * W + 2 * x) * C * SIZE
                    right, below = C * SIZE, W * C * SIZE
                    for first in range(0, C, LANES):
                        p = a + first * SIZE
                        pooled, winner = given.pooled + (window + first) * SIZE, given.winner + window + first
                        if given.far != 0 and not BACKWARD:
                            for pixel in (p, p + right, p + below, p + below + right):
                                ask(row_at(pixel + AHEAD, 0, STORED), 0)
                        if BACKWARD and given.far != 0:
                            give_past_caches(STORED, pooled, winner, p, p + right, p + below, p + below + right)
                        elif BACKWARD:
                            give(STORED, pooled, winner, p, p + right, p + below, p + below + right)
                        else:
                            pool(STORED, p, p + right, p + below, p + below + right, pooled, winner)
            # What is left over at an odd side belongs to no window.
            if BACKWARD and W % 2:
                for y in range(H):
                    row(given.x, ((image * H + y + 1) * W - 1) * C, C, STORED)[:] = STORED(0)
            if BACKWARD and H % 2:
                row(given.x, ((image + 1) * H - 1) * W * C, W * C, STORED)[:] = STORED(0)
        settle()

    return compiled(kernel, CALL, f"{'backward' if backward else 'forward'}-{STORED.__name__}")
