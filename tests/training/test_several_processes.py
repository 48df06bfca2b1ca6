"""Several processes compute what one does: weights, metrics, decisions."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import torch

from snntrain.training.job import world
from snntrain.training.job.group import Peers

from .jobs import configured
from .ranks import alone, distance, in_processes, trained, within

# 145 images in batches of 37: the last one has 34; with three processes no batch divides evenly.
RUN = ("trainer.batch_size=37", "trainer.limit_batches=null", "trainer.epochs=2", "dataset.validation=0.9")
CSNN = ("network=csnn", "network.channels=[4]", "network.hidden=[16]")
CASES = {
    "mlp": (),
    "csnn with batch normalisation": CSNN,
    "dropout": ("network.dropout=0.3", "neuron=rif"),
    "csnn, dropout, poisson": (*CSNN, "network.dropout=0.3", "encoder=poisson"),
    "accumulated, averaged, clipped, augmented": (
        *("trainer.accumulate=2", "trainer.ema=0.9", "trainer.clip_grad_norm=0.05", "dataset.augment.degrees=10"),
        *("optimizer=sgd", "scheduler=onecycle", "optimizer.lr=0.1"),
    ),
    "weighted classes": ("dataset.balance=loss", "loss=ce_rate", "dataset.mean=auto", "dataset.std=auto"),
    "weighted classes, squared error, accumulated": ("dataset.balance=loss", "trainer.accumulate=2"),
    "mixed, erased, by operations": (
        *("dataset.augment.mixup=0.5", "dataset.augment.cutmix=1", "dataset.augment.rand_augment=2"),
        *("dataset.augment.erase=0.5", "dataset.augment.mix_until=1", "dataset.balance=loss", "loss=ce_rate"),
    ),
    "balanced draws": ("dataset.balance=sampler", "dataset.augment.degrees=10"),
    "streamed, cross entropy": ("dataset.resident=never", "dataset.workers=0", "loss=ce_rate", "neuron=lif"),
    "checkpointed layers": (*CSNN, "network.dropout=0.3", "encoder=poisson", "trainer.checkpoint_layers=2"),
    "plateau, random time steps": (
        *("scheduler=plateau", "scheduler.patience=0", "scheduler.watch=loss", "scheduler.factor=0.5"),
        *("trainer.random_T=[2,5]", "optimizer.groups=[{match: out*, lr: 0.01, schedule: step}]"),
    ),
    "constants per neuron, random spikes": (
        *("neuron=plif", "neuron.per_neuron=true", "neuron.learn_threshold=true"),
        *("surrogate=poisson_pass", "neuron.v_threshold=0.1"),
    ),
    "potentials, cross entropy, penalty for rates": (
        *("readout=membrane", "readout.over=last", "loss=ce", "loss.label_smoothing=0.1", "loss.rate_weight=0.5"),
        *(*CSNN, "neuron.v_threshold=0.3"),
    ),
    "error of votes": ("loss=mse_votes", "network.votes=3", "trainer.accumulate=2", "neuron.v_threshold=0.3"),
    # The last batch has 1 image: other processes than the first have none.
    "a batch of one image": ("trainer.batch_size=36", "network.dropout=0.3", "encoder=poisson"),
    # The last batch has 2 images. Not 1: torch 2.14 computes a wrong gradient for a batch normalisation of one image
    # in float64, if the image is in channels_last and its gradient is not.
    "a batch of two images": ("trainer.batch_size=143", *CSNN, "network.dropout=0.3"),
}
# The loss is in float32, and Adam divides small gradients by small numbers.
CLOSE = 1e-6


def overrides(case: str) -> tuple[str, ...]:
    return (*RUN, "trainer.eval_batch_size=50", "monitor=default", *CASES[case])


def train_all(peers: Peers, names: list[str], in_float64: bool) -> dict[str, Any]:
    results = {}
    for name in names:
        config = configured(*overrides(name))
        with world.entered(config.trainer, within(peers, name)) as here:
            results[name] = trained(config, here, in_float64=in_float64)
    return results


@cache
def by(size: int, *, in_float64: bool = True) -> list[dict[str, Any]]:
    return in_processes(size, train_all, list(CASES), in_float64)


@cache
def by_one(case: str, *, in_float64: bool = True) -> dict[str, Any]:
    config = configured(*overrides(case))
    return trained(config, alone(config), in_float64=in_float64)


sizes = pytest.mark.parametrize("size", [2, pytest.param(3, marks=pytest.mark.slow)])
cases = pytest.mark.parametrize("case", list(CASES))


@sizes
@cases
def test_several_processes_train_the_weights_that_one_trains(size: int, case: str) -> None:
    right, found = by_one(case), by(size)[0][case]
    assert distance(right["weights"], found["weights"]) < CLOSE
    assert distance(right["trained"], found["trained"]) < CLOSE


@sizes
@cases
def test_several_processes_measure_what_one_measures(size: int, case: str) -> None:
    for right, found in zip(by_one(case)["epochs"], by(size)[0][case]["epochs"], strict=True):
        for name in ("confusion", "val_confusion", "skipped", "silent"):
            assert found[name] == right[name], name
        assert found["loss"] == pytest.approx(right["loss"], rel=1e-6)
        assert found["val_loss"] == pytest.approx(right["val_loss"], rel=1e-6)
        for name in ("rates", "norms"):
            assert found[name] == pytest.approx(right[name], rel=1e-6), name


@sizes
@cases
def test_all_processes_have_the_same_weights_to_the_bit(size: int, case: str) -> None:
    first, *others = (result[case] for result in by(size))
    for other in others:
        assert all(torch.equal(value, other["trained"][name]) for name, value in first["trained"].items())
        assert torch.equal(first["random"], other["random"])


@cases
@pytest.mark.sample(4)
def test_two_processes_train_the_same_bits_each_time(case: str) -> None:
    one, other = by(2)[0][case], in_processes(2, train_all, [case], True)[0][case]
    assert all(torch.equal(value, other["trained"][name]) for name, value in one["trained"].items())
