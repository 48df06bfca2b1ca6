"""Recorded training steps give the results of launched ones, with a stand-in for CUDA graphs on a CPU."""

from __future__ import annotations

from collections.abc import Collection

import pytest
import torch
from torch import Tensor

from snntrain.neuron import LIFNode, spiking_layers
from snntrain.training.step.move import takes_found_inf
from snntrain.training.step.recorded_step import VARIABLE, WARM_UP, RecordedStep, obstacle

from .jobs import prepared, same, stepping
from .recorded import NOISY, SMALL, TWELVE, epochs, launched, outcome, outcome_with_bad_steps, recorded, warnings
from .spoilt import ReadyMade
from .stand_in import Counting, StandIn, device_decides

__all__ = ["device_decides"]

decided_by_device = pytest.mark.usefixtures("device_decides")


@pytest.mark.parametrize(
    ("overrides", "why"),
    [
        ((), None),
        (("optimizer=adamw", "scheduler=none"), None),
        (("optimizer=sgd", "trainer.accumulate=3"), None),
        (("scheduler=onecycle",), "scheduler=onecycle sets the momentum from the host"),
        (("optimizer.groups=[{match: out*, schedule: onecycle}]",), "scheduler=onecycle sets the momentum"),
        (("scheduler=plateau", "optimizer.decay_norm=false"), None),
        (("trainer.checkpoint_layers=1",), "trainer.checkpoint_layers restores random numbers from the host"),
        (("trainer.random_T=[2,4]",), "trainer.random_T changes the time steps"),
        (("trainer.curriculum=[[1,2]]",), "trainer.curriculum changes the time steps"),
        (("optimizer=nadam",), "the optimizer NAdam waits for the host"),
        (("trainer.compile=true",), "trainer.compile=true launches them itself"),
    ],
    ids=str,
)
def test_a_step_that_cannot_be_recorded_gives_the_reason(overrides: tuple[str, ...], why: str | None) -> None:
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
    # The last batch of an epoch is smaller: it is not the recorded one, even if it comes after the warm-up.
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


class Annealed(LIFNode):
    """LIF with a time constant that grows from epoch to epoch."""

    def on_epoch(self, epoch: int, epochs: int) -> None:
        assert isinstance(self.tau, Tensor)
        self.tau.fill_(1 + epoch)


@decided_by_device
def test_a_replayed_step_reads_a_constant_that_an_epoch_has_changed() -> None:
    jobs = []
    for _ in range(2):
        job = prepared(*SMALL, "neuron=lif", "trainer.ema=0.7")
        for net in (job.model, job.evaluated):
            for _, layer in spiking_layers(net):
                layer.__class__ = Annealed
                del layer.tau
                layer.register_buffer("tau", torch.tensor([2.0]))
        jobs.append(job)
    one, other = jobs
    step, inner = recorded(one, StandIn())
    losses = epochs(one, step)
    assert inner.replayed
    assert losses == epochs(other, launched(other))
    assert {layer.tau.item() for net in (one.model, one.evaluated) for _, layer in spiking_layers(net)} == {3.0}


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
    # The rows, the maps of the augmentation, and the scheduler, which sets the learning rate and keeps a copy of it.
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
