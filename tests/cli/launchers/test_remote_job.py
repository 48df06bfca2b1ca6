"""A job of a sweep in a process of its own: the same folder and outcome as in the sweep's process."""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from snntrain.cli.launchers.launcher import Outcome, SweepCommand, SweepJob
from tests.conftest import TINY
from tests.conftest import Outcome as CommandOutcome

SMALL = (*TINY, "monitor=off")
REMOTE = """
import pickle, sys
from snntrain.cli.launchers import remote_job
command, jobs = pickle.load(sys.stdin.buffer)
ended = [remote_job.run(command, job) for job in jobs]
with open(sys.argv[1], "wb") as file:
    pickle.dump(ended, file)
"""


def remote(command: SweepCommand, jobs: list[SweepJob], folder: Path) -> list[Outcome]:
    """Run jobs in one new process that starts in another folder."""
    place = folder / "outcomes"
    subprocess.run([sys.executable, "-c", REMOTE, str(place)], input=pickle.dumps((command, jobs)), cwd="/", check=True)
    ended: list[Outcome] = pickle.loads(place.read_bytes())
    return ended


@pytest.mark.slow
def test_jobs_in_another_process_use_the_folders_of_the_sweep(
    snntrain: Callable[..., CommandOutcome], tmp_path: Path
) -> None:
    given = (*SMALL, "seed=0,1", "name='a,b'")
    assert snntrain("-m", *given, "hydra.sweep.dir=sweep").status == 0
    kept, again = sorted((tmp_path / "sweep").glob("*/"))
    written = (kept / "summary.json").stat().st_mtime_ns
    shutil.rmtree(again)
    command = SweepCommand(
        config_name="config",
        config_dir=None,
        overrides=(*given, f"hydra.sweep.dir={tmp_path}/sweep"),
        typed=("snntrain", "-m", *given),
        working_directory=str(tmp_path),
    )
    jobs = [
        SweepJob(0, (*SMALL, "seed=0", "name='a,b'")),
        SweepJob(1, (*SMALL, "seed=1", "name='a,b'")),
        SweepJob(2, (*SMALL, "seed=1", "name='a,b'", "trainer.device=cuda:99")),
        SweepJob(3, (*SMALL, "seed=1", "neuron=nothing")),
    ]
    first, second, failed, impossible = remote(command, jobs, tmp_path)
    assert (first.folder, first.error, first.signal) == (kept, None, None)
    assert (kept / "summary.json").stat().st_mtime_ns == written
    assert (second.folder, second.error) == (again, None)
    assert second.value == json.loads((again / "summary.json").read_text())["val_accuracy"]
    assert json.loads((again / "environment.json").read_text())["command"] == [*command.typed]
    assert failed.error is not None
    assert failed.error.startswith("trainer.device=cuda:99: PyTorch finds no such GPU here")
    assert (impossible.folder, impossible.error) == (None, "In 'config': Could not find 'neuron/nothing'")
