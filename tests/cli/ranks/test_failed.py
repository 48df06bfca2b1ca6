"""An error in one process ends all of them, with one line that names the process."""

from __future__ import annotations

import json
import resource
from pathlib import Path

import pytest

from tests.cli.ranks.conftest import Start
from tests.cli.ranks.programs import LONG, SHORT, TWO

slow = pytest.mark.slow
RUN = (*TWO, "hydra.run.dir=run", "allow_targets=[faulty]")
LOSSES = {
    "Faulty": "process 1: no such luck (traceback in ",
    "Exits": "process 1 ended with status 3 and without an error message, before the run was over",
    "ExitsWithoutError": "process 1 ended with status 0 and without an error message, before the run was over",
    "Crashes": "process 1 was killed by signal 11 (SIGSEGV)",
    "TakesAll": "process 1: out of memory on the CPU in training with trainer.batch_size=32",
}


@pytest.mark.parametrize("loss", [name if name == "Faulty" else pytest.param(name, marks=slow) for name in LOSSES])
def test_a_failure_in_one_process_is_one_line_with_its_number(loss: str, command: Start, folder: Path) -> None:
    program = command(*RUN, *SHORT, f"loss._target_=faulty.{loss}")
    assert program.wait() == 1
    (line,) = program.lines()
    assert line.startswith(f"snntrain: the run failed: {LOSSES[loss]}")
    summary = json.loads((folder / "run" / "summary.json").read_text())
    assert summary["status"] == "failed"
    if loss in ("Faulty", "Crashes", "Exits", "TakesAll"):
        assert LOSSES[loss].partition(" (traceback")[0] in summary["error"]
    if loss == "Faulty":
        log = (folder / "run" / "train.log").read_text()
        assert "process 1 of 2 failed\nTraceback" in log
        assert "ValueError: no such luck" in log


@slow
@pytest.mark.parametrize("fault", ["loss._target_=faulty.Hangs", "dataset._target_=faulty.endless"])
def test_a_process_that_hangs_is_named(fault: str, command: Start) -> None:
    program = command(*RUN, *SHORT, fault, "trainer.timeout_minutes=0.05")
    assert program.wait() == 1
    (line,) = program.lines()
    assert "another process did not answer for 0.05 minutes (trainer.timeout_minutes)" in line
    assert line.endswith("; process 1 did not end, and had to be ended")


@slow
def test_data_that_differ_are_refused_and_leave_no_folder(command: Start, folder: Path) -> None:
    program = command(*RUN, *SHORT, "dataset._target_=faulty.other")
    assert program.wait() == 2
    (line,) = program.lines()
    assert line.startswith("snntrain: dataset=digits: its files differ between the processes of this run")
    assert not (folder / "run").exists()


@slow
def test_a_damaged_file_of_one_process_is_named(command: Start) -> None:
    program = command(*RUN, *SHORT, "dataset._target_=faulty.damaged")
    assert program.wait() == 1
    (line,) = program.lines()
    assert "process 1: [Errno 5] Input/output error: 'train-images'" in line


NAN = ("trainer.epochs=1", "dataset.resident=never", "dataset.workers=0", "trainer.max_bad_steps=3")


@slow
def test_nan_in_one_process_skips_the_step_in_all(command: Start, folder: Path) -> None:
    program = command(*RUN, *NAN, "dataset._target_=faulty.nan_once")
    assert program.wait() == 0, program.shown()
    (row,) = map(json.loads, (folder / "run" / "metrics.jsonl").read_text().splitlines())
    assert row["skipped_steps"] == 1


@slow
def test_too_many_nan_in_one_process_end_the_run_and_name_the_images(command: Start) -> None:
    program = command(*RUN, *NAN, "dataset._target_=faulty.nan_always")
    assert program.wait() == 1
    (line,) = program.lines()
    assert "is in the input images: look at the data" in line


@slow
@pytest.mark.parametrize("target", ["faulty.Absent", "nothing.Network"])
def test_a_class_that_cannot_be_imported_is_one_line(target: str, command: Start, folder: Path) -> None:
    program = command(*TWO, *SHORT, "hydra.run.dir=run", "allow_targets=[faulty,nothing]", f"network._target_={target}")
    assert program.wait() == 2
    assert program.lines() == [
        f"snntrain: network: _target_={target}: there is no such class or function; is the name right, is it installed?"
    ]
    assert not (folder / "run").exists()


@slow
def test_a_full_disk_of_process_0_ends_the_run_and_the_same_command_resumes(command: Start, folder: Path) -> None:
    program = command(*TWO, *LONG, "hydra.run.dir=run")
    program.trains()
    program.until((folder / "run" / "checkpoints" / "last.pt").exists)
    # No file can grow beyond this size, as on a full disk.
    resource.prlimit(program.ranks()[0], resource.RLIMIT_FSIZE, (4096, 4096))
    assert program.wait() == 1
    (line,) = program.lines()
    assert "run cannot be written (File too large); saved files are whole: fix that, then resume with:" in line
    assert command(*TWO, *LONG, "hydra.run.dir=run").wait() == 0


@slow
def test_only_the_output_of_process_0_is_shown(command: Start) -> None:
    program = command(*RUN, *SHORT, "network._target_=faulty.Prints")
    assert program.wait() == 0
    assert program.out.read_text().count("built in process") == 1
    assert program.err.read_text() == ""
