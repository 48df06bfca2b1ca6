"""Several processes of one command, and launchers of Hydra: refused before anything is written.

Only a training may be several processes, of torchrun or srun: see tests/cli/ranks.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hydra.core.config_store import ConfigStore

from tests.conftest import TINY, Outcome

TORCHRUN = {"WORLD_SIZE": "2", "RANK": "0", "LOCAL_RANK": "0", "TORCHELASTIC_RUN_ID": "none", "MASTER_ADDR": "here"}
SRUN = {"SLURM_JOB_ID": "7", "SLURM_NTASKS": "4", "SLURM_PROCID": "3", "SLURM_STEP_NUM_TASKS": "4"}
MPIRUN = {"OMPI_COMM_WORLD_SIZE": "3", "OMPI_COMM_WORLD_RANK": "2"}
MPIEXEC = {"PMI_SIZE": "2", "PMI_RANK": "0"}
# Variables that sbatch --ntasks=4 sets for its script, and torchrun, srun and clusters for a single process.
SBATCH = {"SLURM_JOB_ID": "7", "SLURM_NTASKS": "4", "SLURM_NPROCS": "4", "SLURM_PROCID": "0", "SLURM_LOCALID": "0"}
SINGLE = {"WORLD_SIZE": "1", "RANK": "0", "SLURM_STEP_NUM_TASKS": "1", "SLURM_PROCID": "0", "PMI_SIZE": "1"}


def given(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("command", ["eval run=run", "inspect run=run", "doctor", "report run", "data list"])
def test_one_of_several_processes_does_nothing(
    command: str, snntrain: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(TORCHRUN, monkeypatch)
    outcome = snntrain(*command.split())
    assert (outcome.status, outcome.out) == (2, "")
    assert outcome.err.startswith("snntrain: WORLD_SIZE=2: torchrun starts this command 2 times")
    assert outcome.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("environment", "who"), [(SRUN, "srun"), (MPIRUN, "mpirun"), (MPIEXEC, "mpiexec")])
def test_the_launcher_of_several_processes_is_named(
    environment: dict[str, str], who: str, snntrain: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    given(environment, monkeypatch)
    outcome = snntrain("doctor")
    assert outcome.status == 2
    assert f"{who} starts this command" in outcome.err
    assert f"start it without {who}" in outcome.err


@pytest.mark.parametrize("command", ["", "-m T=1,2", "resume=run trainer.epochs=9"])
def test_mpirun_does_not_train(
    command: str, snntrain: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(MPIRUN, monkeypatch)
    outcome = snntrain(*command.split())
    assert (outcome.status, outcome.out) == (2, "")
    assert "training takes several processes by trainer.devices, torchrun or srun" in outcome.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("environment", [SBATCH, SINGLE], ids=["sbatch", "single"])
def test_one_process_of_a_cluster_trains(
    environment: dict[str, str], snntrain: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    given(environment, monkeypatch)
    assert snntrain(*TINY, "monitor=off").status == 0


@pytest.mark.parametrize("command", ["--help", "--version", "--cfg job", "eval --help", "doctor --help"])
def test_commands_that_only_print_are_not_refused(
    command: str, snntrain: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    given(TORCHRUN, monkeypatch)
    assert snntrain(*command.split()).status == 0


@pytest.fixture
def launcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Return the name of a launcher as a plugin adds it: a class, and an option of the group hydra/launcher."""
    store = ConfigStore.instance()
    store.store(group="hydra/launcher", name="beside", node={"_target_": "beside.Launcher", "n_jobs": 2}, provider="b")
    (tmp_path / "beside.py").write_text(
        "from hydra._internal.core_plugins.basic_launcher import BasicLauncher\n\n\n"
        "class Launcher(BasicLauncher):\n    def __init__(self, n_jobs):\n        super().__init__()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield "beside"
    del store.repo["hydra"]["launcher"]["beside.yaml"]


def test_a_launcher_that_starts_processes_is_refused_before_a_job_has_a_folder(
    launcher: str, snntrain: Callable[..., Outcome], tmp_path: Path
) -> None:
    before = sorted(tmp_path.rglob("*"))
    own = ("allow_targets=[beside]", f"hydra/launcher={launcher}")
    outcome = snntrain("-m", *TINY, "T=1,2", *own)
    assert (outcome.status, outcome.out) == (2, "")
    assert outcome.err.startswith("snntrain: hydra/launcher=beside: cannot stop and resume the jobs of a sweep; give")
    assert "sweep.workers=N runs N jobs at once on this machine" in outcome.err
    assert sorted(tmp_path.rglob("*")) == before


def test_a_sweep_by_hydras_mode_is_reported_as_a_sweep(snntrain: Callable[..., Outcome], tmp_path: Path) -> None:
    outcome = snntrain(*TINY, "hydra.mode=MULTIRUN")
    assert outcome.status == 2
    assert "give -m instead" in outcome.err
    assert not list(tmp_path.iterdir())
    assert snntrain("-m", *TINY, "monitor=off", "hydra.mode=MULTIRUN").status == 0
