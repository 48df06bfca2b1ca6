"""Seconds of the first forward and backward in a new process, with empty compiler caches, then with filled ones.

Time starts at `import snntrain.neuron`, after the import of torch, so it includes the import of the compiler.
`python -m benchmarks.first_use DEVICE KIND` measures in this process and prints the seconds.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def cold_and_warm(device: str, kind: str) -> tuple[float, float]:
    """Return the seconds of the first use with empty caches, and of the first use in the next process."""
    with tempfile.TemporaryDirectory() as caches:
        return _in_a_process(device, kind, caches), _in_a_process(device, kind, caches)


def _in_a_process(device: str, kind: str, caches: str) -> float:
    environment = os.environ | {"NUMBA_CACHE_DIR": f"{caches}/numba", "TRITON_CACHE_DIR": f"{caches}/triton"}
    command = [sys.executable, "-m", "benchmarks.first_use", device, kind]
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run(command, env=environment, cwd=root, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "no output")
    return float(done.stdout.split()[-1])


def _measure(device_name: str, kind: str) -> float:
    import torch

    device = torch.device(device_name)
    x = torch.rand(16, 4096, device=device, requires_grad=True)
    grad = torch.rand(16, 4096, device=device)
    # The device starts at its first operation, and the threads of autograd at the first backward.
    (x * x).backward(grad)
    started = time.perf_counter()
    from benchmarks.layers import neuron

    neuron(kind).to(device)(x).backward(grad)
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - started


if __name__ == "__main__":
    print(_measure(*sys.argv[1:3]))
