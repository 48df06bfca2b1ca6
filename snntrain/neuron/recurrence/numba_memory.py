"""What compiled code on a CPU shares: numbers at addresses, bfloat16, and blocks that threads take.

A kernel is a C function of a record, whose first field counts the blocks that are taken; the record gives arrays as the
addresses of their first elements. bfloat16, which Numba does not have, comes as the 16 bits that it is.
"""

from collections.abc import Callable
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numba import carray, cfunc, from_dtype, types
from numba.extending import intrinsic, overload


def compiled(kernel: Callable[..., Any], record: np.dtype, variant: str) -> Any:
    """The C function of a pointer to a `record`, from the cache on disk where it has been compiled before.

    Args:
        kernel: the function.
        record: what it is called with.
        variant: tells it from the other functions that are made by the same lines.
    """
    # A file of its own in the cache: processes that compile two variants at the same time mix them up in one. Numba
    # looks whether the kernel's file has changed, and not whether those have that it is made of.
    kernel.__qualname__ = f"{variant}-{_sources()}"
    make = partial(cfunc, types.void(types.CPointer(from_dtype(record))), error_model="numpy")
    try:
        return make(cache=True)(kernel)
    except RuntimeError:  # Numba finds no folder that it may write to.
        return make()(kernel)


@cache
def _sources() -> str:
    """A digest of all files that compiled code is made of."""
    files = sorted(Path(__file__).parent.glob("numba_*.py"))
    return sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:8]


@intrinsic
def at(typing, address):
    """The pointer to an address."""
    from llvmlite import ir

    byte = ir.IntType(8).as_pointer()
    return types.voidptr(types.int64), lambda _, builder, __, given: builder.inttoptr(given[0], byte)


def row(address, start, n, dtype):
    """The `n` numbers from the one `start` behind an address."""
    raise NotImplementedError("compiled code only")


@overload(row)
def _row(address, start, n, dtype):
    size = dtype.dtype.bitwidth // 8
    return lambda address, start, n, dtype: carray(at(address + size * start), n, dtype)


@intrinsic
def taken(typing, record, field):
    """The int64 at the place `field` of a record, which is one more from then on: no two threads get the same."""
    from llvmlite import ir

    def take(_, builder, __, given):
        number = ir.IntType(64)
        place = builder.gep(builder.bitcast(given[0], number.as_pointer()), [given[1]])
        return builder.atomic_rmw("add", place, number(1), "monotonic")

    return types.int64(record, types.int64), take


@intrinsic
def as_float(typing, bits):
    """The float32 of 32 bits."""
    from llvmlite import ir

    return types.float32(types.uint32), lambda _, builder, __, given: builder.bitcast(given[0], ir.FloatType())


@intrinsic
def as_bits(typing, number):
    """The 32 bits of a float32."""
    from llvmlite import ir

    return types.uint32(types.float32), lambda _, builder, __, given: builder.bitcast(given[0], ir.IntType(32))


def widen(stored):
    """float32 of a stored number: itself, or a bfloat16 given as 16 bits."""
    raise NotImplementedError("compiled code only")


@overload(widen)
def _widen(stored):
    if isinstance(stored, types.Float):
        return lambda stored: stored
    return lambda stored: as_float(np.uint32(stored) << np.uint32(16))


def narrow(number, like):
    """`number` as the array `like` stores it: itself, or the 16 bits of the nearest bfloat16, of two the even one."""
    raise NotImplementedError("compiled code only")


@overload(narrow)
def _narrow(number, like):
    if isinstance(like.dtype, types.Float):
        return lambda number, like: number

    def rounded(number, like):
        bits = as_bits(number)
        upper = np.uint32(bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)
        return np.uint16(upper) if number == number else np.uint16(0x7FC0)

    return rounded
