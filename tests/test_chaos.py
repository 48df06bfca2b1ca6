"""chaos finds lost and different trainings, and a killed training is neither."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch.utils.tensorboard import SummaryWriter

from chaos import compare, phases, subjects, training
from tests.training.jobs import OURS, trained

ROOT = Path(__file__).resolve().parents[1]


def change_a_weight(run: Path) -> None:
    path = run / "checkpoints" / "last.pt"
    state = torch.load(path, weights_only=True)
    next(iter(state["model"].values())).view(-1)[0] += 1e-6
    torch.save(state, path)


def repeat_a_row(run: Path) -> None:
    path = run / "metrics.jsonl"
    path.write_text(path.read_text() + path.read_text().splitlines()[-1] + "\n")


def change_a_loss(run: Path) -> None:
    path = run / "metrics.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    rows[0]["val_loss"] += 1e-12
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def repeat_an_event(run: Path) -> None:
    with SummaryWriter(str(run / "tensorboard")) as writer:
        writer.add_scalar("loss/train", 0.5, 1)


def lose_the_events(run: Path) -> None:
    shutil.rmtree(run / "tensorboard")
    with SummaryWriter(str(run / "tensorboard")) as writer:
        writer.add_scalar("loss/train", 0.5, 1)


def fail(run: Path) -> None:
    summary = json.loads((run / "summary.json").read_text())
    (run / "summary.json").write_text(json.dumps(summary | {"status": "failed"}))


DAMAGES = {
    change_a_weight: "last.pt: /model/",
    repeat_a_row: "metrics.jsonl: epochs [1, 2, 2] instead of 1 to 2",
    change_a_loss: "metrics.jsonl: /0/val_loss",
    repeat_an_event: "event files: loss/train of step 1 2 times",
    lose_the_events: "event files: loss/train of step 2 is missing",
    fail: "summary.json: status 'failed' instead of 'completed'",
}


def test_a_run_equals_its_copy(finished_run: Path, tmp_path: Path) -> None:
    shutil.copytree(finished_run, tmp_path / "copy")
    assert compare.differences(tmp_path / "copy", finished_run) == []


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
@pytest.mark.sample(3)
def test_the_smallest_difference_is_found(finished_run: Path, tmp_path: Path, damage: Callable[[Path], None]) -> None:
    shutil.copytree(finished_run, tmp_path / "copy")
    damage(tmp_path / "copy")
    found = compare.differences(tmp_path / "copy", finished_run)
    assert any(line.startswith(DAMAGES[damage]) for line in found), found


def test_help_describes_every_option_and_names_every_subject(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        subjects.parsed(["--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert all(subject in shown for subject in subjects.SUBJECTS)
    assert all(option in shown for option in ("--quick", "--only", "--list", "--kills", "--seed", "--out", "--keep"))


@pytest.mark.parametrize("amount", [[], ["--quick"]], ids=["full", "quick"])
@pytest.mark.parametrize("subject", subjects.SUBJECTS)
def test_the_cases_of_each_subject_can_be_listed(subject: str, amount: list[str]) -> None:
    cases = list(subjects.cases(subjects.parsed(["--only", subject, *amount])))
    assert cases
    assert all(callable(case.run) and set(case.twins) <= training.CONFIGS.keys() for case in cases)


@pytest.mark.slow
def test_the_command_lists_cases_and_runs_none(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "chaos", "--list", "--only", "clock", "--out", str(tmp_path / "out")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "   8  clock set back\n", "")
    assert not list(tmp_path.iterdir())


def test_a_training_passes_through_the_followed_phases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for function in phases.CALLS:
        # Put back when the test ends.
        monkeypatch.setattr(phases.owner(function), function.__name__, function)
    seen: list[str] = []
    monkeypatch.setattr(phases.os, "pwrite", lambda file, text, place: seen.append(text.decode().strip()))
    phases.follow(tmp_path / "phase")
    folder = tmp_path / "run"
    for epochs in (1, 2):
        trained(folder, f"trainer.epochs={epochs}", "monitor=default", "monitor.samples=1", OURS)
    assert {phases.BEFORE, *phases.CALLS.values()} - set(seen) == set()


@pytest.mark.slow
@pytest.mark.parametrize("subject", subjects.KILLS)
def test_a_training_that_is_killed_ends_as_the_undisturbed_one(subject: str, tmp_path: Path) -> None:
    argv = ["--only", subject, "--kills", "2", "--out", str(tmp_path), "--below", str(tmp_path), "--jobs", "1"]
    done = subprocess.run(
        [sys.executable, "-m", "chaos", *argv], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    undisturbed, killed = json.loads((tmp_path / "chaos.json").read_text())["outcomes"]
    # A run on two devices has its twin in its own case.
    assert undisturbed["runs"] == (2 if subject == "kills" else 0)
    assert (killed["faults"], killed["lost"], killed["different"], killed["wrong"]) == (2, 0, 0, 0)
    assert not list(tmp_path.glob("chaos-*"))


@pytest.mark.slow
def test_a_conversion_that_is_disturbed_leaves_the_same_frames(tmp_path: Path) -> None:
    argv = ["--only", "cache", "--quick", "--out", str(tmp_path), "--below", str(tmp_path), "--jobs", "1"]
    done = subprocess.run(
        [sys.executable, "-m", "chaos", *argv], cwd=ROOT, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stdout + done.stderr
    outcomes = json.loads((tmp_path / "chaos.json").read_text())["outcomes"][1:]
    assert len(outcomes) == 4
    assert all(outcome["faults"] and not outcome["lost"] + outcome["different"] for outcome in outcomes)
