"""The machine of a benchmark: processor, device, threads, versions, and the settings of the allocator."""

from __future__ import annotations

import os
import platform
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from snntrain.process import allocator, cublas, openmp

PACKAGES = ("snntrain", "torch", "triton", "numba", "numpy", "spikingjelly", "snntorch", "norse", "sinabs")


def describe(device: torch.device) -> dict[str, Any]:
    """Return everything that a reader needs to judge or repeat the numbers."""
    return {
        "date": datetime.now().astimezone().isoformat(timespec="seconds"),
        "command": shlex.join(["python", "-m", _module(), *sys.argv[1:]]),
        "commit": _commit(),
        "device": device_name(device),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "cuda": torch.version.cuda if device.type == "cuda" else None,
        "versions": {package: _version(package) for package in PACKAGES},
        "allocator": {name: value for name, value in os.environ.items() if name.startswith("MALLOC_")},
    }


def device_name(device: torch.device) -> str:
    """Return the GPU's name, or the processor's."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else _cpu()


def results_folder(device: torch.device) -> Path:
    """Return benchmarks/results/<date>-<device name>."""
    plain = re.sub(r"\((R|TM)\)", "", device_name(device))
    name = re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-").lower()
    return Path(__file__).parent / "results" / f"{datetime.now():%Y-%m-%d}-{name}"


def keep_freed_memory() -> bool:
    """Apply the allocator's settings that `snntrain` makes at its start; return whether this machine supports them."""
    return allocator.keep_freed_memory()


@contextmanager
def like_snntrain(wanted: bool) -> Iterator[None]:
    """Set the environment in which `snntrain` imports torch, for processes started meanwhile, if `wanted`."""
    before = os.environ.copy()
    if wanted:
        os.environ.setdefault("GOMP_SPINCOUNT", openmp.SPINS)
        cublas.reserve_workspace()
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _module() -> str:
    main = sys.modules["__main__"].__spec__
    return main.name if main is not None else Path(sys.argv[0]).stem


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _commit() -> str | None:
    """Return the present commit, with a '+' if files differ from it; None outside a checkout."""
    git = ["git", "-C", str(Path(__file__).parent)]
    try:
        head = subprocess.run([*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=True)
        changes = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return head.stdout.strip() + ("+" if changes.stdout else "")


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()
