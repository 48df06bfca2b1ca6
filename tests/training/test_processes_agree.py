"""Several processes decide alike, and none waits for ever for one that has ended or hangs."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from snntrain.errors import RunFailed, UserError
from snntrain.process import signs_of_life
from snntrain.signals import Stop, Stopped
from snntrain.training.agreement import Agreement
from snntrain.training.job import build, world
from snntrain.training.job.build import Job
from snntrain.training.job.group import Failure, OtherFailed, Peers
from snntrain.training.job.world import World
from snntrain.training.loop import fit
from snntrain.training.progress import fresh_progress
from snntrain.training.run import agreed_data
from snntrain.training.saving import resume
from snntrain.training.silent import SilentSaver
from snntrain.training.state import begin
from snntrain.training.step.recorded_step import WARM_UP, RecordedStep
from snntrain.training.step.training_step import TrainingStep
from tests.data.cache.recordings import Counted, cached

from .jobs import configured, prepared, same, state, trained
from .ranks import Remembering, copied, in_processes, within
from .recorded import SMALL, TWELVE
from .stand_in import StandIn, device_decides

__all__ = ["device_decides"]

SHORT = ("trainer.batch_size=16", "trainer.limit_batches=6", "trainer.epochs=3", "trainer.timeout_minutes=0.05")


def joined(peers: Peers, *overrides: str) -> World:
    return world.decide(configured(*SHORT, *overrides).trainer, peers)


class Pulling(Stop):
    """A request to stop that arrives at check number `at`."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.left = at

    @property
    def number(self) -> int | None:
        self.left -= 1
        return 15 if self.left < 0 else None

    @number.setter
    def number(self, value: int | None) -> None:
        pass


def stopping(peers: Peers) -> Any:
    job = build.prepare(configured(*SHORT), joined(peers))
    with job.computing():
        training, journal = begin(job), Remembering()
        stop = Agreement(Pulling(9 if peers.place.rank else 10**6), job.world)
        with pytest.raises(Stopped) as stopped:
            fit(training, journal, SilentSaver(training), stop)
    return stopped.value.number, training.progress.epoch, training.progress.batch, len(journal.epochs)


def test_a_signal_to_one_process_stops_all_after_the_same_step() -> None:
    one, other = in_processes(2, stopping)
    assert one == other
    assert one[0] == 15
    assert (one[1], one[2]) != (1, 0)


def saving(peers: Peers) -> list[int]:
    here = joined(peers)
    checks = iter([False, True, False] if peers.place.rank == 0 else [False, False, False])
    stop, found = Agreement(Stop(), here, lambda: next(checks)), []
    for number in range(3):
        stop.check()
        found += [number] if stop.save_now else []
    return found


def test_all_processes_save_when_the_first_wants_to() -> None:
    assert in_processes(2, saving) == [[1], [1]]


def learning_at_different_steps(peers: Peers) -> list[int]:
    known = [False, True, True] if peers.place.rank else [False, False, True]
    stop, found = Agreement(Stop(), joined(peers)), []
    for number, failing in enumerate(known):
        stop.check(failing)
        found += [number] if stop.failing else []
    return found


def test_all_processes_fail_when_the_first_knows_it() -> None:
    assert in_processes(2, learning_at_different_steps) == [[1, 2], [1, 2]]


def failing(peers: Peers) -> None:
    here = joined(peers)
    assert here.group is not None
    if peers.place.rank == 1:
        here.group.report(Failure(1, ("the disk is on fire",)))
        raise ValueError("the disk is on fire")
    here.greatest(1)


def test_an_error_in_one_process_is_the_error_of_the_others() -> None:
    one, other = in_processes(2, failing)
    assert isinstance(other, ValueError)
    assert isinstance(one, OtherFailed)
    assert str(one) == "process 1: the disk is on fire"


def vanishing(peers: Peers) -> None:
    here = joined(peers)
    if peers.place.rank == 1:
        os._exit(9)
    here.greatest(1)


@pytest.mark.slow
def test_a_process_that_ends_without_a_word_ends_the_others() -> None:
    one, other = in_processes(2, vanishing)
    assert other is None
    assert isinstance(one, OtherFailed)
    assert "another process has ended without an error message" in str(one)


def hanging(peers: Peers) -> None:
    here = joined(peers)
    if peers.place.rank == 1:
        time.sleep(9)
    here.greatest(1)


@pytest.mark.slow
def test_a_process_that_hangs_ends_the_others_after_a_time() -> None:
    one, _ = in_processes(2, hanging)
    assert type(one) is RunFailed
    assert "did not answer for 0.05 minutes (trainer.timeout_minutes)" in str(one)


def loading(peers: Peers, signs: bool, order: str) -> None:
    """Load for longer than a call waits, with or without signs of life, and write down who has loaded."""
    here = joined(peers)
    with here.first_of_each_machine():
        if peers.place.rank == 0:
            for _ in range(50):
                time.sleep(0.1)
                if signs:
                    signs_of_life.give()
        with open(order, "a") as file:
            file.write(f"{peers.place.rank}\n")
    assert list(here.greatest(peers.place.rank)) == [2]


@pytest.mark.slow
def test_the_first_process_may_load_for_long_as_long_as_it_gives_signs_of_life(tmp_path: Path) -> None:
    assert in_processes(3, loading, True, str(tmp_path / "order")) == [None] * 3
    assert sorted((tmp_path / "order").read_text().split()) == ["0", "1", "2"]
    assert (tmp_path / "order").read_text().startswith("0\n")


@pytest.mark.slow
def test_the_others_do_not_wait_for_ever_for_one_that_loads_without_a_sign(tmp_path: Path) -> None:
    _, one, other = in_processes(3, loading, False, str(tmp_path / "order"))
    for error in (one, other):
        assert type(error) is RunFailed
        assert "did not answer for 0.05 minutes (trainer.timeout_minutes)" in str(error)


def converting(peers: Peers, root: str) -> int:
    here = joined(peers)
    recordings = [Counted(seed, into=Path(root) / "read") for seed in range(6)]
    with here.first_of_each_machine():
        split = cached(Path(root), recordings)
    return int(split.stack(range(6)).sum())


def test_the_first_process_converts_and_the_others_find_the_cache(tmp_path: Path) -> None:
    one, other = in_processes(2, converting, str(tmp_path))
    assert one == other
    assert one > 0
    assert sorted((tmp_path / "read").read_text().split()) == list("012345")


def failing_to_load(peers: Peers) -> None:
    here = joined(peers)
    with here.first_of_each_machine():
        assert here.group is not None
        here.group.report(Failure(peers.place.rank, ("a.bin is damaged",), users=True))
        raise UserError("a.bin is damaged")


def test_an_error_of_the_process_that_loads_is_that_of_the_others() -> None:
    one, other = in_processes(2, failing_to_load)
    assert isinstance(one, UserError)
    assert isinstance(other, OtherFailed)
    assert str(other) == "a.bin is damaged"


def absent(peers: Peers) -> None:
    if peers.place.rank == 0:
        joined(peers)


def test_a_process_that_never_comes_is_named() -> None:
    one, _ = in_processes(2, absent)
    assert str(one).startswith("of 2 processes these have not come within 0.05 minutes")
    assert str(one).endswith(": 1")


class NaNInOneProcess(nn.Module):
    """An encoder that spoils the images of process 1, in some of its calls."""

    def __init__(self, T: int, mean: Sequence[float], std: Sequence[float], bad: Sequence[int]) -> None:
        super().__init__()
        self.T, self.bad, self.calls = T, bad, 0

    def forward(self, x: Tensor) -> Tensor:
        spoils = self.training and self.calls in self.bad and torch.distributed.get_rank() == 1
        self.calls += self.training
        return (x * torch.nan if spoils else x).unsqueeze(0).expand(self.T, *x.shape)


def spoilt(peers: Peers, bad: list[int]) -> Any:
    here = joined(peers)
    job = build.prepare(configured(*SHORT, "trainer.max_bad_steps=2", "network=csnn", "network.channels=[2]"), here)
    job.model.encoder = NaNInOneProcess(job.config.T, [], [], bad)
    with job.computing():
        training, journal = begin(job), Remembering()
        fit(training, journal, SilentSaver(training), Agreement(Stop(), here))
    return [epoch["skipped"] for epoch in journal.epochs], copied(job.model)


def test_a_number_that_is_not_finite_in_one_process_skips_the_step_in_all() -> None:
    (skipped, one), (also, other) = in_processes(2, spoilt, [1, 8])
    assert skipped == also == [1, 1, 0]
    assert same(one, other)
    assert all(value.isfinite().all() for value in one.values())


@pytest.mark.slow
def test_too_many_bad_steps_in_one_process_end_all_with_the_place() -> None:
    for error in in_processes(2, spoilt, [1, 2, 3, 4]):
        assert isinstance(error, RunFailed)
        assert "the first number that is not finite is in the output of the encoder" in str(error)


def drifting(peers: Peers) -> Any:
    here = joined(peers)
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    torch.manual_seed(0)
    nn.init.normal_(model[0].weight)
    with torch.no_grad():
        model[0].weight[0, 0] += peers.place.rank * 1e-7
    return here.align(model), here.align(model), copied(model)


def test_weights_that_drift_apart_become_those_of_the_first_process() -> None:
    one, other = in_processes(2, drifting)
    assert one[:2] == other[:2] == (True, False)
    assert same(one[2], other[2])


def talking(peers: Peers) -> Any:
    here, rank = joined(peers), peers.place.rank
    return {
        "same": here.alike("a"),
        "other": here.alike(str(rank)),
        "second": here.first_text("of process 1" if rank else None),
        "none": here.first_text(None),
        "bytes": here.broadcast_bytes(b"" if rank == 0 else None),
        "more": here.broadcast_bytes(bytes(range(256)) * 10 if rank == 0 else None),
        "all": (here.all(True), here.all(rank == 0)),
    }


def test_processes_compare_and_share_texts_and_bytes() -> None:
    right = {"same": True, "other": False, "second": "of process 1", "none": None, "bytes": b"", "all": (True, False)}
    assert in_processes(2, talking) == [right | {"more": bytes(range(256)) * 10}] * 2


def other_data(peers: Peers) -> None:
    job = build.prepare(configured(*SHORT, f"dataset.split_seed={peers.place.rank}"), joined(peers))
    agreed_data(job)


def test_other_images_in_one_process_are_refused_by_all() -> None:
    for error in in_processes(2, other_data):
        assert isinstance(error, UserError)
        assert "its files differ between the processes of this run" in str(error)


def resumed(peers: Peers, folder: Any) -> Any:
    saved = state(folder) if peers.place.rank == 0 else None
    here = joined(within(peers, "state"))
    if saved is None:
        saved = resume.received(here)
    else:
        saved["progress"]["clock"] = {"seconds": 0.0, "train_seconds": 0.0}
        resume.send(saved, here)
    assert saved is not None
    return {name: value for name, value in saved.items() if name != "random"}


def test_the_state_of_the_first_process_reaches_the_others(tmp_path: Any) -> None:
    trained(tmp_path)
    one, other = in_processes(2, resumed, tmp_path)
    assert same(one, other)


class OfTwo(World):
    """A world that says that it has two processes, and that the other one is, or is not, content."""

    content = True

    @property
    def size(self) -> int:
        return 2

    def all(self, value: bool) -> bool:
        return value and self.content


def recording(*overrides: str) -> tuple[Job, RecordedStep, TrainingStep]:
    job = prepared(*SMALL, TWELVE, *overrides)
    job.world = OfTwo(job.world.device, job.world.precision)
    job.train.rank, job.train.size = 0, 2
    step = TrainingStep(job, fresh_progress(job).tally, StandIn())
    assert isinstance(step.step, RecordedStep)
    return job, step.step, step


@pytest.mark.usefixtures("device_decides")
def test_a_step_with_another_share_is_launched_although_its_shapes_are_recorded() -> None:
    job, inner, step = recording()
    # 1,295 images: the last batch has 15, of which process 0 computes 8.
    draws = list(job.train.draws(1))
    for index, draw in enumerate(draws):
        step(draw, index)
    assert inner.recording is not None
    assert inner.replayed
    assert inner.launched == WARM_UP + 1
    before = inner.launched
    shares = step.shares
    step.shares = [replace(share, rows=share.rows + 1) for share in shares if share is not None]
    inner(draws[:1])
    assert inner.launched == before + 1


@pytest.mark.usefixtures("device_decides")
def test_a_recording_that_fails_in_another_process_is_given_up_here(caplog: pytest.LogCaptureFixture) -> None:
    job, inner, step = recording()
    job.world.content = False  # type: ignore[attr-defined]
    for index, draw in enumerate(job.train.draws(1)):
        step(draw, index)
    assert inner.failed
    assert not inner.replayed
    assert "recording one failed: in another process" in caplog.text
