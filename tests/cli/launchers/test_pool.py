"""Jobs of a sweep in worker processes: faults stay in their job, and the same command completes the sweep."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from snntrain.cli.launchers import worker_process
from tests.cli.launchers import faulty
from tests.cli.launchers.processes import statuses, working_in
from tests.conftest import TINY, Outcome

SMALL = (*TINY, "monitor=off", "hydra.sweep.dir=sweep")
EIGHT = ("-m", *faulty.OWN, *SMALL, "neuron.fault=a,b,c,raise,kill,d,e,f")


def rows(sweep: Path) -> list[dict[str, str]]:
    """Return what the report of a sweep says about results, without times."""
    with (sweep / "report.csv").open(encoding="utf-8", newline="") as file:
        found = [{key: value for key, value in row.items() if "second" not in key} for row in csv.DictReader(file)]
    return sorted(found, key=lambda row: row["run"])


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each worker one thread: sums in several threads differ by rounding."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.mark.slow
def test_a_failed_and_a_killed_job_stop_no_other_and_the_same_command_completes_them(
    snntrain: Callable[..., Outcome], tmp_path: Path
) -> None:
    faulty.write(tmp_path)
    first = snntrain(*EIGHT, "sweep.workers=2")
    assert (first.status, first.err) == (
        1,
        "snntrain: 2 of 8 jobs of the sweep failed; each folder's summary.json says why\n",
    )
    lines = [line for line in first.out.splitlines() if line.startswith("job ")]
    ended = {line.partition(":")[0]: line.partition(": ")[2] for line in lines}
    assert sorted(ended) == [f"job {number} neuron.fault={fault}" for number, fault in enumerate(faults())]
    assert ended["job 3 neuron.fault=raise"].startswith("failed: of its own (traceback in ")
    assert ended["job 4 neuron.fault=kill"] == ("failed: its process was killed by signal 9 (SIGKILL; out of memory?)")
    assert all(text.startswith("val_accuracy=") for name, text in ended.items() if name[4] not in "34")
    assert "6 of 8 jobs completed in sweep\n" in first.out
    killed = json.loads(next((tmp_path / "sweep").glob("4_*/summary.json")).read_text())
    assert killed["error"] == "its process was killed by signal 9 (SIGKILL; out of memory?)"
    assert working_in(tmp_path) == []
    # The output of a job is in its log, not on the terminal.
    assert "made" not in first.out
    assert "made a\nbytes of C\n" in next((tmp_path / "sweep").glob("0_*/train.log")).read_text()

    (tmp_path / "repaired").touch()
    # With another number of workers, the folders are the same.
    second = snntrain(*EIGHT, "sweep.workers=3")
    assert (second.status, second.err) == (0, "")
    assert "8 of 8 jobs completed in sweep\n" in second.out
    assert statuses(tmp_path / "sweep") == ["completed"] * 8

    in_one_process = snntrain(*EIGHT, "hydra.sweep.dir=alone")
    assert in_one_process.status == 0
    assert rows(tmp_path / "sweep") == rows(tmp_path / "alone")
    assert sorted(path.name for path in (tmp_path / "sweep").iterdir()) == sorted(
        path.name for path in (tmp_path / "alone").iterdir()
    )


def faults() -> list[str]:
    """Return the faults of the eight jobs."""
    return EIGHT[-1].partition("=")[2].split(",")


@pytest.mark.slow
def test_the_last_words_of_a_job_that_crashes_are_in_its_log_and_not_on_the_terminal(
    snntrain: Callable[..., Outcome], tmp_path: Path
) -> None:
    faulty.write(tmp_path)
    outcome = snntrain("-m", *faulty.OWN, *SMALL, "neuron.fault=none,segfault", "sweep.workers=2")
    assert outcome.status == 1
    assert "made" not in outcome.out + outcome.err
    none, crashed = [path.read_text() for path in sorted((tmp_path / "sweep").glob("*/train.log"))]
    assert "made none\nbytes of C\n" in none
    assert "test_accuracy=" in none
    assert "made segfault\nbytes of C\n" in crashed
    assert "Fatal Python error: Segmentation fault" in crashed
    assert "killed by signal 11 (SIGSEGV)" in outcome.out


@pytest.mark.slow
def test_a_killed_sweep_in_one_process_is_completed_by_workers(
    process: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    faulty.write(tmp_path)
    with process(*EIGHT) as alone:
        alone.communicate()
    assert alone.returncode == -signal.SIGKILL
    (tmp_path / "repaired").touch()
    with process(*EIGHT, "sweep.workers=2") as again:
        printed, errors = again.communicate()
    assert (again.returncode, errors) == (0, "")
    assert "8 of 8 jobs completed in sweep\n" in printed


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["exit", "memory"])
def test_a_worker_is_replaced_after_a_fault(snntrain: Callable[..., Outcome], tmp_path: Path, fault: str) -> None:
    faulty.write(tmp_path)
    outcome = snntrain("-m", *faulty.OWN, *SMALL, f"neuron.fault={fault},a,b", "sweep.workers=2")
    assert "2 of 3 jobs completed in sweep\n" in outcome.out
    assert ("ended with status 7" if fault == "exit" else "out of memory") in outcome.out


def test_workers_that_cannot_start_end_the_sweep_with_their_last_words(
    snntrain: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_process, "START", "raise ImportError('no such library')")
    outcome = snntrain("-m", *SMALL, "seed=0,1,2,3,4,5", "sweep.workers=2")
    assert outcome.status == 1
    assert outcome.err == (
        "snntrain: the workers of the sweep do not start: its process ended with status 1 before it was ready: "
        "ImportError: no such library; sweep.workers=1 needs none\n"
    )
    assert working_in(tmp_path) == []


@pytest.mark.slow
def test_a_job_that_has_no_folder_is_listed(snntrain: Callable[..., Outcome], tmp_path: Path) -> None:
    outcome = snntrain("-m", *SMALL, "hydra.sweep.subdir=../${hydra.job.num}", "seed=0,1", "sweep.workers=2")
    assert outcome.status == 1
    listed = [line for line in outcome.out.splitlines() if line.startswith("  failed: job ")]
    assert sorted(line.partition(": the folder")[0] for line in listed) == [
        f"  failed: job {number}: hydra.sweep.subdir=../{number}" for number in (0, 1)
    ]
    assert outcome.err.startswith("snntrain: 2 of 2 jobs of the sweep failed")


def test_what_the_sweep_of_workers_imports_has_no_torch() -> None:
    program = (
        "import sys, snntrain.cli.sweep, snntrain.cli.sweeper, snntrain.cli.launchers.choice; "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.slow
def test_the_process_of_a_sweep_with_workers_never_imports_torch(tmp_path: Path) -> None:
    program = (
        "import sys; from snntrain.cli.main import status; code = status(sys.argv[1:]); "
        "sys.exit(code or ('torch' in sys.modules))"
    )
    command = [sys.executable, "-c", program, "-m", *SMALL, "seed=0", "sweep.workers=2"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
