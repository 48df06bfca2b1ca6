"""Schedules that count epochs or follow the validation, compared with torch's own or with NumPy."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import SGD, Optimizer, lr_scheduler
from torch.optim.lr_scheduler import LRScheduler

from snntrain.training import schedule
from snntrain.training.schedule.of_groups import OfGroups, validated
from snntrain.training.schedule.plateau import Plateau

LR, EPOCHS, EACH = 0.5, 12, 3
TOTAL = EPOCHS * EACH


def optimizer(*learning_rates: float) -> Optimizer:
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": lr} for lr in learning_rates or (LR,)]
    return SGD(groups, lr=LR)


def course(scheduler: LRScheduler, steps: int = TOTAL, group: int = 0) -> np.ndarray:
    """Return the learning rate before each step."""
    rates = []
    for _ in range(steps):
        rates.append(float(scheduler.optimizer.param_groups[group]["lr"]))
        scheduler.optimizer.step()
        scheduler.step()
    return np.array(rates)


# Ours, and torch's schedule that is stepped once per epoch.
PAIRS: dict[str, tuple[Callable[[Optimizer], LRScheduler], Callable[[Optimizer], LRScheduler]]] = {
    "step": (
        lambda own: schedule.step(own, TOTAL, EACH, every=4, factor=0.3, warmup=0.0),
        lambda own: lr_scheduler.StepLR(own, 4, 0.3),
    ),
    "multistep": (
        lambda own: schedule.multistep(own, TOTAL, EACH, milestones=[2, 3, 9], factor=0.3, warmup=0.0),
        lambda own: lr_scheduler.MultiStepLR(own, [2, 3, 9], 0.3),
    ),
    "cosine_oscillating": (
        lambda own: schedule.cosine_oscillating(own, TOTAL, EACH, half_period=4, final=0.1, warmup=0.0),
        lambda own: lr_scheduler.CosineAnnealingLR(own, 4, eta_min=0.1 * LR),
    ),
    "linear": (
        lambda own: schedule.linear(own, TOTAL, warmup=0.0, final=0.2),
        lambda own: lr_scheduler.LinearLR(own, 1.0, 0.2, EPOCHS),
    ),
    "polynomial": (
        lambda own: schedule.polynomial(own, TOTAL, power=2.5, warmup=0.0, final=0.0),
        lambda own: lr_scheduler.PolynomialLR(own, EPOCHS, 2.5),
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_an_epoch_begins_with_the_learning_rate_of_torchs_schedule(name: str) -> None:
    ours, theirs = PAIRS[name]
    expected = course(theirs(optimizer()), EPOCHS)
    np.testing.assert_allclose(course(ours(optimizer()))[::EACH], expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", ["step", "multistep"])
def test_a_fall_waits_for_the_end_of_its_epoch(name: str) -> None:
    rates = course(PAIRS[name][0](optimizer())).reshape(EPOCHS, EACH)
    assert (rates == rates[:, :1]).all()
    assert len(set(rates[:, 0])) >= 3


@given(st.floats(0.1, 5), st.floats(0, 0.9), st.floats(0, 1), st.integers(1, 50))
def test_a_polynomial_follows_its_formula_after_a_linear_rise(
    power: float, warmup: float, final: float, total: int
) -> None:
    rise = round(warmup * total)
    step = np.arange(total, dtype=np.float64)
    done = np.clip((step - rise) / max(1, total - rise), 0, 1)
    expected = LR * np.minimum(1, (step + 1) / (rise + 1)) * (final + (1 - final) * (1 - done) ** power)
    rates = course(schedule.polynomial(optimizer(), total, power, warmup, final), total)
    np.testing.assert_allclose(rates, expected, rtol=1e-12, atol=1e-300)


ALL: dict[str, Callable[[Optimizer, float], LRScheduler]] = {
    "cosine": lambda own, warmup: schedule.cosine(own, TOTAL, warmup, 0.0),
    "linear": lambda own, warmup: schedule.linear(own, TOTAL, warmup, 0.0),
    "polynomial": lambda own, warmup: schedule.polynomial(own, TOTAL, 2.0, warmup, 0.0),
    "step": lambda own, warmup: schedule.step(own, TOTAL, EACH, 6, 0.1, warmup),
    "multistep": lambda own, warmup: schedule.multistep(own, TOTAL, EACH, [6], 0.1, warmup),
    "plateau": lambda own, warmup: schedule.plateau(own, TOTAL, "loss", 0.1, 3, 0.0, warmup),
}


@pytest.mark.parametrize("name", ALL)
def test_every_schedule_rises_in_a_line_over_its_warm_up(name: str) -> None:
    rise = TOTAL // 4
    rates = course(ALL[name](optimizer(), 0.25))
    np.testing.assert_allclose(rates[:rise], LR * np.arange(1, rise + 1) / (rise + 1), rtol=1e-12)
    assert rates.max() == pytest.approx(LR)


def test_an_oscillation_rises_too() -> None:
    whole = course(schedule.cosine_oscillating(optimizer(), TOTAL, EACH, 4, 0.0, warmup=0.0))
    warmed = course(schedule.cosine_oscillating(optimizer(), TOTAL, EACH, 4, 0.0, warmup=0.25))
    np.testing.assert_allclose(warmed, whole * np.minimum(1, np.arange(1, TOTAL + 1) / (TOTAL // 4 + 1)), rtol=1e-12)


@given(
    st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.4, 0.5]), min_size=1, max_size=30),
    st.integers(0, 4),
    st.sampled_from(["accuracy", "loss"]),
    st.sampled_from([0.0, 0.3]),
)
def test_a_plateau_falls_when_torchs_does(values: list[float], patience: int, watch: str, final: float) -> None:
    ours, theirs = optimizer(), optimizer()
    own = schedule.plateau(ours, len(values), watch, 0.5, patience, final, warmup=0.0)
    reference = lr_scheduler.ReduceLROnPlateau(
        theirs,
        "max" if watch == "accuracy" else "min",
        *(0.5, patience),
        threshold=0.0,
        min_lr=final * LR,
        eps=0.0,
    )
    for value in values:
        ours.step()
        own.step()
        validated(own, accuracy=value, loss=value)
        reference.step(value)
        assert ours.param_groups[0]["lr"] == pytest.approx(theirs.param_groups[0]["lr"], rel=1e-12)


def test_a_loss_that_is_not_finite_is_no_improvement() -> None:
    own = schedule.plateau(optimizer(), 9, "loss", 0.5, 1, 0.0, warmup=0.0)
    rates = []
    for loss in (np.nan, np.nan, 3.0, np.inf, 2.0):
        own.optimizer.step()
        own.step()
        validated(own, 0.0, loss)
        rates.append(own.optimizer.param_groups[0]["lr"])
    assert rates == [LR, LR / 2, LR / 2, LR / 2, LR / 2]
    assert own.state_dict()["best"] == 2.0


def test_a_plateau_continues_from_its_state() -> None:
    def epochs(scheduler: LRScheduler, losses: list[float]) -> list[float]:
        rates = []
        for loss in losses:
            scheduler.optimizer.step()
            scheduler.step()
            validated(scheduler, 0.0, loss)
            rates.append(scheduler.optimizer.param_groups[0]["lr"])
        return rates

    def fresh() -> LRScheduler:
        return schedule.plateau(optimizer(), 8, "loss", 0.5, 1, 0.0, warmup=0.5)

    losses = [3.0, 2.0, 2.5, 2.5, 2.0, 2.0, 2.0, 2.0]
    whole = epochs(fresh(), losses)
    first, second = fresh(), fresh()
    rates = epochs(first, losses[:3])
    second.load_state_dict(first.state_dict())
    second.optimizer.load_state_dict(first.optimizer.state_dict())
    assert rates + epochs(second, losses[3:]) == whole
    assert whole[-1] < LR / 2


def test_groups_have_schedules_of_their_own_which_a_loaded_state_keeps() -> None:
    def fresh() -> OfGroups:
        return OfGroups(
            optimizer(0.5, 0.2, 0.1),
            lambda part: schedule.linear(part, TOTAL, 0.0, 0.0),
            {1: lambda part: schedule.step(part, TOTAL, EACH, 2, 0.5, 0.0)},
        )

    line = 1 - np.arange(TOTAL) / TOTAL
    for group, expected in enumerate((0.5 * line, 0.2 * 0.5 ** (np.arange(TOTAL) // 6), 0.1 * line)):
        np.testing.assert_allclose(course(fresh(), group=group), expected, rtol=1e-12)
    first, second = fresh(), fresh()
    course(first, 7)
    second.optimizer.load_state_dict(first.optimizer.state_dict())
    second.load_state_dict(first.state_dict())
    np.testing.assert_array_equal(course(second, TOTAL - 7, group=1), course(fresh(), group=1)[7:])
    assert second.last_epoch == TOTAL


def test_a_schedule_of_all_groups_alone_and_a_plateau_of_one_group() -> None:
    own = OfGroups(
        optimizer(0.5, 0.2),
        lambda part: schedule.constant(part, TOTAL),
        {
            0: lambda part: schedule.plateau(part, TOTAL, "loss", 0.1, 0, 0.0, 0.0),
            1: lambda part: schedule.linear(part, TOTAL, 0.0, 1.0),
        },
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(3):
            own.optimizer.step()
            own.step()
            validated(own, 0.5, 1.0)
    assert [group["lr"] for group in own.optimizer.param_groups] == [pytest.approx(0.005), 0.2]
    assert isinstance(own.schedules[0], Plateau)


WRONG: dict[str, tuple[Callable[[], Any], str]] = {
    "warmup": (lambda: schedule.linear(optimizer(), 5, 1.0, 0.0), r"warmup must lie in \[0, 1\), not 1.0"),
    "final": (lambda: schedule.cosine(optimizer(), 5, 0.0, 2.0), r"final must lie in \[0, 1\], not 2.0"),
    "power": (lambda: schedule.polynomial(optimizer(), 5, 0.0, 0.0, 0.0), "power must be a positive number, not 0.0"),
    "every": (lambda: schedule.step(optimizer(), 5, 1, 0, 0.1, 0.0), "every must be at least 1 epoch, not 0"),
    "factor": (lambda: schedule.step(optimizer(), 5, 1, 1, 1.0, 0.0), r"factor must lie in \(0, 1\), not 1.0"),
    "milestones": (
        lambda: schedule.multistep(optimizer(), 5, 1, [3, 2], 0.1, 0.0),
        r"milestones must be rising numbers of epochs from 1, as \[60,120\], not \[3, 2\]",
    ),
    "half_period": (
        lambda: schedule.cosine_oscillating(optimizer(), 5, 1, 0.0, 0.0, 0.0),
        "half_period must be a positive number of epochs, not 0.0",
    ),
    "watch": (
        lambda: schedule.plateau(optimizer(), 5, "speed", 0.1, 1, 0.0, 0.0),
        "watch='speed' is not a number of the validation: give one of accuracy, loss",
    ),
    "patience": (
        lambda: schedule.plateau(optimizer(), 5, "loss", 0.1, -1, 0.0, 0.0),
        "patience must be at least 0 epochs, not -1",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_value_outside_its_range_is_refused(name: str) -> None:
    make, message = WRONG[name]
    with pytest.raises(ValueError, match=message):
        make()
