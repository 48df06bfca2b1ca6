"""A recording or a replay that fails changes nothing: the steps are launched."""

from __future__ import annotations

import pytest
import torch

from snntrain.training.step.recorded_step import WARM_UP
from tests.pairs import every_value

from .jobs import one_epoch, prepared, same
from .recorded import NOISY, SMALL, TWELVE, epochs, launched, outcome, recorded, warnings
from .spoilt import ReadyMade, Spoilt
from .stand_in import StandIn, device_decides

__all__ = ["device_decides"]

decided_by_device = pytest.mark.usefixtures("device_decides")


def assert_trains_as_if_nothing_had_been_tried(
    recorder: StandIn, caplog: pytest.LogCaptureFixture, warning: str, scaled: bool = False
) -> None:
    ends = []
    for make in (launched, lambda job: recorded(job, recorder)[0]):
        job = prepared(*SMALL, *NOISY)
        if scaled:
            job.scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10, growth_interval=2)
        torch.manual_seed(1)
        step = make(job)
        losses = epochs(job, step)
        assert all(parameter.grad is None for parameter in job.model.parameters())
        ends.append((losses, outcome(job, step)))
    assert same(*ends)
    (message,) = warnings(caplog)
    assert message.startswith("steps are launched kernel by kernel, which is slower: ")
    assert warning in message


@decided_by_device
@every_value(
    pytest.mark.parametrize("operation", [0, 10, 100, 200]),
    pytest.mark.parametrize("scaled", [False, True], ids=["", "scaled"]),
)
def test_memory_that_runs_out_while_recording_changes_nothing(
    operation: int, scaled: bool, caplog: pytest.LogCaptureFixture
) -> None:
    message = "recording one failed: OutOfMemoryError: CUDA out of memory"
    assert_trains_as_if_nothing_had_been_tried(StandIn(fails_at=operation), caplog, message, scaled)


@decided_by_device
def test_a_number_that_the_host_reads_while_recording_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    unscale = torch.amp.GradScaler.unscale_
    # In the middle of the update: gradients exist, and the scaler has started.
    monkeypatch.setattr(torch.amp.GradScaler, "unscale_", lambda self, opt: (unscale(self, opt), self._scale.item()))
    message = "recording one failed: RuntimeError: operation not permitted when stream is capturing"
    assert_trains_as_if_nothing_had_been_tried(StandIn(), caplog, message, scaled=True)


@decided_by_device
def test_a_replay_without_effect_is_noticed_and_its_batch_is_trained(caplog: pytest.LogCaptureFixture) -> None:
    recorder = StandIn(empty=True)
    assert_trains_as_if_nothing_had_been_tried(recorder, caplog, "the replay of a recorded step did nothing")
    assert recorder.recordings[0].replays == 1


@decided_by_device
def test_a_replay_that_counts_but_moves_no_parameter_is_noticed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    job = prepared(*SMALL)
    step, inner = recorded(job, StandIn())
    move = step.move._move_on_device
    monkeypatch.setattr(step.move, "_move_on_device", lambda bad: None if inner.launched >= WARM_UP else move(bad))
    one_epoch(job, step)
    assert inner.failed
    assert inner.replayed == 1
    (message,) = warnings(caplog)
    assert message.endswith("the replay of a recorded step moved no parameter")


@decided_by_device
def test_steps_that_rightly_change_nothing_are_checked_again(caplog: pytest.LogCaptureFixture) -> None:
    job = prepared(*SMALL, TWELVE)
    step, inner = recorded(job, StandIn())
    job.loss, job.train = Spoilt(job.loss, set(), "loss"), ReadyMade(job.train)
    bad = {3, 4}
    proven = []
    job.model.train()
    for index, (images, labels) in enumerate(job.train.draws(1)):
        step((images * torch.nan if index in bad else images, labels), index)
        proven.append(inner.proven)
    assert proven == [index > max(bad) for index in range(len(job.train))]
    assert warnings(caplog) == []
