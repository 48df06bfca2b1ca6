"""Compile a kernel with Numba and keep it on disk.

A kernel is a C function of a record. The first field of the record counts the blocks that threads have taken; arrays
are passed as the addresses of their first elements. Numba has no bfloat16, so its values are passed as 16 bits.
"""

from collections.abc import Callable
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from snntrain.kernels.cpu.numba_alone import cfunc, from_dtype, kept_privately, types


def compiled(kernel: Callable[..., Any], record: np.dtype[Any], variant: str) -> Any:
    """Return the C function of a pointer to a `record`; take it from the cache on disk if it was compiled before.

    Args:
        kernel: the function.
        record: the type of the kernel's argument.
        variant: a name that distinguishes this kernel from others made by the same lines.
    """
    # Each variant has its own file in the cache: two processes that compile different variants at the same time would
    # mix them up in one file. Numba checks whether the kernel's own file has changed, but not the files that it uses.
    kernel.__qualname__ = f"{variant}-{_digest(Path(kernel.__code__.co_filename))}"
    make = partial(cfunc, types.void(types.CPointer(from_dtype(record))), error_model="numpy")
    try:
        with kept_privately():
            return make(cache=True)(kernel)
    except RuntimeError:  # Numba finds no writable folder.
        return make()(kernel)


def sources(kernel: Path) -> list[Path]:
    """Return the files on which a kernel in the file `kernel` may depend.

    They are those of this folder, and of the folders `cpu` of all operators beside the kernel's own.
    """
    beside = kernel.parents[2].glob(f"*/{kernel.parent.name}/*.py")
    return sorted({*Path(__file__).parent.glob("*.py"), *kernel.parent.glob("*.py"), *beside})


@cache
def _digest(kernel: Path) -> str:
    return sha256(b"".join(file.read_bytes() for file in sources(kernel))).hexdigest()[:8]
