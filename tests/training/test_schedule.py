"""Learning rates step by step, compared with their formula."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch.optim import SGD, Adagrad, Adam, Optimizer
from torch.optim.lr_scheduler import LRScheduler

from snntrain.training import schedule

from .jobs import one_epoch, prepared, stepping

LR = 0.5


def optimizer(kind: type[Optimizer] = SGD, **keys: Any) -> Optimizer:
    return kind([torch.nn.Parameter(torch.zeros(1))], lr=LR, **keys)  # type: ignore[call-arg]


def course(scheduler: LRScheduler, steps: int) -> list[float]:
    """Return the learning rate before each step, and after the last."""
    rates = [scheduler.optimizer.param_groups[0]["lr"]]
    for _ in range(steps):
        scheduler.optimizer.step()
        scheduler.step()
        rates.append(scheduler.optimizer.param_groups[0]["lr"])
    return rates


def test_constant_stays() -> None:
    assert course(schedule.constant(optimizer(), 5), 7) == [LR] * 8


@pytest.mark.parametrize("final", [0.0, 0.1, 1.0])
def test_cosine_falls_from_the_greatest_to_the_final_rate(final: float) -> None:
    rates = course(schedule.cosine(optimizer(), 10, warmup=0.0, final=final), 10)
    expected = [LR * (final + (1 - final) * 0.5 * (1 + math.cos(math.pi * k / 10))) for k in range(11)]
    assert rates == pytest.approx(expected, abs=1e-12)
    assert rates[0] == LR
    assert rates[-1] == pytest.approx(final * LR, abs=1e-12)


def test_warm_up_rises_linearly_to_the_greatest_rate() -> None:
    rates = course(schedule.cosine(optimizer(), 20, warmup=0.2, final=0.0), 20)
    assert rates[:5] == pytest.approx([LR * k / 5 for k in (1, 2, 3, 4, 5)])
    assert rates[4:] == pytest.approx([LR * 0.5 * (1 + math.cos(math.pi * k / 16)) for k in range(17)], abs=1e-12)
    assert max(rates) == rates[4]


@pytest.mark.parametrize("warmup", [0.05, 0.2, 0.5])
def test_warm_up_starts_at_the_rate_in_the_help(warmup: float) -> None:
    rise = round(20 * warmup)
    assert course(schedule.cosine(optimizer(), 20, warmup, final=0.0), 20)[0] == pytest.approx(LR / (1 + rise))
    assert course(schedule.one_cycle(optimizer(), 20, warmup), 20)[0] == pytest.approx(LR / 25)


@pytest.mark.parametrize(("kind", "keys"), [(SGD, {"momentum": 0.5}), (Adam, {"betas": (0.5, 0.999)})])
def test_one_cycle_sets_the_momentum_as_the_help_says(kind: type[Optimizer], keys: dict[str, Any]) -> None:
    scheduler = schedule.one_cycle(optimizer(kind, **keys), 20, warmup=0.25)
    (group,) = scheduler.optimizer.param_groups
    momenta = []
    for _ in range(20):
        momenta.append(group["momentum"] if kind is SGD else group["betas"][0])
        scheduler.optimizer.step()
        scheduler.step()
    assert momenta[0] == pytest.approx(0.95)
    assert min(momenta) == pytest.approx(0.85, abs=0.005)
    assert momenta[-1] == pytest.approx(0.95, abs=0.005)


@pytest.mark.parametrize("warmup", [0.0, 0.5, 0.99])
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_runs_of_few_steps_never_stand_still(steps: int, warmup: float) -> None:
    for scheduler in (
        schedule.cosine(optimizer(), steps, warmup=warmup, final=0.0),
        schedule.one_cycle(optimizer(), steps, warmup=warmup or 0.3),
    ):
        assert all(0 < rate <= LR for rate in course(scheduler, steps)[:-1])


def test_one_cycle_rises_falls_and_has_room_for_every_step() -> None:
    rates = course(schedule.one_cycle(optimizer(momentum=0.9), 20, warmup=0.25), 20)
    top = rates.index(max(rates))
    assert max(rates) == pytest.approx(LR, rel=0.02)
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert rates[-1] < LR * 1e-3
    assert top in (4, 5)


@pytest.mark.parametrize(("steps", "warmup"), [(1, 0.5), (3, 0.25), (9, 0.1), (4, 0.2)])
def test_one_cycle_takes_a_rise_of_a_single_step(steps: int, warmup: float) -> None:
    assert len(course(schedule.one_cycle(optimizer(), steps, warmup), steps)) == steps + 1


@pytest.mark.parametrize(("kind", "keys"), [(SGD, {}), (SGD, {"momentum": 0.9}), (Adam, {}), (Adagrad, {})])
def test_one_cycle_takes_every_optimizer(kind: type[Optimizer], keys: dict[str, float]) -> None:
    assert len(course(schedule.one_cycle(optimizer(kind, **keys), 8, warmup=0.3), 8)) == 9


@pytest.mark.parametrize("accumulate", [1, 2, 3])
def test_a_run_goes_to_the_end_of_its_schedule(accumulate: int) -> None:
    overrides = ("trainer.epochs=2", "trainer.limit_batches=4", f"trainer.accumulate={accumulate}")
    job = prepared("scheduler=cosine", "scheduler.final=0.25", "optimizer.lr=0.02", *overrides)
    for number in (1, 2):
        one_epoch(job, stepping(job), number)
    assert job.optimizer.param_groups[0]["lr"] == pytest.approx(0.25 * 0.02)
