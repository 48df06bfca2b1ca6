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

from snntrain.kernels.cpu.numba_alone import carray, cfunc, from_dtype, intrinsic, kept_privately, overload, types


def compiled(kernel: Callable[..., Any], record: np.dtype, variant: str) -> Any:
    """The C function of a pointer to a `record`, from the cache on disk where it has been compiled before.

    Args:
        kernel: the function.
        record: what it is called with.
        variant: tells it from the other functions that are made by the same lines.
    """
    # A file of its own in the cache: processes that compile two variants at the same time mix them up in one. Numba
    # looks whether the kernel's file has changed, and not whether those have that it is made of.
    kernel.__qualname__ = f"{variant}-{_sources(kernel.__code__.co_filename)}"
    make = partial(cfunc, types.void(types.CPointer(from_dtype(record))), error_model="numpy")
    try:
        with kept_privately():
            return make(cache=True)(kernel)
    except RuntimeError:  # Numba finds no folder that it may write to.
        return make()(kernel)


@cache
def _sources(kernel: str) -> str:
    """A digest of the files that a kernel may be made of: those beside it and those of this folder."""
    folders = {Path(__file__).parent, Path(kernel).parent}
    files = sorted(file for folder in folders for file in folder.glob("*.py"))
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
