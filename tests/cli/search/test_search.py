"""`snntrain search` with real runs: its result, its folders, its report, and its resumption after any end."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from snntrain.report.search.reading import read
from tests.conftest import Outcome, run_in

pytest.importorskip("optuna", reason="a search needs Optuna: pip install 'snntrain[search]'")

# Two batches of sixteen images an epoch.
SMALL = (
    *("network=mlp", "network.hidden=[8]", "T=2", "trainer.batch_size=16", "trainer.limit_batches=2", "monitor=off"),
    *("trainer.device=cpu", "trainer.precision=fp32", "neuron=lif"),
)
SPACE = ("optimizer.lr=log(1e-3,3e-1)", "neuron.tau=(1.5,4)")
HALVING = ("trainer.epochs=4", "search.pruner=halving", "search.reduction=2", "search.trials=5")


@pytest.fixture(scope="module")
def halved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """Return the folder in which a search with rungs was run, and its output."""
    folder = tmp_path_factory.mktemp("halved")
    with pytest.MonkeyPatch.context() as patch, (folder / "out").open("w+") as out:
        patch.setattr(sys, "stdout", out)
        assert run_in(folder, "search", *SMALL, *SPACE, *HALVING, "hydra.sweep.dir=found") == 0
        out.seek(0)
        yield folder, out.read()


def summaries(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the summary of each trial, by the name of its folder."""
    return {path.parent.name: json.loads(path.read_text()) for path in sorted(folder.glob("*/summary.json"))}


def weights(run: Path) -> dict[str, torch.Tensor]:
    state = torch.load(run / "checkpoints" / "best.pt", weights_only=False)
    return {key: value for key, value in state["model"].items() if isinstance(value, torch.Tensor)}


def test_few_trials_are_trained_to_their_end_and_each_has_a_folder_with_its_values(halved: tuple[Path, str]) -> None:
    folder, out = halved
    found = summaries(folder / "found")
    assert [name.partition("_")[0] for name in found] == ["0", "1", "2", "3", "4"]
    assert all("optimizer.lr=" in name and "neuron.tau=" in name for name in found)
    epochs = sorted(each["epochs"] for each in found.values())
    assert epochs[0] == 1
    assert epochs[-1] == 4
    assert {each["status"] for each in found.values()} == {"paused", "completed"}
    assert all((each["test_accuracy"] is None) == (each["status"] == "paused") for each in found.values())
    assert "5 trials: " in out
    assert "stopped at a rung in found\n" in out


def test_the_printed_command_trains_the_best_trial_to_the_bit(halved: tuple[Path, str]) -> None:
    folder, out = halved
    (line,) = [line for line in out.splitlines() if line.startswith("  train it with: ")]
    words = shlex.split(line.partition(": ")[2])
    assert words[0] == "snntrain"
    assert run_in(folder, *words[1:], "hydra.run.dir=again") == 0
    number = read(folder / "found").best[0][0]  # type: ignore[union-attr]
    (trial,) = (folder / "found").glob(f"{number}_*")
    mine, again = (weights(run) for run in (trial, folder / "again"))
    assert mine.keys() == again.keys()
    assert all(torch.equal(mine[key], again[key]) for key in mine)
    curves = [
        [(row["train_loss"], row["val_loss"], row["learning_rate"]) for row in map(json.loads, lines)]
        for lines in ((run / "metrics.jsonl").read_text().splitlines() for run in (trial, folder / "again"))
    ]
    assert curves[0] == curves[1]
    assert (trial / "config.yaml").read_text() == (folder / "again" / "config.yaml").read_text()


def test_the_report_shows_the_search_without_optuna(
    halved: tuple[Path, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = halved
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert run_in(folder, "report", "found", "out=page") == 0
    assert " paused, " in capsys.readouterr().out
    page = (folder / "page" / "report.html").read_text()
    for shown in ("<h2>Search</h2>", "Best trial", "Best so far", "<h3>Rungs</h3>", "train it with", "paused"):
        assert shown in page
    assert "trainer.pause_after" not in page.partition("Best trial")[0]


def test_the_same_command_finds_nothing_left_and_more_trials_continue(
    halved: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = halved
    before = summaries(folder / "found")
    assert run_in(folder, "search", *SMALL, *SPACE, *HALVING, "hydra.sweep.dir=found") == 0
    assert "job " not in capsys.readouterr().out
    assert summaries(folder / "found") == before
    assert run_in(folder, "search", *SMALL, *SPACE, *HALVING, "search.trials=6", "hydra.sweep.dir=found") == 0
    assert "job 5: " in capsys.readouterr().out
    assert len(summaries(folder / "found")) == 6


def test_another_command_in_the_folder_of_a_search_is_refused(
    halved: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = halved
    for words in (("search", *SMALL, "T=4,8", *HALVING), ("-m", *SMALL, "T=4,8")):
        assert run_in(folder, *words, "hydra.sweep.dir=found") == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert "this folder holds" in said
    (folder / "others" / "0").mkdir(parents=True)
    (folder / "others" / "0" / "summary.json").write_text('{"status": "completed"}')
    assert run_in(folder, "search", *SMALL, *SPACE, "hydra.sweep.dir=others") == 2
    assert "holds runs that no search made" in capsys.readouterr().err


def test_a_sweep_with_a_method_is_a_search_and_a_small_grid_ends(
    snntrain: Callable[..., Outcome], tmp_path: Path
) -> None:
    words = ("trainer.epochs=1", "search.objectives=[val_accuracy,energy]", "hydra.sweep.dir=grid")
    outcome = snntrain("-m", *SMALL, "neuron=if,lif", "neuron.tau=2,3", "sweep.search=grid", *words)
    assert (outcome.status, outcome.err) == (0, "")
    names = [name.partition("_")[2] for name in summaries(tmp_path / "grid")]
    assert names == ["neuron=if", "neuron=lif,neuron.tau=2", "neuron=lif,neuron.tau=3"]
    assert "the space has no more than 3 combinations" in outcome.out
    assert "Pareto front by val_accuracy, energy" in outcome.out
    found = read(tmp_path / "grid")
    assert found is not None
    assert [objective.name for objective in found.objectives] == ["val_accuracy", "energy"]
    assert "<h3>val_accuracy against energy</h3>" in (tmp_path / "grid" / "report.html").read_text()


def test_a_trial_that_fails_is_noted_and_stops_no_other(snntrain: Callable[..., Outcome], tmp_path: Path) -> None:
    words = ("trainer.epochs=1", "sweep.search=grid", "hydra.sweep.dir=grid")
    outcome = snntrain("search", *SMALL, "trainer.device=cuda:99,cpu", *words)
    assert outcome.status == 0
    assert "2 trials: 1 complete, 1 failed in grid" in outcome.out
    assert "trainer.device=cuda:99: PyTorch finds no such GPU here" in (tmp_path / "grid" / "search.json").read_text()


def test_without_optuna_nothing_is_written_and_the_line_to_install_it_is_shown(
    snntrain: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    outcome = snntrain("search", *SMALL, *SPACE, "hydra.sweep.dir=s")
    assert outcome.status == 2
    assert outcome.err.count("\n") == 1
    assert "pip install 'snntrain[search]'" in outcome.err
    assert list(tmp_path.iterdir()) == []


def test_when_all_trials_fail_the_status_is_1(snntrain: Callable[..., Outcome]) -> None:
    outcome = snntrain("search", *SMALL, "trainer.device=cuda:99", "T=2,3", "trainer.epochs=1", "hydra.sweep.dir=s")
    assert outcome.status == 1
    (line,) = outcome.err.splitlines()[-1:]
    assert "trials in a row have failed, the last one because: trainer.device=cuda:99" in line
    assert "continue with: snntrain search" in line


MAIN = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from snntrain.cli.main import main
main()
"""
MANY = ("trainer.epochs=4", "search.pruner=halving", "search.reduction=2", "search.trials=6", "hydra.sweep.dir=found")


def begun(folder: Path, *words: str) -> subprocess.Popen[str]:
    """Start a search in a process of its own."""
    command = [sys.executable, "-c", MAIN, "search", *SMALL, *SPACE, *MANY, *words]
    with (folder / "out").open("a") as out:
        return subprocess.Popen(command, cwd=folder, stdout=out, stderr=subprocess.PIPE, text=True)


def finished(folder: Path) -> dict[str, tuple[str, float]]:
    """Return status and accuracy of the trials that have paused or completed, by folder."""
    found = {}
    for file in (folder / "found").glob("*/summary.json"):
        summary = json.loads(file.read_text())
        if summary["status"] in ("paused", "completed"):
            found[file.parent.name] = (summary["status"], summary["val_accuracy"])
    return found


def wait_for(process: subprocess.Popen[str], folder: Path, count: int) -> None:
    """Wait until so many trials have paused or completed."""
    while process.poll() is None and len(finished(folder)) < count:
        time.sleep(0.02)
    assert process.poll() is None


def lines_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "found" / "search" / "journal.jsonl").read_text().splitlines()]


def check_whole(folder: Path, before: dict[str, tuple[str, float]]) -> None:
    """Check that the same command ends the search, and that no finished trial was lost or trained again."""
    assert run_in(folder, "search", *SMALL, *SPACE, *MANY) == 0
    after = summaries(folder / "found")
    assert len(after) == 6
    assert before.keys() <= after.keys()
    for name, (status, accuracy) in before.items():
        if status == "completed":
            assert (after[name]["status"], after[name]["val_accuracy"]) == (status, accuracy)
    for name in after:
        # An epoch that is trained twice would have two lines.
        epochs = [json.loads(line)["epoch"] for line in (folder / "found" / name / "metrics.jsonl").open()]
        assert epochs == list(range(1, len(epochs) + 1))
        starts = json.loads((folder / "found" / name / "environment.json").read_text())["earlier"]
        assert len(starts) <= 3
    found = read(folder / "found")
    assert found is not None
    assert {trial.state for trial in found.trials} <= {"complete", "stopped"}
    # No trial was begun twice: as many are in the journal as there are folders.
    assert sum(line["op_code"] == 4 for line in lines_of(folder)) == 6


def test_after_a_kill_no_finished_trial_is_lost(tmp_path: Path) -> None:
    process = begun(tmp_path)
    wait_for(process, tmp_path, 3)
    process.kill()
    process.communicate()
    check_whole(tmp_path, finished(tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("moment", range(6))
def test_after_kills_at_any_moment_no_finished_trial_is_lost(tmp_path: Path, moment: int) -> None:
    for count in (1, 3, 5):
        process = begun(tmp_path)
        wait_for(process, tmp_path, count)
        time.sleep(0.037 * moment)
        process.kill()
        process.communicate()
    check_whole(tmp_path, finished(tmp_path))


@pytest.mark.slow
def test_two_workers_share_a_study_and_one_of_them_is_killed(tmp_path: Path) -> None:
    one, two = begun(tmp_path), begun(tmp_path)
    wait_for(one, tmp_path, 4)
    one.kill()
    one.communicate()
    _, err = two.communicate(timeout=120)
    assert (two.returncode, err) == (0, "")
    check_whole(tmp_path, finished(tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_reports_what_there_is_and_the_command_continues(tmp_path: Path, number: signal.Signals) -> None:
    process = begun(tmp_path)
    wait_for(process, tmp_path, 2)
    os.kill(process.pid, number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    (line,) = err.splitlines()
    assert line.startswith("snntrain: interrupted; resume with: snntrain search ")
    assert line.endswith("hydra.sweep.dir=found")
    assert "best trial " in (tmp_path / "out").read_text()
    assert (tmp_path / "found" / "report.html").is_file()
    check_whole(tmp_path, finished(tmp_path))


@pytest.mark.slow
def test_a_stopped_search_and_an_undisturbed_one_try_the_same_values(halved: tuple[Path, str], tmp_path: Path) -> None:
    words = [word for word in (*SMALL, *SPACE, *HALVING) if not word.startswith("search.trials")]
    for trials in (2, 5):
        assert run_in(tmp_path, "search", *words, f"search.trials={trials}", "hydra.sweep.dir=found") == 0
    names = [{path.name for path in (folder / "found").glob("[0-2]_*")} for folder in (halved[0], tmp_path)]
    assert names[0] == names[1]


def test_without_a_pruner_each_trial_is_trained_to_its_end(snntrain: Callable[..., Outcome]) -> None:
    words = ("trainer.epochs=1", "search.objectives=[val_loss]", "search.trials=2", "hydra.sweep.dir=s")
    outcome = snntrain("search", *SMALL, *SPACE, *words)
    assert (outcome.status, outcome.err) == (0, "")
    assert "2 trials: 2 complete in s" in outcome.out
    assert ": val_loss=0." in outcome.out
