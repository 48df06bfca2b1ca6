"""Interrupted runs that are resumed, compared with the same runs without an interruption."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from snntrain.config.changes import refused
from snntrain.config.values import values_of
from snntrain.errors import Interrupted, RunFailed, UserError
from snntrain.inspect.tensorboard import Board
from snntrain.runs.run_folder import RunFolder
from snntrain.signals import State, Stopped, machine
from snntrain.training.job.build import Job
from snntrain.training.logs.journal import Journal
from snntrain.training.logs.monitor import Monitor
from snntrain.training.saving import checkpoint
from snntrain.training.saving.checkpoints import Checkpoints
from snntrain.training.saving.random_states import random_states, set_random_states
from snntrain.training.saving.saver import Saver

from .interrupted_runs import (
    LOSS,
    NETWORK,
    RUNS,
    WATCHED,
    crashed_at,
    finished,
    interrupted_at,
    points,
    same_end,
)
from .jobs import (
    Interrupting,
    _interrupted_by_nobody,
    configured,
    prepared,
    rows,
    same,
    state,
    trained,
    undisturbed,
    write_checkpoint,
)

__all__ = ["_interrupted_by_nobody"]


@pytest.mark.parametrize(
    "kind",
    [
        "noise",
        "cycled",
        *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("averaged", "streamed", "potentials", "early")),
    ],
)
def test_a_run_ends_as_if_it_had_never_been_interrupted(kind: str, tmp_path: Path) -> None:
    """The signals come in training and validation, in the first and last steps, and in the test."""
    overrides = (*(NETWORK if kind in ("noise", "averaged") else ()), *RUNS[kind])
    assert finished(tmp_path / "alone", *overrides) == 0
    losses = Interrupting.calls
    interrupted_at(1, 4, 5, 6, 11, losses // 2, losses - 2, losses)
    assert finished(tmp_path / "hurt", *overrides) >= 6
    same_end(tmp_path / "alone", tmp_path / "hurt")
    assert max(Counter(points(tmp_path / "hurt")).values()) == 1


@pytest.mark.gpu
@pytest.mark.parametrize("kind", ["noise", "averaged", "early"])
def test_a_deterministic_run_on_a_gpu_ends_as_if_it_had_never_been_interrupted(kind: str, tmp_path: Path) -> None:
    """Steps are recorded (noise, early) and launched (averaged, which accumulates)."""
    overrides = (*NETWORK, *RUNS[kind], "trainer.device=cuda", "trainer.deterministic=true")
    assert finished(tmp_path / "alone", *overrides) == 0
    # The losses of recorded steps are computed without this module.
    interrupted_at(1, 4, Interrupting.calls // 2, Interrupting.calls)
    assert finished(tmp_path / "hurt", *overrides) >= 3
    same_end(tmp_path / "alone", tmp_path / "hurt")


def test_a_run_is_saved_within_an_epoch_and_resumes_there(tmp_path: Path) -> None:
    Interrupting.number = signal.SIGTERM
    interrupted_at(7)
    with pytest.raises(Interrupted) as stopped:
        trained(tmp_path, *LOSS)
    assert stopped.value.number == signal.SIGTERM
    saved = state(tmp_path)
    assert (saved["epoch"], saved["batch"]) == (1, 2)
    assert len(rows(tmp_path)) == 1


def test_epochs_after_the_last_checkpoint_are_written_only_once(tmp_path: Path) -> None:
    """After a kill there may be rows and events of epochs that no checkpoint holds."""
    trained(tmp_path / "alone", *LOSS, *WATCHED)
    interrupted_at(12)
    with pytest.raises(Stopped):
        trained(tmp_path / "hurt", *LOSS, *WATCHED)
    kept = tmp_path / "kept"
    shutil.copytree(tmp_path / "hurt" / "checkpoints", kept)
    finished(tmp_path / "hurt", *WATCHED)
    shutil.rmtree(tmp_path / "hurt" / "checkpoints")
    kept.rename(tmp_path / "hurt" / "checkpoints")
    with (tmp_path / "hurt" / "metrics.jsonl").open("a") as file:
        file.write('{"epoch": 5, "half a li')
    finished(tmp_path / "hurt", *WATCHED)
    same_end(tmp_path / "alone", tmp_path / "hurt")


def test_a_folder_without_a_checkpoint_starts_again(tmp_path: Path) -> None:
    undisturbed(tmp_path / "alone", *LOSS)
    undisturbed(tmp_path / "hurt", *LOSS)
    shutil.rmtree(tmp_path / "hurt" / "checkpoints")
    trained(tmp_path / "hurt", *LOSS)
    same_end(tmp_path / "alone", tmp_path / "hurt")
    assert max(Counter(points(tmp_path / "hurt")).values()) == 1


def test_the_last_two_and_the_best_are_kept_and_no_more(tmp_path: Path) -> None:
    undisturbed(tmp_path, *LOSS)
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == ["best.pt", "last.pt", "previous.pt"]
    assert (state(tmp_path)["epoch"], state(tmp_path, "previous")["epoch"]) == (4, 3)


def test_a_checkpoint_holds_no_potential(tmp_path: Path) -> None:
    """It holds only weights, buffers and learnt constants: `v` starts at rest with each batch."""
    undisturbed(tmp_path, *LOSS)
    expected = set(prepared(*LOSS).model.state_dict())
    assert set(state(tmp_path)["trained"]) == expected
    assert not any(name.rpartition(".")[2] == "v" for name in expected)


@pytest.mark.parametrize("minutes", ["0", "null"])
def test_checkpoints_within_an_epoch_come_every_so_many_minutes(
    minutes: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    positions, open_for = [], []
    save, snapshot = Checkpoints.save, Saver.save

    def each_written(saver: Saver) -> None:
        snapshot(saver)
        # No checkpoint is due before.
        saver.wait()

    def watched(checkpoints: Checkpoints, content: dict[str, Any]) -> None:
        positions.append((content["epoch"], content["batch"]))
        open_for.append(json.loads((tmp_path / "summary.json").read_text())["wall_seconds"])
        save(checkpoints, content)

    monkeypatch.setattr(Checkpoints, "save", watched)
    monkeypatch.setattr(Saver, "save", each_written)
    trained(tmp_path, *LOSS, "trainer.epochs=1", f"trainer.checkpoint_minutes={minutes}", "trainer.limit_batches=3")
    assert positions == ([(0, 1), (0, 2), (1, 0)] if minutes == "0" else [(1, 0)])
    assert sorted(set(open_for)) == open_for, "the summary knows of the wall time up to the last checkpoint"


def test_changed_data_is_noticed(tmp_path: Path) -> None:
    undisturbed(tmp_path, *LOSS)
    path = tmp_path / "checkpoints" / "last.pt"
    content = checkpoint.load(path)
    del content["format"]
    write_checkpoint(path, content | {"data": "of other files"})
    with pytest.raises(UserError, match="dataset=digits: its files are not those with which this run began"):
        trained(tmp_path, *LOSS, "trainer.epochs=5")


def test_a_completed_run_continues_to_more_epochs(tmp_path: Path) -> None:
    trained(tmp_path / "four", *LOSS, "scheduler=none")
    trained(tmp_path / "more", *LOSS, "scheduler=none", "trainer.epochs=2")
    trained(tmp_path / "more", *LOSS, "scheduler=none")
    assert rows(tmp_path / "four") == rows(tmp_path / "more")
    assert same(state(tmp_path / "four"), state(tmp_path / "more"), apart=("sizes",))
    tags = Counter(points(tmp_path / "more"))
    assert {count for (tag, _), count in tags.items() if tag != "custom_scalars__config__"} == {1}


@pytest.mark.parametrize("scheduler", ["cosine", "onecycle"])
def test_another_length_changes_the_schedule_and_another_learning_rate_counts_at_once(
    scheduler: str, tmp_path: Path
) -> None:
    changed = (*LOSS, f"scheduler={scheduler}", "trainer.epochs=8", "optimizer.lr=0.02")
    trained(tmp_path / "whole", *changed)
    trained(tmp_path / "bent", *LOSS, f"scheduler={scheduler}", "trainer.epochs=2")
    trained(tmp_path / "bent", *changed)
    rates = [[row["learning_rate"] for row in rows(tmp_path / name)] for name in ("whole", "bent")]
    assert rates[0][2:] == rates[1][2:]
    assert rates[0][:2] != rates[1][:2]


def test_the_precision_may_change(tmp_path: Path) -> None:
    trained(tmp_path, *LOSS, "trainer.epochs=1")
    assert trained(tmp_path, *LOSS, "trainer.epochs=2", "trainer.precision=bf16")["precision"] == "bf16"
    assert [row["epoch"] for row in rows(tmp_path)] == [1, 2]


@pytest.mark.slow
def test_pictures_that_were_being_drawn_are_drawn_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a GPU another process draws an epoch's pictures while the next one is trained."""

    class Beside(Journal):
        def __init__(self, job: Job, run: RunFolder, board: Board, monitor: Monitor | None) -> None:
            super().__init__(job, run, board, monitor)
            board.draw_beside()

    watched = (*WATCHED, "monitor.every=1", "trainer.epochs=3")
    trained(tmp_path / "alone", *LOSS, *watched)
    monkeypatch.setattr("snntrain.training.run.Journal", Beside)
    crashed_at(12)
    with pytest.raises(RuntimeError, match="crashed"):
        trained(tmp_path / "hurt", *LOSS, *watched)
    assert state(tmp_path / "hurt")["undrawn"]["epoch"] == 2
    finished(tmp_path / "hurt", *watched)
    assert sorted(points(tmp_path / "alone")) == sorted(points(tmp_path / "hurt"))


def test_random_numbers_continue_where_they_stopped() -> None:
    device = torch.device("cpu")
    saved = random_states(device)
    drawn = [(random.random(), np.random.rand(), torch.rand(2).tolist()) for _ in range(3)]  # noqa: NPY002
    set_random_states(device, saved)
    assert drawn == [(random.random(), np.random.rand(), torch.rand(2).tolist()) for _ in range(3)]  # noqa: NPY002


def test_nan_weights_do_not_replace_saved_ones(tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match="no longer finite"):
        trained(tmp_path, *LOSS, "optimizer=sgd", "optimizer.lr=1e300", "trainer.checkpoint_minutes=0")
    assert not (tmp_path / "checkpoints" / "last.pt").exists()


def test_a_second_signal_ends_a_run_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "number", None)
    monkeypatch.setattr(machine, "state", State.STARTING)
    before = signal.getsignal(signal.SIGTERM)
    with machine.training() as stop:
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(Interrupted) as ended:
            signal.raise_signal(signal.SIGTERM)
        assert (ended.value.number, isinstance(ended.value, Stopped)) == (signal.SIGTERM, False)
        with pytest.raises(Stopped):
            stop.check()
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_second_signal_counts_even_if_a_library_turns_it_into_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch does so if the signal interrupts its writing of a file."""
    monkeypatch.setattr(machine, "number", None)
    monkeypatch.setattr(machine, "state", State.STARTING)
    with machine.training():
        machine.handle(signal.SIGINT)
        assert machine.behind(RuntimeError("unexpected pos 64 vs 0")) is None
        with contextlib.suppress(Interrupted):
            machine.handle(signal.SIGTERM)
    assert machine.behind(RuntimeError("unexpected pos 64 vs 0")) == signal.SIGTERM


def test_a_signal_before_training_ends_it_even_if_its_error_was_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """A destructor, for example, swallows every error raised in it."""
    monkeypatch.setattr(machine, "number", None)
    monkeypatch.setattr(machine, "state", State.STARTING)
    with contextlib.suppress(Interrupted):
        machine.handle(signal.SIGTERM)
    with machine.training() as stop, pytest.raises(Stopped) as ended:
        stop.check()
    assert ended.value.number == signal.SIGTERM


def test_a_configuration_is_known_by_what_it_trains() -> None:
    begun = values_of(configured())
    free = ("trainer.epochs=9", "monitor=full", "optimizer.lr=1", "scheduler=none")
    assert refused(begun, values_of(configured(*free))) is None
    message = refused(begun, values_of(configured("T=7", "reset=soft", "trainer.batch_size=8", "trainer.epochs=9")))
    assert message is not None
    assert "T=7 (not 4), reset.v_reset=null (not 0.0), trainer.batch_size=8 (not 16)" in message
    assert "epochs" not in message
