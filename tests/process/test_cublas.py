"""cuBLAS gets the workspace that makes results reproducible, from the start of the process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from snntrain.data import digits
from snntrain.errors import UserError
from snntrain.process import cublas
from snntrain.training.job import build, repeatable
from snntrain.training.job.precision import Precision
from snntrain.training.job.world import World
from tests.training.jobs import configured

# The real command line; its work is replaced by a look at the environment before torch is imported.
PROBE = """
import os, sys
from snntrain.cli import main

def look(argv):
    assert "torch" not in sys.modules
    print(os.environ["CUBLAS_WORKSPACE_CONFIG"])
    return 0

main.status = look
main.main()
"""


@pytest.mark.parametrize(("own", "found"), [({}, ":4096:8"), ({cublas.VARIABLE: ":16:8"}, ":16:8")])
def test_the_command_line_reserves_it_before_anything_else_and_keeps_the_users_setting(
    own: dict[str, str], found: str
) -> None:
    env = {name: value for name, value in os.environ.items() if name != cublas.VARIABLE} | own
    done = subprocess.run([sys.executable, "-c", PROBE], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [found]


def test_a_program_that_requires_reproducible_operations_gets_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(cublas.VARIABLE, raising=False)
    with repeatable.deterministic(True):
        assert os.environ[cublas.VARIABLE] == ":4096:8"


@pytest.mark.parametrize("own", [":4096:2:16:8", ":16:8:", "0", ""])
def test_a_setting_with_which_a_deterministic_run_would_fail_is_refused_in_one_line(
    own: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(cublas.VARIABLE, own)
    with pytest.raises(UserError, match=f"CUBLAS_WORKSPACE_CONFIG={own} in the environment .*; unset it, or") as error:
        repeatable.check_deterministic(torch.device("cuda"))
    assert len(error.value.lines) == 1
    repeatable.check_deterministic(torch.device("cpu"))
    for good in cublas.REPRODUCIBLE:
        monkeypatch.setenv(cublas.VARIABLE, good)
        repeatable.check_deterministic(torch.device("cuda"))


@pytest.mark.parametrize("deterministic", [True, False])
def test_only_a_deterministic_run_requires_it(
    deterministic: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(cublas.VARIABLE, ":16:4")
    gpu = torch.device("cuda")
    config = configured("trainer.device=cuda", f"trainer.deterministic={str(deterministic).lower()}")
    # The data set is read after the check.
    monkeypatch.setattr(digits, "FILE", tmp_path / "nothing.npz")
    with pytest.raises(UserError, match="CUBLAS_WORKSPACE_CONFIG=:16:4" if deterministic else "nothing.npz"):
        build.prepare(config, World(gpu, Precision("fp32", gpu)))
