"""Triton's kernels compiled for a GPU that need not be there: what a launch would run, and which resources it takes."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
import triton
from triton import knobs
from triton.backends.compiler import GPUTarget
from triton.runtime import driver

TOOLS = Path(triton.__file__).parent / "backends/nvidia/bin"


@dataclass(frozen=True)
class Compiled:
    """One kernel as a launch would run it.

    Args:
        kernel: its name.
        given: all its arguments by name.
        warps: of a program.
        seconds: of a processor, which Triton and ptxas took.
        ptx: the code that Triton made.
        machine_code: the same for the GPU, as text without addresses.
        registers: of a thread.
        spilled: bytes of a thread's stack, which is where registers spill to.
        shared: bytes of shared memory of a program.
    """

    kernel: str
    given: dict[str, Any]
    warps: int
    seconds: float
    ptx: str
    machine_code: str
    registers: int
    spilled: int
    shared: int


def has_tools() -> bool:
    """Whether Triton brought the tools that this needs."""
    return all((TOOLS / tool).exists() for tool in ("ptxas", "cuobjdump", "nvdisasm"))


@contextmanager
def compiling(module: ModuleType, kernels: list[str], arch: int = 90) -> Iterator[list[Compiled]]:
    """Compile the launches of a module's kernels for compute capability `arch` (90 is 9.0) instead of running them.

    The arguments may be tensors on the device `meta`. The list gets an entry per launch.
    """
    found: list[Compiled] = []
    launched = {name: getattr(module, name) for name in kernels}
    before = driver.active if torch.cuda.is_available() else None
    driver.set_active(_Absent(arch))
    try:
        for name, kernel in launched.items():
            setattr(module, name, _Launches(kernel, found))
        yield found
    finally:
        for name, kernel in launched.items():
            setattr(module, name, kernel)
        driver.set_active(before)


class _Absent:
    """Answers what Triton asks a driver before it compiles, for a GPU that is absent."""

    def __init__(self, arch: int) -> None:
        self.arch = arch

    def get_current_target(self) -> GPUTarget:
        return GPUTarget("cuda", self.arch, 32)

    def get_current_device(self) -> str:
        # Triton keeps kernels by device: no number, which a GPU that is there may have.
        return f"sm_{self.arch}"

    def get_current_stream(self, device: str) -> int:
        return 0


class _Launches:
    """Takes the launches `kernel[grid](...)` of a kernel and compiles them."""

    def __init__(self, kernel: Any, found: list[Compiled]) -> None:
        self.kernel, self.found = kernel, found

    def __getitem__(self, grid: tuple[int, ...]) -> Callable[..., None]:
        def launch(*given: Any, **options: Any) -> None:
            with knobs.compilation.scope():
                # The seconds of a compilation, not of a look into the cache.
                knobs.compilation.always_compile = True
                started = _processor_seconds()
                compiled = self.kernel.warmup(*given, grid=grid, **options)
                seconds = _processor_seconds() - started
            named = dict(zip(self.kernel.arg_names, given, strict=True))
            found = _usage(compiled.asm["cubin"])
            shared, warps = compiled.metadata.shared, compiled.metadata.num_warps
            name = self.kernel.fn.__name__
            self.found.append(Compiled(name, named, warps, seconds, compiled.asm["ptx"], *found, shared))

        return launch


def _processor_seconds() -> float:
    """Of this process and of those that it started; what else runs on the machine does not count."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _usage(cubin: bytes) -> tuple[str, int, int]:
    """Machine code, registers and bytes of stack."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "kernel.cubin"
        file.write_bytes(cubin)
        usage = _tool("cuobjdump", "-res-usage", file)
        code = _tool("nvdisasm", "-c", file)
    registers, stack = (int(re.findall(rf"{name}:(\d+)", usage)[0]) for name in ("REG", "STACK"))
    return code, registers, stack


def _tool(name: str, *arguments: str | Path) -> str:
    return subprocess.run([TOOLS / name, *arguments], capture_output=True, text=True, check=True).stdout
