"""The GPUs that this process may use, as entries of CUDA_VISIBLE_DEVICES; found without torch and without CUDA.

A process that has started CUDA holds memory on a GPU, and the import of torch takes seconds.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from itertools import takewhile
from pathlib import Path

VISIBLE = "CUDA_VISIBLE_DEVICES"
# One of these exists with a driver: NVIDIA's, the same under WSL, AMD's.
DRIVERS = tuple(map(Path, ("/proc/driver/nvidia", "/dev/nvidiactl", "/dev/dxg", "/dev/kfd")))
COUNT = "import torch; print(torch.cuda.device_count())"
# A driver that does not answer must not stop a sweep on the CPU.
SECONDS = 60
_GPU = re.compile(r"GPU \d+: .*\(UUID: (GPU-[^)\s]+)\)")
_PART = re.compile(r"\s+MIG .*\(UUID: (MIG-[^)]+)\)")


def usable(environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Return the GPUs: indices, or the names of GPUs or of parts of a GPU (MIG)."""
    if not any(path.exists() for path in DRIVERS):
        return ()
    if (given := environment.get(VISIBLE)) is not None:
        return entries(given)
    listed = named(_output(["nvidia-smi", "-L"]))
    if listed:
        return listed
    count = _output([sys.executable, "-c", COUNT]).strip()
    return tuple(map(str, range(int(count)))) if count.isdecimal() else ()


def entries(visible: str) -> tuple[str, ...]:
    """Return the GPUs that CUDA_VISIBLE_DEVICES names; CUDA ignores what follows an entry that names none."""
    words = (word.strip() for word in visible.split(","))
    return tuple(takewhile(lambda word: word.isdecimal() or word.startswith(("GPU-", "MIG-")), words))


def named(listing: str) -> tuple[str, ...]:
    """Return the names in the output of `nvidia-smi -L`; a GPU that is divided (MIG) is replaced by its parts."""
    found: list[list[str]] = []
    for line in listing.splitlines():
        if gpu := _GPU.match(line):
            found.append([gpu[1]])
        elif found and (part := _PART.match(line)):
            found[-1].append(part[1])
    return tuple(name for gpu, *parts in found for name in parts or [gpu])


def _output(command: list[str]) -> str:
    """Return the output of a command; '' if it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError, ValueError):
        return ""
    return done.stdout if done.returncode == 0 else ""
