from __future__ import annotations

import inspect
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from torch import Tensor, nn

from snntrain.config.trust import targets
from snntrain.training.loss import CE, TET, CERate, MSERate, MSEVotes

CONF = Path(__file__).parents[2] / "conf" / "loss"
T, N, C = 6, 5, 4

both = pytest.mark.parametrize("loss", [MSERate(), CERate(), CERate(label_smoothing=0.1)], ids=["mse", "ce", "smooth"])


def spikes() -> Tensor:
    return (torch.rand(T, N, C, generator=torch.Generator().manual_seed(0)) < 0.4).float()


def labels() -> Tensor:
    return torch.arange(N) % C


def cross_entropy(scale: float, smoothing: float) -> float:
    """Return the cross-entropy by its definition, in NumPy."""
    logits = scale * spikes().double().numpy().mean(0)
    target = (1 - smoothing) * np.eye(C)[labels().numpy()] + smoothing / C
    log_probability = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    return float(-(target * log_probability).sum(1).mean())


def test_mse_is_the_mean_square_distance_of_rates_and_one_hot_labels() -> None:
    rates = spikes().double().numpy().mean(0)
    expected = ((rates - np.eye(C)[labels().numpy()]) ** 2).mean()
    assert MSERate()(spikes(), labels()).item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("scale", [1.0, 10.0])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_takes_scaled_rates_for_logits(scale: float, smoothing: float) -> None:
    loss = CERate(scale, smoothing)(spikes(), labels())
    assert loss.item() == pytest.approx(cross_entropy(scale, smoothing), rel=1e-6)


@both
def test_a_loss_is_a_float32_scalar_under_autocast(loss: nn.Module) -> None:
    exact = loss(spikes(), labels())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = loss(spikes().bfloat16(), labels())
    assert half.dtype == torch.float32
    assert half.shape == ()
    # Spikes are exact in bfloat16; a mean over T taken in it would not be.
    assert half.item() == pytest.approx(exact.item(), rel=1e-6)


@both
def test_every_step_gets_the_same_gradient_and_the_right_class_is_pushed_up(loss: nn.Module) -> None:
    x = spikes().requires_grad_()
    loss(x, labels()).backward()
    assert x.grad is not None
    for step in x.grad:
        assert torch.equal(step, x.grad[0])
    silent = torch.zeros(T, N, C, requires_grad=True)
    loss(silent, labels()).backward()
    assert silent.grad is not None
    assert torch.equal((-silent.grad[0]).argmax(1), labels())


@both
def test_right_rates_cost_less_than_wrong_ones(loss: nn.Module) -> None:
    right = nn.functional.one_hot(labels(), C).float().expand(T, N, C)
    assert loss(right, labels()) < loss(right.roll(1, 2), labels())


def test_perfect_rates_cost_little_at_the_default_scale() -> None:
    right = nn.functional.one_hot(torch.arange(10), 10).float().expand(T, 10, 10)
    assert CERate()(right, torch.arange(10)) < 0.01


@pytest.mark.parametrize("scale", [0.0, -1.0, math.inf, math.nan])
def test_a_scale_that_is_not_positive_is_refused(scale: float) -> None:
    with pytest.raises(ValueError, match="scale must be a positive number"):
        CERate(scale)


@pytest.mark.parametrize("smoothing", [-0.1, 1.0])
def test_label_smoothing_outside_its_range_is_refused(smoothing: float) -> None:
    with pytest.raises(ValueError, match=r"label_smoothing must lie in \[0, 1\)"):
        CERate(label_smoothing=smoothing)


LOSSES = {"mse_rate": MSERate, "ce_rate": CERate, "ce": CE, "tet": TET, "mse_votes": MSEVotes}


@pytest.mark.parametrize(("name", "loss"), LOSSES.items(), ids=list(LOSSES))
def test_the_configuration_file_gives_the_defaults(name: str, loss: type[nn.Module]) -> None:
    values = OmegaConf.to_container(OmegaConf.load(CONF / f"{name}.yaml"))
    assert isinstance(values, dict)
    assert targets.locate(values.pop("_target_")) is loss
    del values["defaults"]
    assert (values.pop("rate_target"), values.pop("rate_weight")) == (0.1, 0.0)
    defaults = inspect.signature(loss).parameters.values()
    assert values == {p.name: p.default for p in defaults if p.default is not p.empty}
