"""A writer of events keeps its file open."""

from __future__ import annotations

import resource
import signal
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader
from torch.utils.tensorboard.summary import scalar

from snntrain.files.folder import Folder, Unsafe
from snntrain.inspect.event_writer import EventWriter
from snntrain.inspect.tensorboard import Board
from snntrain.runs.event_files import cut_back, event_files
from tests.hostile.planted import KINDS, Outside, plant, soon

from .event_files import events


def steps(folder: Folder) -> list[int]:
    return [event.step for event in events(folder.path).Scalars("loss")]


def test_events_are_in_the_file_in_their_order_once_it_is_flushed(tmp_path: Path) -> None:
    folder = Folder(tmp_path, "board")
    writer = EventWriter(folder)
    for step in range(1, 200):
        writer.add(scalar("loss", 0.5), step)
    writer.flush()
    assert steps(folder) == list(range(1, 200))
    writer.close()
    assert event_files(folder) == [writer.name]


def test_several_writers_of_a_second_have_files_of_their_own(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    writers = [EventWriter(folder) for _ in range(3)]
    for step, writer in enumerate(writers, start=1):
        writer.add(scalar("loss", 0.5), step)
        writer.close()
    assert len({writer.name for writer in writers}) == 3
    assert steps(folder) == [1, 2, 3]


def test_a_running_tensorboard_discards_events_that_are_written_again(tmp_path: Path) -> None:
    writer = EventWriter(Folder(tmp_path), purged=3)
    writer.close()
    read = list(LegacyEventFileLoader(str(tmp_path / writer.name)).Load())
    assert [(event.step, event.session_log.status) for event in read if event.HasField("session_log")] == [(3, 1)]
    assert read[0].file_version == "brain.Event:2"


def test_a_link_at_the_folder_is_not_followed_during_a_run(tmp_path: Path) -> None:
    outside = Outside(tmp_path / "outside")
    board = Folder(tmp_path, "tensorboard")
    writer = EventWriter(board)
    board.path.rename(tmp_path / "away")
    plant("link to a folder", board.path, outside)
    writer.add(scalar("loss", 0.5), 1)
    writer.close()
    assert steps(Folder(tmp_path, "away")) == [1]
    with pytest.raises(Unsafe):
        EventWriter(board)
    assert outside.untouched()


@pytest.mark.parametrize("kind", KINDS)
def test_something_else_in_the_place_of_an_event_file_is_neither_read_nor_cut_back(kind: str, tmp_path: Path) -> None:
    outside = Outside(tmp_path / "outside")
    folder = Folder(tmp_path, "tensorboard")
    plant(kind, folder.path / "events.out.tfevents.0000000001.host.1.0", outside)
    with soon(), pytest.raises(OSError, match=r"link|folder|not a regular file|second name|[Dd]irectory"):
        cut_back(folder, [1])
    assert outside.untouched()


@pytest.mark.parametrize("in_its_place", ["nothing", "file", "link"])
def test_a_removed_folder_loses_the_events_and_gives_a_warning(
    in_its_place: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = Folder(tmp_path, "tensorboard")
    with Board(folder) as board:
        board.scalars(1, {"loss": 0.5})
        folder.path.rename(tmp_path / "away")
        if in_its_place == "file":
            folder.path.touch()
        elif in_its_place == "link":
            folder.path.symlink_to("away")
        assert board.sizes() == []
    assert "training continues without TensorBoard's events" in caplog.text


def test_after_a_record_that_failed_on_a_full_disk_none_is_written(tmp_path: Path) -> None:
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    writer = EventWriter(Folder(tmp_path))
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limit[1]))
        writer.add(scalar("loss", 0.5), 1)
        writer.add(scalar("x" * 20_000, 0.5), 2)
        with pytest.raises(OSError, match="File too large"):
            writer.flush()
        with pytest.raises(OSError, match="File too large"):
            writer.add(scalar("loss", 0.5), 3)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, ignored)
    with pytest.raises(OSError, match="File too large"):
        writer.close()
    assert steps(Folder(tmp_path)) == [1]
