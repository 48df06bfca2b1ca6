"""Recorded training steps are the steps themselves: on a CPU by a stand-in for CUDA graphs, and on a GPU."""

from __future__ import annotations

import logging
from collections.abc import Collection

import pytest
import torch
from torch import Tensor

from snntrain.training.job.build import Job
from snntrain.training.progress import beginning
from snntrain.training.step import recorded_step
from snntrain.training.step.bad_steps import takes_found_inf
from snntrain.training.step.recorded_step import VARIABLE, WARM_UP, RecordedStep, obstacle
from snntrain.training.step.training_step import TrainingStep

from .jobs import one_epoch, prepared, same, stepping
from .spoilt import ReadyMade, Spoilt
from .stand_in import Counting, StandIn, device_decides

__all__ = ["device_decides"]

decided_by_device = pytest.mark.usefixtures("device_decides")

# 6 batches, the last one is smaller.
SMALL = (
    *("trainer.limit_batches=null", "trainer.epochs=2", "trainer.batch_size=256", "monitor=default", "T=2"),
    *("network=csnn", "network.channels=[2]", "network.hidden=[4]"),
)
TWELVE = "trainer.batch_size=128"
NOISY = ("network.dropout=0.2", "encoder=poisson", "dataset.augment.degrees=20", "trainer.ema=0.7")


def epochs(job: Job, step: TrainingStep, count: int = 2) -> list[float]:
    """The losses of some epochs."""
    return [one_epoch(job, step, number).loss for number in range(1, 1 + count)]


def recorded(job: Job, recorder: StandIn) -> tuple[TrainingStep, RecordedStep]:
    step = TrainingStep(job, beginning(job).tally, recorder)
    assert isinstance(step.step, RecordedStep)
    return step, step.step


def launched(job: Job) -> TrainingStep:
    """A step that is never recorded."""
    step, inner = recorded(job, StandIn())
    inner.failed = True
    return step


def outcome(job: Job, step: TrainingStep) -> dict[str, object]:
    """All that training has changed."""
    return {
        "model": dict(job.model.state_dict()),
        "average": None if job.average is None else dict(job.average.model.state_dict()),
        "optimizer": job.optimizer.state_dict()["state"],
        "scaler": job.scaler.state_dict(),
        "tally": step.tally.sums(),
        "step": step.state(),
        "random": torch.get_rng_state(),
    }


def outcome_with_bad_steps(job: Job, step: TrainingStep, bad: Collection[int]) -> dict[str, object]:
    """All that an epoch of ready-made batches changes, where those in `bad` are spoilt."""
    job.model.train()
    for index, (images, labels) in enumerate(job.train.draws(1)):
        step((images * torch.nan if index in bad else images, labels), index)
    if job.world.device.type == "cuda":
        torch.cuda.synchronize()
    assert step.failing() is (len(bad) > 2)
    result = outcome(job, step)
    assert step.skipped() == len(bad)
    return result


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


# ---- what can be recorded --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("overrides", "why"),
    [
        ((), None),
        (("optimizer=adamw", "scheduler=none"), None),
        (("optimizer=sgd", "trainer.accumulate=3"), None),
        (("scheduler=onecycle",), "scheduler=onecycle sets the momentum from the host"),
        (("trainer.compile=true",), "trainer.compile=true launches them itself"),
    ],
    ids=str,
)
def test_what_cannot_be_recorded_says_why(overrides: tuple[str, ...], why: str | None) -> None:
    found = obstacle(prepared(*overrides))
    assert (found or "").startswith(why or "")
    assert (found is None) is (why is None)


def test_an_optimizer_that_cannot_skip_a_step_on_the_device_is_named() -> None:
    job = prepared()
    assert takes_found_inf(job.optimizer)
    job.optimizer = torch.optim.Rprop(job.model.parameters())
    assert "Rprop waits for the host" in (obstacle(job) or "")
    job.optimizer = torch.optim.Adam(job.model.parameters())
    assert "Adam waits for the host" in (obstacle(job) or "")


def test_a_variable_switches_recording_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "0")
    assert obstacle(prepared()) == "SNNTRAIN_CUDA_GRAPH=0"


def test_on_a_cpu_nothing_is_recorded() -> None:
    assert not isinstance(stepping(prepared()).step, RecordedStep)


# ---- a replay is the step --------------------------------------------------------------------------------------------


@decided_by_device
@pytest.mark.parametrize(
    "overrides",
    [
        ("neuron=lif", "optimizer=adam", "loss=ce_rate"),
        ("neuron=plif", "optimizer=adamw", "trainer.clip_grad_norm=0.01", *NOISY),
        ("neuron=rif", "optimizer=sgd", "trainer.precision=bf16", *NOISY),
        ("neuron=plif", "optimizer=adam", "trainer.accumulate=2", *NOISY),
        ("neuron=if", "optimizer=sgd", "dataset.resident=never", "dataset.workers=0", "dataset.augment.degrees=20"),
    ],
    ids=["adam", "adamw, clipped, noisy", "sgd, bf16, noisy", "accumulated, noisy", "streamed"],
)
def test_replayed_steps_train_as_launched_ones_do_to_the_bit(
    overrides: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    one, other = prepared(*SMALL, *overrides), prepared(*SMALL, *overrides)
    torch.manual_seed(1)
    right_step = launched(other)
    losses = epochs(other, right_step)
    right = outcome(other, right_step)
    torch.manual_seed(1)
    step, inner = recorded(one, StandIn())
    assert epochs(one, step) == losses
    assert same(outcome(one, step), right)
    assert step.gradient_norms() == right_step.gradient_norms() != {}
    assert inner.proven
    steps = -(-len(one.train) // step.accumulate)
    # The last one of an epoch is smaller: also where it comes after the warm-up, it is not the one that is recorded.
    assert inner.launched == max(WARM_UP + 2 - (steps <= WARM_UP), 2)
    assert inner.launched + inner.replayed == 2 * steps
    assert warnings(caplog) == []


@decided_by_device
def test_replayed_steps_train_as_the_host_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    job = prepared(*SMALL, "trainer.ema=0.7")
    step, inner = recorded(job, StandIn())
    losses = epochs(job, step)
    assert inner.replayed
    monkeypatch.undo()
    host = prepared(*SMALL, "trainer.ema=0.7")
    assert epochs(host, stepping(host)) == pytest.approx(losses)


@decided_by_device
def test_beside_a_replay_a_step_does_little(monkeypatch: pytest.MonkeyPatch) -> None:
    job = prepared(*SMALL, TWELVE, *NOISY)
    recorder = StandIn()
    step, inner = recorded(job, recorder)
    job.model.train()
    draws = list(job.train.draws(1))
    for index, draw in enumerate(draws[:-2]):
        step(draw, index)
    assert inner.proven
    monkeypatch.setattr(recorder.recordings[0], "replay", lambda: None)
    with Counting() as counting:
        step(draws[-2], len(draws) - 2)
    # The rows, the maps of the augmentation; and the scheduler, which sets the learning rate and keeps a copy of it.
    assert counting.names == ["aten::copy_", "aten::copy_", "aten::fill_", "aten::clone"]


@decided_by_device
def test_the_learning_rate_of_a_recorded_step_follows_its_schedule() -> None:
    job = prepared(*SMALL, "scheduler=cosine", "scheduler.warmup=0.5", "scheduler.final=0")
    step, _ = recorded(job, StandIn())
    rates = []
    for index, draw in enumerate(job.train.draws(1)):
        rates.append(float(job.optimizer.param_groups[0]["lr"]))
        step(draw, index)
    plain = prepared(*SMALL, "scheduler=cosine", "scheduler.warmup=0.5", "scheduler.final=0")
    expected = []
    for _ in rates:
        expected.append(plain.optimizer.param_groups[0]["lr"])
        plain.optimizer._opt_called = True
        plain.scheduler.step()
    assert rates == pytest.approx(expected, rel=1e-6)
    assert len(set(rates)) == len(rates)


@decided_by_device
@pytest.mark.parametrize("optimizer", ["optimizer=adam", "optimizer=sgd"])
@pytest.mark.parametrize("bad", [{0, 1, 2, 3, 9, 10}, {1, 8}], ids=str)
def test_replayed_steps_leave_out_bad_ones(optimizer: str, bad: Collection[int]) -> None:
    ends = []
    for make in (launched, lambda job: recorded(job, StandIn())[0]):
        job = prepared(*SMALL, TWELVE, optimizer, "trainer.max_bad_steps=1", "trainer.ema=0.7")
        job.train = ReadyMade(job.train)
        step = make(job)
        ends.append(outcome_with_bad_steps(job, step, bad))
    assert same(*ends)


@decided_by_device
def test_the_scale_of_float16_is_updated_by_replays() -> None:
    ends = []
    for make in (launched, lambda job: recorded(job, StandIn())[0]):
        job = prepared(*SMALL)
        job.scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10, growth_interval=2)
        step = make(job)
        epochs(job, step, 1)
        ends.append(outcome(job, step))
    assert same(*ends)
    assert ends[0]["scaler"]["scale"] > 2.0**10  # type: ignore[index]


# ---- a recording that fails ------------------------------------------------------------------------------------------


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
    (told,) = warnings(caplog)
    assert told.startswith("steps are launched kernel by kernel, which is slower: ")
    assert warning in told


@decided_by_device
@pytest.mark.parametrize("operation", [0, 10, 100, 200])
@pytest.mark.parametrize("scaled", [False, True], ids=["", "scaled"])
def test_memory_that_runs_out_while_recording_changes_nothing(
    operation: int, scaled: bool, caplog: pytest.LogCaptureFixture
) -> None:
    told = "recording one failed: OutOfMemoryError: CUDA out of memory"
    assert_trains_as_if_nothing_had_been_tried(StandIn(fails_at=operation), caplog, told, scaled)


@decided_by_device
def test_a_number_that_the_host_reads_while_recording_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    unscale = torch.amp.GradScaler.unscale_
    # In the middle of the move: gradients are there, and the scaler has begun.
    monkeypatch.setattr(torch.amp.GradScaler, "unscale_", lambda self, opt: (unscale(self, opt), self._scale.item()))
    told = "recording one failed: RuntimeError: operation not permitted when stream is capturing"
    assert_trains_as_if_nothing_had_been_tried(StandIn(), caplog, told, scaled=True)


@decided_by_device
def test_a_replay_that_does_nothing_is_noticed_and_its_batch_trained(caplog: pytest.LogCaptureFixture) -> None:
    recorder = StandIn(empty=True)
    assert_trains_as_if_nothing_had_been_tried(recorder, caplog, "the replay of a recorded one did nothing")
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
    (told,) = warnings(caplog)
    assert told.endswith("the replay of a recorded one moved no parameter")


@decided_by_device
def test_steps_that_move_nothing_by_right_are_looked_at_again(caplog: pytest.LogCaptureFixture) -> None:
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


# ---- on a GPU --------------------------------------------------------------------------------------------------------

ON_A_GPU = ("trainer.device=cuda", "trainer.deterministic=true", *SMALL[:-2], "network.channels=[16]")


@pytest.mark.gpu
@pytest.mark.parametrize(
    "overrides",
    [
        ("neuron=lif", "trainer.precision=fp32", "optimizer=adam"),
        ("neuron=plif", "trainer.precision=bf16", "optimizer=adam", "trainer.clip_grad_norm=1", *NOISY),
        ("neuron=plif", "trainer.precision=fp16", "optimizer=adamw", "trainer.accumulate=2", *NOISY),
        ("neuron=rif", "trainer.precision=fp16", "optimizer=sgd", "dataset.resident=never", "dataset.workers=0"),
    ],
    ids=str,
)
def test_recorded_steps_train_on_a_gpu_as_launched_ones_do_to_the_bit(
    overrides: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ends = []
    for warm_up in (WARM_UP, 10**9):
        monkeypatch.setattr(recorded_step, "WARM_UP", warm_up)
        job = prepared(*ON_A_GPU, *overrides)
        torch.manual_seed(1)
        step = stepping(job)
        assert isinstance(step.step, RecordedStep)
        losses = epochs(job, step)
        assert step.step.proven is (warm_up == WARM_UP)
        ends.append((losses, outcome(job, step), step.gradient_norms()))
    assert same(*ends)
    assert warnings(caplog) == []


@pytest.mark.gpu
@pytest.mark.parametrize("optimizer", ["optimizer=adam", "optimizer=sgd"])
@pytest.mark.parametrize("bad", [{0, 1, 2, 3, 9, 10}, {1, 8}], ids=str)
def test_recorded_steps_leave_out_bad_ones_on_a_gpu(
    optimizer: str, bad: Collection[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = []
    for warm_up in (WARM_UP, 10**9):
        monkeypatch.setattr(recorded_step, "WARM_UP", warm_up)
        job = prepared(*ON_A_GPU, TWELVE, optimizer, "trainer.max_bad_steps=1", "trainer.ema=0.7")
        job.train = ReadyMade(job.train)
        ends.append(outcome_with_bad_steps(job, stepping(job), bad))
    assert same(*ends)


@pytest.mark.gpu
def test_what_cannot_be_recorded_on_a_gpu_is_launched_with_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Reading(torch.nn.Module):
        def forward(self, spikes: Tensor, labels: Tensor) -> Tensor:
            loss = torch.nn.functional.mse_loss(spikes.mean(0), torch.nn.functional.one_hot(labels, 10).float())
            return loss * float(loss.detach() > -1)

    ends = []
    for warm_up in (WARM_UP, 10**9):
        monkeypatch.setattr(recorded_step, "WARM_UP", warm_up)
        job = prepared(*ON_A_GPU, *NOISY, "trainer.precision=fp16")
        job.loss = Reading()
        torch.manual_seed(1)
        step = stepping(job)
        ends.append((epochs(job, step), outcome(job, step)))
    assert same(*ends)
    (told,) = warnings(caplog)
    assert "recording one failed" in told


@pytest.mark.gpu
@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="there is one GPU")
def test_a_gpu_that_is_not_the_first_records_its_own_work() -> None:
    job = prepared(*ON_A_GPU, "trainer.device=cuda:1")
    step = stepping(job)
    epochs(job, step)
    assert isinstance(step.step, RecordedStep)
    assert step.step.proven
