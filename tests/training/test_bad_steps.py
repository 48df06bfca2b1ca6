"""Skipped steps, compared with a training loop without them."""

from __future__ import annotations

import copy
import io
from functools import cache

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from snntrain.config.schema import Config
from snntrain.training.job.build import Job
from snntrain.training.step.bad_steps import BadSteps
from snntrain.training.step.buffers import Buffers
from snntrain.training.step.move import Move, takes_found_inf
from tests.pairs import every_value

from .jobs import configured, prepared, prepared_by, same, stepping
from .spoilt import EIGHT, Spoilt, trained, without

CPU = torch.device("cpu")
CONVOLUTIONAL = ("network=csnn", "network.channels=[4]", "network.hidden=[8]", "neuron=plif")
ADAM, ADAMW, SGD = "optimizer=adam", "optimizer=adamw", "optimizer=sgd"


def ends_as(job: Job, oracle: Job) -> bool:
    """Return whether weights, buffers and the optimizer's state are the same."""
    return same(dict(job.model.state_dict()), dict(oracle.model.state_dict())) and same(
        job.optimizer.state_dict()["state"], oracle.optimizer.state_dict()["state"]
    )


@every_value(
    pytest.mark.parametrize("kind", ["images", "loss", "gradient"]),
    pytest.mark.parametrize(
        "overrides",
        [
            ("trainer.precision=fp32", ADAM),
            ("trainer.precision=bf16", SGD, "trainer.clip_grad_norm=0.01"),
            ("trainer.precision=bf16", ADAMW, "trainer.accumulate=2"),
        ],
        ids=["fp32, adam", "bf16, sgd, clipped", "bf16, adamw, accumulated"],
    ),
)
def test_a_bad_step_has_no_effect(overrides: tuple[str, ...], kind: str) -> None:
    job, oracle = (prepared(*EIGHT, *CONVOLUTIONAL, *overrides) for _ in range(2))
    bad = {0, 4, 5}
    step = trained(job, bad, kind)
    without(oracle, bad)
    assert ends_as(job, oracle)
    assert step.skipped() == (2 if step.accumulate == 2 else 3)
    assert step.skipped() == 0


def test_an_optimizer_without_support_for_bad_steps_skips_them() -> None:
    job, oracle = (prepared(*EIGHT) for _ in range(2))
    for each in (job, oracle):
        each.optimizer = torch.optim.Rprop(each.model.parameters())
        each.scheduler = torch.optim.lr_scheduler.ConstantLR(each.optimizer, factor=1.0)
    assert not takes_found_inf(job.optimizer)
    trained(job, {0, 5})
    without(oracle, {0, 5})
    assert ends_as(job, oracle)


@pytest.mark.parametrize("optimizer", [ADAM, ADAMW, SGD])
@pytest.mark.parametrize("bad", [{0, 1, 4}, {2, 7}], ids=str)
def test_a_device_skips_the_same_steps_by_itself(optimizer: str, bad: set[int]) -> None:
    """A GPU uses this code, and the kernels of a CPU can run it, too."""
    job, oracle = (prepared(*EIGHT, *CONVOLUTIONAL, optimizer) for _ in range(2))
    step = stepping(job)
    step.move.stays_with_host = False
    job.loss = Spoilt(job.loss, bad, "gradient")
    job.model.train()
    by_host = []
    for index, draw in enumerate(job.train.draws(1)):
        by_host.append(step.move.by_host)
        step(draw, index)
    first_good = min(set(range(8)) - bad)
    assert by_host == [index <= first_good for index in range(8)]
    without(oracle, bad)
    assert ends_as(job, oracle)
    assert step.skipped() == len(bad)


@pytest.mark.parametrize("bad", [{0, 1, 5}, {2}], ids=str)
def test_the_average_of_the_weights_excludes_bad_steps(bad: set[int]) -> None:
    job, oracle = (prepared(*EIGHT, *CONVOLUTIONAL, "trainer.ema=0.7") for _ in range(2))
    trained(job, bad)
    average = without(oracle, bad)
    assert average is not None
    for name, value in job.evaluated.state_dict().items():
        if value.is_floating_point():
            torch.testing.assert_close(value, average[name], rtol=0, atol=0)


@cache
def twelve_batches() -> Config:
    return configured(
        "trainer.batch_size=4", "trainer.limit_batches=12", "network.hidden=[2]", "network.votes=1", "T=1"
    )


@settings(max_examples=10)
@given(bad=st.sets(st.integers(0, 11)), most=st.integers(0, 4), accumulate=st.integers(1, 3), ahead=st.integers(0, 2))
def test_a_run_fails_with_the_first_row_that_is_too_long(bad: set[int], most: int, accumulate: int, ahead: int) -> None:
    """This holds also if the row began before."""
    config = twelve_batches()
    config.trainer.max_bad_steps, config.trainer.accumulate = most, accumulate
    job = prepared_by(config)
    step = stepping(job)
    ahead = min(ahead, most)
    step.load_state_dict(step.state_dict() | {"bad_steps": {"row": ahead, "since": ahead}})
    job.loss = Spoilt(job.loss, bad, "loss")
    groups = [range(first, min(first + accumulate, 12)) for first in range(0, 12, accumulate)]
    spoilt = [bool(bad & set(group)) for group in groups]
    row, expected = ahead, []
    for each in spoilt:
        row = row + 1 if each else 0
        expected.append(row > most or (bool(expected) and expected[-1]))
    found = []
    for index, draw in enumerate(job.train.draws(1)):
        step(draw, index)
        assert step.pending is (index + 1 < groups[len(found)].stop)
        if not step.pending:
            found.append(step.failing())
    assert found == expected
    assert step.skipped() == ahead + sum(spoilt)


def test_isolated_bad_steps_fail_no_run() -> None:
    step = trained(prepared(*EIGHT, "trainer.max_bad_steps=1"), {0, 2, 4, 6})
    assert not step.failing()
    assert step.skipped() == 4


def test_the_cause_of_failure_is_reported_in_one_line() -> None:
    job = prepared(*EIGHT, "trainer.max_bad_steps=3")
    step = trained(job, range(99), "loss")
    assert step.failing()
    assert step.failure() == (
        "8 steps in a row were bad (trainer.max_bad_steps=3), with a loss or gradient that is not finite; the first "
        "number that is not finite is in the loss: try a lower optimizer.lr, trainer.clip_grad_norm=1 or "
        "trainer.precision=fp32"
    )
    job.loss = job.loss.loss
    assert "; run again, all numbers are finite: try" in step.failure()


def test_each_batch_of_an_accumulated_step_is_looked_at() -> None:
    job = prepared(*EIGHT, "trainer.limit_batches=4", "trainer.accumulate=4", "trainer.max_bad_steps=0")
    step = trained(job, {1}, "images")
    assert step.failing()
    assert "a step was bad (trainer.max_bad_steps=0)" in step.failure()
    assert step.failure().endswith("is in the input images: look at the data")


def test_a_state_continues_to_the_bit() -> None:
    whole, early, late = (prepared(*EIGHT, "monitor=default", "trainer.ema=0.7") for _ in range(3))
    steps = [stepping(job) for job in (whole, early)]
    for job, step in zip((whole, early), steps, strict=True):
        job.loss = Spoilt(job.loss, {2, 3}, "gradient")
        job.model.train()
        for index, draw in enumerate(job.train.draws(1)):
            if job is whole or index < 4:
                step(draw, index)
    assert early.average is not None
    assert late.average is not None
    written = io.BytesIO()
    torch.save({"step": steps[1].state_dict(), "average": early.average.state_dict()}, written)
    written.seek(0)
    read = torch.load(written, weights_only=True)
    late.model.load_state_dict(early.model.state_dict())
    late.optimizer.load_state_dict(copy.deepcopy(early.optimizer.state_dict()))
    late.scheduler.load_state_dict(early.scheduler.state_dict())
    late.average.load_state_dict(read["average"])
    step = stepping(late)
    step.load_state_dict(read["step"])
    assert step.state_dict()["bad_steps"] == {"row": 2, "since": 2}
    late.model.train()
    for index, draw in enumerate(late.train.draws(1)):
        if index >= 4:
            step(draw, index)
    assert ends_as(late, whole)
    assert same(dict(late.evaluated.state_dict()), dict(whole.evaluated.state_dict()))
    assert step.gradient_norms() == steps[0].gradient_norms() != {}
    assert step.skipped() == steps[0].skipped() == 2


def test_a_tolerated_row_does_not_fail_the_resumed_run() -> None:
    counted = BadSteps(1, CPU)
    for _ in range(3):
        counted.add(torch.tensor(True))
    counted.add(torch.tensor(False))
    assert counted.too_many()
    later = BadSteps(1, CPU)
    later.load_state_dict(counted.state_dict())
    assert not later.too_many()
    assert later.take() == 3


def test_buffers_are_put_back_also_where_one_is_expanded_from_fewer_numbers() -> None:
    net = nn.BatchNorm1d(2)
    net.register_buffer("constant", torch.ones(1).expand(3))
    before = {name: value.clone() for name, value in net.named_buffers()}
    buffers = Buffers(net)
    for bad in (False, True):
        buffers.keep()
        net(torch.full((2, 2), torch.nan) if bad else torch.ones(2, 2))
        buffers.restore(torch.tensor(bad))
        assert net.num_batches_tracked == 1
        assert not torch.equal(net.running_mean, before["running_mean"])
        assert net.running_mean.isfinite().all()


def test_without_a_fused_optimizer_the_host_decides_each_step() -> None:
    job = prepared()
    assert takes_found_inf(job.optimizer)
    plain = torch.optim.Adam(job.model.parameters())
    assert Move(plain, torch.device("cuda")).stays_with_host
    assert not Move(job.optimizer, torch.device("cuda")).stays_with_host
