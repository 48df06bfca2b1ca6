"""glibc keeps freed memory, unless the user has set otherwise."""

import os
import subprocess
import sys

import pytest

GLIBC = sys.platform == "linux" and "CS_GNU_LIBC_VERSION" in os.confstr_names
# Page faults of ten tensors of 64 MB, created and dropped in turn.
PROBE = """
import resource, sys
import torch
from snntrain.process.allocator import keep_freed_memory
print(keep_freed_memory() if sys.argv[1] == "kept" else None)
for _ in range(10):
    torch.ones(2**24)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    torch.ones(2**24)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def probe(mode: str, **environment: str) -> tuple[str, int]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")} | environment
    done = subprocess.run([sys.executable, "-c", PROBE, mode], env=env, capture_output=True, text=True, check=True)
    answer, faults = done.stdout.split()
    return answer, int(faults)


@pytest.mark.skipif(not GLIBC, reason="mallopt is of glibc")
@pytest.mark.slow
def test_freed_memory_is_used_again_without_page_faults() -> None:
    answer, kept = probe("kept")
    _, given_back = probe("default")
    assert answer == "True"
    assert kept < given_back / 10


@pytest.mark.skipif(not GLIBC, reason="mallopt is of glibc")
@pytest.mark.slow
def test_settings_of_the_user_are_not_changed() -> None:
    answer, _ = probe("kept", MALLOC_TOP_PAD_="1048576")
    assert answer == "False"
