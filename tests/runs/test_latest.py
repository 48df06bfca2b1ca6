"""The run that `latest` or a folder names."""

import os
import time
from pathlib import Path

import pytest

from snntrain.errors import UserError
from snntrain.runs.latest import latest, named_run
from snntrain.runs.layout import LOCK
from tests.report.folders import untouched, write_run

NOW = 1_000_000.0


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_latest_run_is_the_one_that_gave_the_last_sign_of_life() -> None:
    first = untouched(write_run(Path("outputs/2026-01-01/10-00-00-a")), NOW)
    second = untouched(write_run(Path("multirun/2026-01-02/10-00-00-b/0_T=4")), NOW + 1)
    third = untouched(write_run(Path("outputs/2026-01-03/10-00-00-c")), NOW - 1)
    assert latest() == second
    for run, name in ((third, "metrics.jsonl"), (first, "train.log"), (second, LOCK)):
        (run / name).touch()
        os.utime(run / name, (time.time(), time.time()))
        assert latest() == run
    assert latest([Path("multirun")]) == second


def test_a_later_file_of_another_program_is_not_a_run() -> None:
    run = untouched(write_run(Path("outputs/run")), NOW)
    Path("outputs/other").mkdir()
    Path("outputs/other/summary.json").write_text('{"total": 3}')
    assert latest() == run


def test_without_any_run_it_says_where_it_looked() -> None:
    with pytest.raises(UserError) as error:
        latest()
    assert str(error.value) == (
        "latest: there are no runs below outputs/ or multirun/ here; name a folder, as in outputs/<date>/<time>-<id>"
    )


def test_a_given_folder_is_taken_and_latest_is_looked_up() -> None:
    run = write_run(Path("outputs/run"))
    assert named_run("run", "latest") == run
    assert named_run("run", "outputs/run") == run
    assert named_run("run", "outputs/none") == Path("outputs/none")


def test_the_first_jobs_of_a_sweep_are_named_by_their_numbers() -> None:
    for job in ("10_T=3", "2_T=2", "1_T=1", "0_T=4"):
        write_run(Path("sweep") / job)
    Path("sweep/multirun.yaml").touch()
    reported = "a sweep of 4 runs; name one of them, as in"
    with pytest.raises(UserError) as error:
        named_run("run", "sweep")
    assert str(error.value) == f"run=sweep: {reported} run=sweep/0_T=4, run=sweep/1_T=1, run=sweep/2_T=2, …"
    with pytest.raises(UserError) as error:
        named_run("resume", "sweep")
    assert str(error.value) == (
        f"resume=sweep: {reported} resume=sweep/0_T=4, resume=sweep/1_T=1, resume=sweep/2_T=2, …; "
        "to resume the whole sweep, give its own command with hydra.sweep.dir=sweep"
    )


def test_a_folder_of_runs_is_not_a_run() -> None:
    write_run(Path("outputs/2026-01-01/10-00-00-a"))
    with pytest.raises(UserError) as error:
        named_run("run", "outputs")
    assert str(error.value) == (
        "run=outputs: a folder of 1 run; name one of them, as in run=outputs/2026-01-01/10-00-00-a"
    )
