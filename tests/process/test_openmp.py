"""Idle threads of torch go to sleep soon, unless the user has set otherwise."""

import os
import subprocess
import sys

import pytest

PROBE = """
import os, sys
if sys.argv[1] == "late":
    import torch
from snntrain.process.openmp import sleep_soon
sleep_soon()
print(os.environ.get("GOMP_SPINCOUNT"))
"""


def spins(when: str, **environment: str) -> str:
    env = {k: v for k, v in os.environ.items() if k not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")} | environment
    done = subprocess.run([sys.executable, "-c", PROBE, when], env=env, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_threads_wait_a_tenth_of_the_usual_loops() -> None:
    assert spins("early") == "30000"


def test_settings_of_the_user_are_not_changed() -> None:
    assert spins("early", GOMP_SPINCOUNT="7") == "7"
    assert spins("early", OMP_WAIT_POLICY="active") == "None"


@pytest.mark.slow
def test_nothing_is_set_after_torch_has_read_it() -> None:
    assert spins("late") == "None"
