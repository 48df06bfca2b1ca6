"""Signals that come while a checkpoint is written."""

from __future__ import annotations

import json
import signal
import threading
import time
from pathlib import Path

import pytest

from snntrain.errors import Interrupted
from snntrain.signals import State, Stopped, machine
from snntrain.training.saving.saver import Saver

from .jobs import Interrupting, _interrupted_by_nobody, rows, same, state, trained
from .slow_disk import (
    GIVEN,
    SECONDS,
    Disk,
    before_the_end,
    disk,
    writing_threads,
)

__all__ = ["_interrupted_by_nobody", "before_the_end", "disk"]


def test_a_signal_while_a_checkpoint_is_written_waits_for_that_and_saves(tmp_path: Path, disk: Disk) -> None:
    trained_to = 11
    Interrupting.calls, Interrupting.at = 0, {trained_to}
    threading.Timer(0.5, disk.release.set).start()
    with pytest.raises(Stopped):
        trained(tmp_path, *GIVEN)
    saved = disk.saved[-1]
    assert saved["epoch"] >= 1
    assert (saved["epoch"], saved["batch"]) == (state(tmp_path)["epoch"], state(tmp_path)["batch"])
    assert saved["epoch"] == len(rows(tmp_path))
    assert not writing_threads()
    Interrupting.at = set()
    trained(tmp_path, *GIVEN)
    trained(tmp_path / "alone", *GIVEN)
    assert same(state(tmp_path), state(tmp_path / "alone"), apart=("sizes",))
    assert rows(tmp_path) == rows(tmp_path / "alone")


def test_a_second_signal_does_not_wait_for_a_checkpoint(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "number", None)
    monkeypatch.setattr(machine, "state", State.STARTING)
    Interrupting.calls, Interrupting.at = 0, {11, 12}
    save = Saver.save

    def until_it_is_written(saver: Saver) -> None:
        save(saver)
        assert disk.begun.wait(SECONDS)

    monkeypatch.setattr(Saver, "save", until_it_is_written)
    with pytest.raises(Interrupted) as ended:
        trained(tmp_path, *GIVEN, "trainer.accumulate=2")
    assert not isinstance(ended.value, Stopped)
    assert not disk.release.is_set()
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["best.pt"]
    assert json.loads((tmp_path / "summary.json").read_text())["status"] == "interrupted"
    assert not writing_threads()


def test_a_second_signal_ends_the_waiting_for_a_checkpoint(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "number", None)
    monkeypatch.setattr(machine, "state", State.STARTING)
    Interrupting.calls, Interrupting.at = 0, {11}
    main = threading.main_thread().ident
    assert main is not None

    def again() -> None:
        while Interrupting.calls < 11:
            time.sleep(0.01)
        time.sleep(0.5)
        signal.pthread_kill(main, signal.SIGUSR1)

    threading.Thread(target=again, daemon=True).start()
    with pytest.raises(Interrupted) as ended:
        trained(tmp_path, *GIVEN)
    assert not isinstance(ended.value, Stopped)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["best.pt"]
    assert not writing_threads()
