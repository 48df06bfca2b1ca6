"""The findings about threads and memory, in separate processes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

GLIBC = sys.platform == "linux" and "CS_GNU_LIBC_VERSION" in os.confstr_names
PROBE = """
import sys
from snntrain.process.allocator import keep_freed_memory
from snntrain.doctor import processor
if sys.argv[1:]:
    keep_freed_memory()
print(processor.freed_memory_is_used_again())
for finding in (*processor.threads(), *processor.memory()):
    print(finding.label, finding.text, finding.hint, sep="|")
"""


def probe(*argv: str, **environment: str) -> list[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "OMP_"))} | environment
    command = [sys.executable, "-c", PROBE, *argv]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.mark.skipif(not GLIBC, reason="mallopt is of glibc")
@pytest.mark.slow
def test_kept_memory_is_measured_and_not_assumed() -> None:
    kept, _, memory = probe("kept")
    assert (kept, memory) == ("True", "memory|freed memory is kept for the next tensor, checked|")
    kept, _, memory = probe()
    assert kept == "False"
    assert memory.startswith("memory|freed memory goes back to the system")


@pytest.mark.slow
def test_settings_that_cost_speed_are_reported_with_hints() -> None:
    _, threads, memory = probe("kept", OMP_NUM_THREADS="1", MALLOC_ARENA_MAX="2")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    hint = f"unset OMP_NUM_THREADS=1: {cores} cores could compute" if cores != 1 else ""
    assert threads == f"threads|1 on {cores} cores|{hint}"
    assert "MALLOC_ARENA_MAX in the environment" in memory
    assert "|unset MALLOC_ARENA_MAX, so that" in memory
