"""`snntrain report`: from folders to tables and files."""

import csv
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Outcome
from tests.report.folders import write_run

FILES = ("report.csv", "report.md", "report.html")


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    for neuron, accuracy in (("if", 0.9), ("lif", 0.8)):
        write_run(
            tmp_path / "sweep" / f"0_neuron={neuron}", neuron=neuron, test_accuracy=accuracy, val_accuracy=1 - accuracy
        )
    return tmp_path / "sweep"


def test_a_folder_gets_its_report(snntrain: Callable[..., Outcome], sweep: Path) -> None:
    outcome = snntrain("report", "sweep")
    assert (outcome.status, outcome.err) == (0, "")
    lines = outcome.out.splitlines()
    assert lines[0] == "2 runs: 2 completed in sweep"
    assert lines[2].split() == ["neuron", "val_accuracy", "test_accuracy", "run"]
    assert lines[3].split()[:3] == ["lif", "0.2000", "0.8000"]
    assert lines[6] == "best run: 0_neuron=lif, val_accuracy 0.2000, test_accuracy 0.8000"
    by_test = snntrain("report", "sweep", "metric=test_accuracy").out.splitlines()
    assert by_test[3].split()[:2] == ["if", "0.9000"]
    assert lines[-1] == "report: sweep/report.csv, sweep/report.md, sweep/report.html"
    assert all((sweep / name).stat().st_size > 0 for name in FILES)


def test_a_report_on_several_folders_is_written_where_the_command_runs_or_into_out(
    snntrain: Callable[..., Outcome], sweep: Path, tmp_path: Path, finished_run: Path
) -> None:
    assert snntrain("report", "sweep", str(finished_run)).status == 0
    assert all((tmp_path / name).exists() for name in FILES)
    outcome = snntrain("report", "sweep", str(finished_run), "out=a/b", "metric=val_accuracy")
    assert outcome.status == 0
    with (tmp_path / "a" / "b" / "report.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3
    assert {os.path.realpath(tmp_path / "a" / "b" / row["run"]) for row in rows} == {
        os.path.realpath(finished_run),
        *(os.path.realpath(path) for path in sweep.iterdir() if path.is_dir()),
    }
    accuracies = [float(row["val_accuracy"]) for row in rows]
    assert accuracies == sorted(accuracies, reverse=True)
    assert not (finished_run / "report.csv").exists()


def test_the_folder_of_a_job_is_not_a_column(snntrain: Callable[..., Outcome], sweep: Path) -> None:
    outcome = snntrain("report", "sweep/0_neuron=lif", "out=.")
    assert outcome.out.startswith("1 run: 1 completed in sweep/0_neuron=lif\n")


def test_runs_that_failed_are_named_with_their_error(snntrain: Callable[..., Outcome], sweep: Path) -> None:
    write_run(sweep / "2_neuron=rif", neuron="rif", status="failed", error="RunFailed: not finite", test_accuracy=None)
    (sweep / "0_neuron=if" / "summary.json").write_text('{"status": ')
    outcome = snntrain("report", "sweep")
    assert outcome.status == 0
    assert "failed: 2: RunFailed: not finite" in outcome.out.splitlines()
    assert any(
        line.startswith("damaged: 0_neuron=if: summary.json cannot be read") for line in outcome.out.splitlines()
    )


def test_the_table_fits_the_terminal(
    snntrain: Callable[..., Outcome], sweep: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "36")
    lines = snntrain("report", "sweep").out.splitlines()
    assert max(map(len, lines[2:5])) <= 36
    assert "columns left out: test_accuracy; report.csv has all of them" in lines


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "report needs the folders of runs or sweeps, as in snntrain report multirun"),
        (("nowhere",), "nowhere: there is no such folder; give folders of runs or sweeps, as outputs or multirun"),
        (("empty",), "empty: no runs there, at any depth; the folder of a run holds a summary.json"),
        (
            ("sweep", "metrik=loss"),
            "metrik=loss: there is no such folder, and no key 'metrik'; the keys are metric, out",
        ),
        (
            ("sweep", "metric=val_acuracy"),
            "metric=val_acuracy: no run has it; there are test_accuracy, val_accuracy, train_seconds "
            "(did you mean val_accuracy?)",
        ),
        (("sweep", "out="), "out=: needs a value, as in metric=val_accuracy or out=comparison"),
        (("sweep", "--resolve", "--cfg", "job"), "--resolve: report takes folders, metric=<figure> and out=<folder>"),
        (("sweep", "out=file/x"), "out=file/x: cannot be written (Not a directory); choose another folder with out=…"),
    ],
)
def test_a_mistake_gets_a_one_line_message(
    arguments: tuple[str, ...], message: str, snntrain: Callable[..., Outcome], sweep: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    assert snntrain("report", *arguments) == Outcome(2, "", f"snntrain: {message}\n")


def test_report_shows_its_usage(snntrain: Callable[..., Outcome]) -> None:
    outcome = snntrain("report", "--help")
    assert outcome.status == 0
    assert outcome.out.startswith("snntrain report <folder>…")


def test_the_report_of_a_real_run_shows_its_figures(
    snntrain: Callable[..., Outcome], finished_run: Path, tmp_path: Path
) -> None:
    summary = json.loads((finished_run / "summary.json").read_text())
    outcome = snntrain("report", str(finished_run), "out=.")
    assert f"{summary['test_accuracy']:.4f}" in outcome.out
    assert '"epoch":[1.0,2.0]' in (tmp_path / "report.html").read_text()
