"""Signals to a sweep with workers: every job is saved, no process is left behind, and the same command resumes."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.launchers import faulty
from tests.cli.launchers.processes import owner, statuses, trained, wait_until, working_in
from tests.conftest import TINY

Start = Callable[..., subprocess.Popen[str]]

ENDLESS = ("network=mlp", "network.hidden=[16]", "trainer.device=cpu", "monitor=off", "hydra.sweep.dir=sweep")
ENDLESS += ("trainer.epochs=100000", "seed=0,1")
# Forty epochs take seconds.
FORTY = (*ENDLESS[:-2], "trainer.epochs=40", "seed=0,1,2")
SAVED = "checkpoints/last.pt"


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each worker one thread: these networks are small."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.mark.slow
def test_a_signal_saves_all_jobs_and_leaves_no_process(process: Start, tmp_path: Path) -> None:
    with process("-m", *ENDLESS, "sweep.workers=2") as running:
        wait_until(lambda: len(trained(tmp_path / "sweep")) == 2, "two jobs train")
        running.send_signal(signal.SIGTERM)
        printed, errors = running.communicate()
    assert running.returncode == 143
    assert working_in(tmp_path) == []
    assert "SIGTERM: saving 2 running jobs; a second signal stops them at once\n" in printed
    assert "0 of 2 jobs that began are completed in sweep\n" in printed
    assert errors.startswith("snntrain: interrupted; resume with: snntrain -m ")
    assert errors.count("\n") == 1
    assert statuses(tmp_path / "sweep") == ["interrupted"] * 2
    assert all((job / SAVED).is_file() for job in trained(tmp_path / "sweep"))
    assert (tmp_path / "sweep" / "report.csv").is_file()


def ended(start: Start, *argv: str) -> tuple[int, str, str]:
    """Return the status of a command and its output."""
    with start(*argv) as running:
        printed, errors = running.communicate()
    return running.returncode, printed, errors


def resumed(sweep: Path) -> int:
    """Return the number of jobs that have continued from a checkpoint."""
    return sum("resum" in (job / "train.log").read_text() for job in sweep.glob("*/"))


@pytest.mark.slow
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGUSR1, 138), (signal.SIGTERM, 143)])
def test_a_stopped_sweep_is_resumed_with_another_number_of_workers(
    process: Start, tmp_path: Path, number: int, status: int
) -> None:
    with process("-m", *FORTY, "sweep.workers=2") as running:
        wait_until(lambda: len(trained(tmp_path / "sweep")) == 2, "two jobs train")
        running.send_signal(number)
        running.communicate()
    assert running.returncode == status
    assert working_in(tmp_path) == []
    assert statuses(tmp_path / "sweep") == ["interrupted"] * 2
    assert ended(process, "-m", *FORTY, "sweep.workers=3")[0] == 0
    assert statuses(tmp_path / "sweep") == ["completed"] * 3
    assert resumed(tmp_path / "sweep") == 2


@pytest.mark.slow
def test_after_kill_9_of_the_sweep_its_workers_save_and_end(process: Start, tmp_path: Path) -> None:
    with process("-m", *FORTY, "sweep.workers=2") as running:
        wait_until(lambda: len(trained(tmp_path / "sweep")) == 2, "two jobs train")
        running.kill()
        running.communicate()
    wait_until(lambda: not working_in(tmp_path), "the workers end")
    assert statuses(tmp_path / "sweep") == ["interrupted"] * 2
    assert ended(process, "-m", *FORTY, "sweep.workers=2")[0] == 0
    assert statuses(tmp_path / "sweep") == ["completed"] * 3
    assert resumed(tmp_path / "sweep") == 2


@pytest.mark.slow
def test_a_signal_to_one_worker_stops_only_its_job(process: Start, tmp_path: Path) -> None:
    with process("-m", *FORTY, "sweep.workers=2") as running:
        wait_until(lambda: len(trained(tmp_path / "sweep")) == 2, "two jobs train")
        hit = trained(tmp_path / "sweep")[0]
        os.kill(owner(hit), signal.SIGTERM)
        printed, errors = running.communicate()
    assert running.returncode == 1
    assert "job 0 seed=0: interrupted; resume with: snntrain " in printed
    assert "2 of 3 jobs completed in sweep\n  interrupted: 0_" in printed
    assert errors.startswith("snntrain: 1 of 3 jobs of the sweep failed")
    assert ended(process, "-m", *FORTY, "sweep.workers=2")[0] == 0
    assert statuses(tmp_path / "sweep") == ["completed"] * 3
    assert resumed(tmp_path / "sweep") == 1


@pytest.mark.slow
def test_a_signal_to_all_processes_at_once_saves_all_jobs(process: Start, tmp_path: Path) -> None:
    """A scheduler signals every process of its job: the sweep must not signal its workers again."""
    with process("-m", *ENDLESS, "sweep.workers=2") as running:
        wait_until(lambda: len(trained(tmp_path / "sweep")) == 2, "two jobs train")
        for pid in working_in(tmp_path):
            os.kill(pid, signal.SIGTERM)
        running.communicate()
    assert running.returncode == 143
    assert working_in(tmp_path) == []
    assert statuses(tmp_path / "sweep") == ["interrupted"] * 2
    assert all((job / SAVED).is_file() for job in trained(tmp_path / "sweep"))


@pytest.mark.slow
def test_a_second_signal_ends_jobs_that_do_not_stop(process: Start, tmp_path: Path) -> None:
    faulty.write(tmp_path)
    given = ("-m", *faulty.OWN, *TINY, "monitor=off", "hydra.sweep.dir=sweep", "neuron.fault=stuck", "seed=0,1")
    with process(*given, "sweep.workers=2") as running:
        wait_until(lambda: len([*tmp_path.glob("stuck-*")]) == 2, "two jobs are stuck")
        running.send_signal(signal.SIGINT)
        assert running.stdout is not None
        assert running.stdout.readline() == "SIGINT: saving 2 running jobs; a second signal stops them at once\n"
        running.send_signal(signal.SIGINT)
        running.communicate()
    assert running.returncode == 130
    assert working_in(tmp_path) == []


@pytest.mark.slow
def test_a_signal_before_the_workers_are_ready_leaves_no_process(process: Start, tmp_path: Path) -> None:
    with process("-m", *ENDLESS, "sweep.workers=2") as running:
        wait_until(lambda: len(working_in(tmp_path)) == 3, "the workers start")
        running.send_signal(signal.SIGTERM)
        running.communicate()
    assert running.returncode == 143
    assert working_in(tmp_path) == []
