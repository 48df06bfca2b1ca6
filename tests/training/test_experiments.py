"""Every file of conf/experiment composes, builds its network, trains two steps and evaluates a batch."""

from __future__ import annotations

import copy
import math
import re
from functools import cache
from typing import Any

import pytest
import torch

from snntrain.config.compose import CONF
from snntrain.config.schema import Config
from snntrain.config.validate import validate
from snntrain.training.evaluation.evaluate import evaluate
from snntrain.training.job import build, model, normalisation

from .jobs import one_epoch, prepared_by, stepping, weights
from .random_sets import COUNTS, random_set

EXPERIMENTS = sorted(path.stem for path in (CONF / "experiment").glob("*.yaml"))
HERE = (
    *("trainer.device=cpu", "trainer.precision=fp32", "trainer.batch_size=2", "trainer.limit_batches=2"),
    *("dataset.resident=always", "dataset.workers=0", "monitor=off"),
)
every_experiment = pytest.mark.parametrize("experiment", EXPERIMENTS)


@cache
def _composed(experiment: str) -> Config:
    (config,) = validate([f"experiment={experiment}", *HERE])
    return config


def configured(experiment: str) -> Config:
    return copy.deepcopy(_composed(experiment))


# A network of each kind with few channels; 8 at least, see docs/networks.md.
SMALL: dict[str, dict[str, Any]] = {
    "CSNN": {"channels": [8, 8], "hidden": [16]},
    "SEWResNetEvents": {"channels": [8, 8, 8, 8, 16, 16, 16]},
    "VGG": {"width": 8},
    "SpikingResNet19": {"width": 8, "hidden": 16},
    "Spikformer": {"dim": 64, "depth": 1, "heads": 4},
    "QKFormer": {"dims": [16, 32, 64], "depths": [1, 1, 2]},
}


def small(config: Config) -> Config:
    """Return settings with few steps and a small network of the same kind."""
    network: Any = config.network
    config.T = min(config.T, 4)
    config.dataset.augment.frames = min(config.dataset.augment.frames, 3)
    kind = network._target_.rpartition(".")[2]
    if kind == "WrittenNetwork":
        network.layers = re.sub(r"\b(512|2048)\b", "16", re.sub(r"\d+C3", "8C3", network.layers))
    elif kind == "RSNN":
        network.hidden = [8 for _ in network.hidden]
    else:
        for key, value in SMALL[kind].items():
            setattr(network, key, value)
    return config


@every_experiment
def test_an_experiment_has_its_name_and_a_network_that_takes_its_data(experiment: str) -> None:
    config = configured(experiment)
    assert config.name == experiment
    data = random_set(config)
    # Constants per neuron get their shape by an empty sample, which needs memory.
    with torch.device("cpu" if config.neuron.per_neuron else "meta"):
        built = model.model(config, data, normalisation.of(config, data, None))
    assert sum(parameter.numel() for parameter in built.parameters()) > 50_000


def train_and_evaluate(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "data_of", random_set)
    job = prepared_by(config)
    before, step = weights(job.model), stepping(job)
    trained = one_epoch(job, step)
    after = weights(job.model)
    assert math.isfinite(trained.loss)
    assert step.skipped() == 0
    assert all(torch.isfinite(value).all() for value in after.values())
    # Behind neurons that are silent, the last layers may have no gradient.
    assert sum(not torch.equal(before[name], after[name]) for name in after) > len(after) / 2
    metrics = evaluate(job.model, job.loss, job.validation.epoch(), job.classes, job.world.precision)
    assert math.isfinite(metrics.loss)
    assert int(metrics.confusion.sum()) == COUNTS[1]


# These differ from another one in their data, or in sizes that the small network has not.
ALIKE = (
    *("adlif_ssc", "dcls_ssc", "mnist_cpu", "mnist_fast", "nmnist_small", "plif_fashion_mnist", "plif_nmnist"),
    *("plif_cifar10_dvs", "qkformer_cifar100", "sew_cifar10_dvs", "spikformer_cifar100"),
    *("mnist_best_cpu", "nmnist_1k"),
)


@pytest.mark.parametrize(
    "experiment",
    [pytest.param(name, marks=[pytest.mark.slow] if name in ALIKE else []) for name in EXPERIMENTS],
)
def test_an_experiment_trains_with_a_small_network(experiment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    train_and_evaluate(small(configured(experiment)), monkeypatch)


@pytest.mark.slow
@every_experiment
def test_an_experiment_trains(experiment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    train_and_evaluate(configured(experiment), monkeypatch)


def test_delays_learn_fast_and_only_weights_decay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "data_of", random_set)
    job = prepared_by(small(configured("dcls_shd")))
    found = {}
    for name, parameter in job.model.network.named_parameters():
        (group,) = (g for g in job.optimizer.param_groups if any(p is parameter for p in g["params"]))
        found[name.rpartition(".")[2] if "norm" not in name else "norm"] = (group["lr"], group["weight_decay"])
    # A cosine begins at its peak, one cycle at a 25th of it.
    assert found["delay"] == (pytest.approx(0.1), 0)
    assert found["weight"] == (pytest.approx(5e-3 / 25), 1e-5)
    assert found["norm"] == (pytest.approx(5e-3 / 25), 0)


def header_of(experiment: str) -> str:
    """Return the comments at the top of a file as one line."""
    lines = (CONF / "experiment" / f"{experiment}.yaml").read_text().partition("\n\n")[0].splitlines()
    assert lines[0] == "# @package _global_"
    return " ".join(line.removeprefix("# ") for line in lines[1:])


PUBLISHED = [experiment for experiment in EXPERIMENTS if "Published:" in header_of(experiment)]
PAGE = (CONF.parent / "docs" / "recipes.md").read_text()


def test_the_page_on_recipes_names_every_experiment() -> None:
    assert [experiment for experiment in EXPERIMENTS if f"`{experiment}`" not in PAGE] == []


@pytest.mark.parametrize("experiment", PUBLISHED)
def test_the_file_of_a_published_result_says_what_the_page_says(experiment: str) -> None:
    header = header_of(experiment)
    (row,) = (line for line in PAGE.splitlines() if line.startswith(f"| `{experiment}` |"))
    *_, best, validated, hours, run_here, _ = (cell.strip() for cell in row.split("|"))
    assert re.search(r"\b(ICCV|ICLR|NeurIPS|Nature Communications) 20\d\d\b", header)
    for accuracy in (best, validated):
        assert accuracy.rstrip(" †") in header
        assert ("not checked" in header) >= ("†" in accuracy)
    assert f"Estimate for one H100: {hours} hours" in header
    assert (run_here == "no") == ("Not run here." in header)
