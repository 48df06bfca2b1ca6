"""All output of a board is in its event file, or is missing with a warning."""

from __future__ import annotations

import math
import multiprocessing
import subprocess
import sys
from pathlib import Path
from traceback import format_exception

import numpy as np
import pytest
import torch

from snntrain.files.folder import Folder
from snntrain.inspect.potentials import histogram
from snntrain.inspect.recording import Probes, Recording
from snntrain.inspect.tensorboard import Board

from .event_files import events
from .seen import probes_of


def test_a_histogram_is_written_as_it_was_counted(tmp_path: Path) -> None:
    counted = histogram(torch.tensor([-1.0, 0.0, 3.0, math.nan]))
    assert counted is not None
    with Board(Folder(tmp_path)) as board:
        board.histograms(1, {"some": counted})
    (event,) = events(tmp_path).Histograms("h_minus_threshold/some")
    assert (sum(event.histogram_value.bucket), event.histogram_value.min, event.histogram_value.max) == (3, -1.0, 3.0)


CONFUSION = np.eye(2, dtype=np.int64)


def probes(recording: Recording, layer: str = "some") -> Probes:
    """Return a recording of one layer, with images and answers."""
    T, N = recording.s.shape[:2]
    random = np.random.default_rng(1)
    output = random.random((T, N, 2), dtype=np.float32)
    images = random.random((N, 1, 4, 4), dtype=np.float32)
    return probes_of(images, [index % 2 for index in range(N)], ["a", "b"], {layer: recording}, output)


def spiking(samples: int = 3) -> Recording:
    """Return random potentials of five neurons `[T, N, 5]`."""
    h = np.random.default_rng(0).normal(0.6, 0.8, (4, samples, 5)).astype(np.float32)
    return Recording(h, np.where(h >= 1, 0, h).astype(np.float32), h >= 1, 1.0, 0.0)


def misshapen() -> Recording:
    """Return a broken recording, with potentials for fewer neurons than spikes."""
    whole = spiking()
    return Recording(whole.h[..., :2], whole.v[..., :2], np.ones_like(whole.s), 1.0, 0.0)


def pictures(folder: Path) -> dict[str, list[tuple[int, bytes]]]:
    """Return step and PNG of every picture by tag."""
    board = events(folder)
    return {
        tag: [(image.step, image.encoded_image_string) for image in board.Images(tag)] for tag in board.Tags()["images"]
    }


def test_pictures_drawn_beside_the_caller_are_all_there_when_the_board_is_closed(tmp_path: Path) -> None:
    for beside in (False, True):
        with Board(Folder(tmp_path / str(beside))) as board:
            if beside:
                board.draw_beside()
            for step in (1, 2, 3):
                board.pictures(step, probes(spiking(step)), CONFUSION, neurons=4)
    drawn = pictures(tmp_path / "True")
    assert drawn.keys() >= {"spikes/some", "voltages/some"}
    assert all([step for step, _ in found] == [1, 2, 3] for found in drawn.values())
    assert drawn == pictures(tmp_path / "False")
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("beside", [False, True])
def test_pictures_that_cannot_be_drawn_are_missing_and_one_warning_says_so(
    tmp_path: Path, beside: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with Board(Folder(tmp_path)) as board:
        if beside:
            board.draw_beside()
        for step, recording in enumerate([misshapen(), spiking(), misshapen(), spiking()]):
            board.pictures(step, probes(recording), CONFUSION, neurons=4)
            board.scalars(step, {"loss/train": 0.5})
    assert [step for step, _ in pictures(tmp_path)["spikes/some"]] == [1, 3]
    assert len(events(tmp_path).Scalars("loss/train")) == 4
    (reported,) = [record for record in caplog.records if record.name == "snntrain"]
    assert reported.getMessage().startswith("training continues without pictures (traceback in train.log): ")
    assert "ValueError" in reported.getMessage()
    (traceback,) = [record for record in caplog.records if record.name == "snntrain.file"]
    assert "by_activity" in "".join(format_exception(traceback.exc_info[1]))
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("again", [False, True])
def test_a_drawing_process_that_dies_loses_only_its_pictures(
    tmp_path: Path, again: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with Board(Folder(tmp_path)) as board:
        board.draw_beside()
        board.pictures(1, probes(spiking()), CONFUSION, neurons=4)
        (process,) = multiprocessing.active_children()
        process.kill()
        process.join()
        if again:
            board.pictures(2, probes(spiking()), CONFUSION, neurons=4)
        board.scalars(2, {"loss/train": 0.5})
    assert "the process that draws them has died" in caplog.text
    assert len(events(tmp_path).Scalars("loss/train")) == 1
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("recording", [spiking(), misshapen()], ids=["drawn", "not to be drawn"])
def test_a_run_that_fails_keeps_its_own_error_and_the_pictures_before_it(tmp_path: Path, recording: Recording) -> None:
    def run() -> None:
        with Board(Folder(tmp_path)) as board:
            board.draw_beside()
            board.pictures(1, probes(spiking(), "fine"), CONFUSION, neurons=4)
            board.pictures(2, probes(recording, "last"), CONFUSION, neurons=4)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run()
    assert pictures(tmp_path).keys() >= {"spikes/fine", "voltages/fine"}
    assert not multiprocessing.active_children()


def test_the_drawing_process_starts_without_torch() -> None:
    code = "import sys, snntrain.inspect.drawing; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_scalars_that_are_not_finite_are_written_as_such(tmp_path: Path) -> None:
    with Board(Folder(tmp_path)) as board:
        board.scalars(1, {"tau/layer": math.inf, "loss/train": torch.tensor(0.5).item()})
    assert [event.value for event in events(tmp_path).Scalars("tau/layer")] == [math.inf]
