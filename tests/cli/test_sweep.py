"""A sweep: its folders, its exit status, and its end when a job fails."""

import csv
import io
import json
import os
import signal
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from snntrain.cli import sweep
from snntrain.config import combinations
from snntrain.errors import Interrupted, RunFailed
from snntrain.runs.summary import FIGURES
from snntrain.signals import machine
from tests.conftest import TINY, Outcome
from tests.report.folders import write_run
from tests.runs.test_lock import HOLDING

SMALL = (*TINY, "monitor=off", "hydra.sweep.dir=sweep")
MODULE = """
from snntrain.neuron import IFNode

class Failing(IFNode):
    def __init__(self, fail: bool, **arguments):
        if fail:
            raise RuntimeError("of its own")
        super().__init__(**arguments)
"""


def jobs(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the summary of each job, by the name of its folder."""
    return {path.name: json.loads((path / "summary.json").read_text()) for path in sorted(folder.glob("*/"))}


def test_every_combination_runs_in_a_folder_of_its_own(snntrain: Callable[..., Outcome], tmp_path: Path) -> None:
    outcome = snntrain("reset=hard,soft", "-m", "neuron=lif,rif", "neuron.v_threshold=0.9", *SMALL)
    assert (outcome.status, outcome.err) == (0, "")
    assert "4 of 4 jobs completed in sweep\n" in outcome.out
    found = jobs(tmp_path / "sweep")
    assert [name[:2] for name in found] == ["0_", "1_", "2_", "3_"]
    assert all("neuron=" in name and "reset=" in name for name in found)
    assert {reported["status"] for reported in found.values()} == {"completed"}
    command = json.loads(next((tmp_path / "sweep").glob("0_*/environment.json")).read_text())["command"]
    assert command[:4] == ["snntrain", "reset=hard,soft", "-m", "neuron=lif,rif"]


def test_a_sweep_over_seeds_ends_with_its_report(snntrain: Callable[..., Outcome], tmp_path: Path) -> None:
    outcome = snntrain("-m", "seed=0,1,2", *SMALL)
    assert outcome.status == 0
    assert "report: sweep/report.csv, sweep/report.md, sweep/report.html\n" in outcome.out
    values, tested = (
        [reported[key] for reported in jobs(tmp_path / "sweep").values()] for key in ("val_accuracy", "test_accuracy")
    )
    with (tmp_path / "sweep" / "report.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["val_accuracy"]) for row in rows] == sorted(values, reverse=True)
    head, line = outcome.out.partition("mean ± std over seeds\n")[2].splitlines()[:2]
    assert head.split() == ["val_accuracy", "test_accuracy", "runs", "seeds"]
    spreads = [f"{statistics.fmean(figures):.4f} ± {statistics.stdev(figures):.4f}" for figures in (values, tested)]
    assert " ".join(line.split()) == " ".join([*spreads, "3", "0,", "1,", "2"])
    assert "<h2>Mean ± std over seeds</h2>" in (tmp_path / "sweep" / "report.html").read_text()


def test_a_report_that_fails_hides_no_result(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "0").mkdir()
    (tmp_path / "0" / "summary.json").write_text('{"status": "completed", "error": null}')
    (tmp_path / "report.csv").mkdir()
    sweep.conclude(tmp_path)
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(f"no report: out={tmp_path}: cannot be written (Is a directory)")
    assert second == f"1 of 1 jobs completed in {tmp_path}"


def test_a_job_that_cannot_be_built_is_written_down_and_stops_no_other(
    snntrain: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sometimes.py").write_text(MODULE)
    (tmp_path / "conf" / "neuron").mkdir(parents=True)
    (tmp_path / "conf" / "neuron" / "mine.yaml").write_text("_target_: sometimes.Failing\nfail: false\n")
    monkeypatch.delitem(sys.modules, "sometimes", raising=False)
    own = ("--config-dir", "conf", "neuron=mine", "allow_targets=[sometimes]")
    outcome = snntrain("-m", *own, "neuron.fail=true,false", *SMALL)
    assert outcome.status == 1
    assert outcome.err == "snntrain: 1 of 2 jobs of the sweep failed; each folder's summary.json says why\n"
    assert "1 of 2 jobs completed in sweep\n" in outcome.out
    failed, completed = jobs(tmp_path / "sweep").values()
    assert (failed["status"], failed["error"]) == ("failed", "RuntimeError: of its own")
    assert completed["status"] == "completed"
    assert failed.keys() == completed.keys() >= set(FIGURES)
    for folder in (tmp_path / "sweep").glob("*/"):
        assert {"config.yaml", "environment.json"} <= {path.name for path in folder.iterdir()}


def test_the_conclusion_names_what_a_job_could_not_use(snntrain: Callable[..., Outcome], tmp_path: Path) -> None:
    outcome = snntrain("-m", *SMALL, "trainer.device=cuda:99,cpu")
    assert outcome.status == 1
    (line,) = [line for line in outcome.out.splitlines() if line.startswith("  failed: ")]
    assert line.startswith("  failed: 0_")
    assert ": trainer.device=cuda:99: PyTorch finds no such GPU here" in line
    failed, completed = jobs(tmp_path / "sweep").values()
    assert failed["error"].startswith("trainer.device=cuda:99: PyTorch finds no such GPU here")
    assert completed["status"] == "completed"


def test_a_combination_that_was_not_checked_beforehand_is_refused_as_a_job(
    snntrain: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(combinations, "MOST", 1)
    outcome = snntrain("-m", *SMALL, "reset.v_reset=0,0.8", "neuron.v_threshold=1,0.5")
    assert outcome.status == 1
    assert "3 of 4 jobs completed" in outcome.out
    (failed,) = [reported for reported in jobs(tmp_path / "sweep").values() if reported["status"] == "failed"]
    assert failed["error"] == "reset.v_reset=0.8: must be below neuron.v_threshold=0.5"
    assert failed["epochs"] is None


def test_a_job_without_a_message_has_failed(tmp_path: Path, capsys: Any) -> None:
    for name, reported in {
        "0": {"status": "completed", "error": None},
        "1": {"status": "running", "error": None},
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "summary.json").write_text(json.dumps(reported))
    (tmp_path / "2" / ".hydra").mkdir(parents=True)
    with pytest.raises(RunFailed, match="2 of 3 jobs of the sweep failed"):
        sweep.conclude(tmp_path)
    assert capsys.readouterr().out.splitlines()[-3:] == [
        f"1 of 3 jobs completed in {tmp_path}",
        "  failed: 1: ended without an error message",
        "  failed: 2: it left no summary.json; see its train.log",
    ]


def test_a_job_that_another_process_runs_is_reported_as_running(
    snntrain: Callable[..., Outcome], tmp_path: Path
) -> None:
    given = ("-m", "T=1,2", *SMALL)
    assert snntrain(*given).status == 0
    (taken,) = (tmp_path / "sweep").glob("0_*")
    (taken / "summary.json").write_text(json.dumps(jobs(tmp_path / "sweep")[taken.name] | {"status": "running"}))
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(taken)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holding:
        assert holding.stdout is not None
        assert holding.stdout.readline() == "held\n"
        outcome = snntrain(*given)
        holding.communicate("")
    assert outcome.status == 1
    assert f"1 of 2 jobs completed in sweep\n  running: {taken.name}\n" in outcome.out
    assert outcome.err.startswith(
        "snntrain: 1 of 2 jobs of the sweep are running in another process; give the same command again"
    )
    assert outcome.err.count("\n") == 1
    assert snntrain(*given).status == 0


def ended_by(error: BaseException) -> Callable[[], None]:
    """Replace the launch of a sweep, so that it ends with `error`."""

    def launch() -> None:
        raise error

    return launch


@pytest.fixture
def one_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a sweep with one completed job."""
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "sweep" / "0")
    return Path("sweep")


RESUME = "interrupted; resume with: snntrain -m seed=0,1 hydra.sweep.dir=sweep"


def test_a_second_signal_does_not_wait_for_the_report(one_done: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def again(*given: Any, **more: Any) -> None:
        raise Interrupted(signal.SIGTERM)

    monkeypatch.setattr(sweep, "make", again)
    with pytest.raises(Interrupted, match=RESUME) as ended:
        sweep.run(ended_by(Interrupted(signal.SIGINT)), one_done, ["snntrain", "-m", "seed=0,1"])
    assert ended.value.number == signal.SIGTERM
    assert not (one_done / "report.csv").exists()


def test_a_sweep_stopped_together_with_its_reader_leaves_the_resume_command(
    one_done: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In `snntrain -m … | tee log` Ctrl-C ends both."""
    reader, writer = os.pipe()
    os.close(reader)
    with io.TextIOWrapper(io.FileIO(writer, "w"), write_through=True) as nobody_reads:
        monkeypatch.setattr(sys, "stdout", nobody_reads)
        with pytest.raises(Interrupted, match=RESUME) as ended:
            sweep.run(ended_by(KeyboardInterrupt()), one_done, ["snntrain", "-m", "seed=0,1"])
    assert ended.value.number == signal.SIGINT
    assert (one_done / "report.csv").exists()


def test_a_stopped_sweep_with_an_unreadable_folder_prints_the_resume_command(
    one_done: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(path: Path) -> None:
        raise OSError("stale file handle")

    monkeypatch.setattr(Path, "iterdir", gone)
    with pytest.raises(Interrupted, match=RESUME):
        sweep.run(ended_by(Interrupted(signal.SIGINT)), one_done, ["snntrain", "-m", "seed=0,1"])


def test_an_interruption_that_was_taken_for_an_error_ends_a_sweep_as_interrupted(
    one_done: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match="bad"):
        sweep.run(ended_by(ValueError("bad")), one_done, [])
    monkeypatch.setattr(machine, "number", signal.SIGUSR1)
    with pytest.raises(Interrupted, match="interrupted; resume with: ") as ended:
        sweep.run(ended_by(ValueError("of somebody's code")), one_done, [])
    assert ended.value.number == signal.SIGUSR1


def test_the_neuron_of_the_readme_is_swept(
    snntrain: Callable[..., Outcome], own_neuron: tuple[str, ...], tmp_path: Path
) -> None:
    outcome = snntrain(*own_neuron, "-m", *SMALL, "neuron=leaky", "neuron.leak=0.8,0.9")
    assert outcome.status == 0
    assert "2 of 2 jobs completed" in outcome.out
