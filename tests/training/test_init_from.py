"""A run that starts with the weights of another run."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from snntrain.errors import UserError
from snntrain.training.job import world
from snntrain.training.job.build import prepare
from snntrain.training.job.group import Peers
from snntrain.training.saving import initial

from .jobs import configured, prepared, same, state, trained, undisturbed, write_checkpoint
from .ranks import in_processes, within

CSNN = ("network=csnn", "network.channels=[4]", "network.hidden=[8]", "neuron=plif", "network.votes=2")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    undisturbed(tmp_path / "source", *CSNN, "trainer.limit_batches=4", "optimizer.lr=0.05")
    return tmp_path / "source"


def start(*overrides: str) -> tuple[Any, list[str]]:
    """Return a job that has loaded its first weights, and the lines about them."""
    job = prepared(*CSNN, *overrides)
    return job, initial.load(job, initial.read(job.config.trainer.init_from or ""))


@pytest.mark.parametrize("name", ["", "checkpoints/best.pt"])
def test_all_weights_statistics_and_constants_are_those_of_the_best_epoch(name: str, source: Path) -> None:
    job, lines = start(f"trainer.init_from={source / name}", "trainer.ema=0.9")
    best = state(source, "best")["model"]
    assert {"conv1_norm.running_mean", "conv1_neuron.w", "conv1.weight"} <= best.keys()
    for network in (job.model.network, job.average.model.network):
        assert same(dict(network.state_dict()), dict(best))
    assert lines == [f"trainer.init_from={source / name}: {len(best)} of {len(best)} weights are those of that run"]


def test_a_head_of_another_size_and_other_layers_are_left_out_and_reported(source: Path) -> None:
    changed = ("network.votes=3", "network.hidden=[8,6]", "neuron=lif")
    before = dict(prepared(*CSNN, *changed).model.network.state_dict())
    job, (first, *lines) = start(*changed, f"trainer.init_from={source}")
    now, best = job.model.network.state_dict(), state(source, "best")["model"]
    assert f": 7 of {len(now)} weights are" in first
    assert lines == [
        "trainer.init_from: 1 of another shape there, left as they begin: out.weight",
        "trainer.init_from: 1 not there, left as they begin: fc2.weight",
        "trainer.init_from: 3 only there, left out: conv1_neuron.w, fc1_neuron.w, out_neuron.w",
    ]
    for name, value in now.items():
        assert torch.equal(value, (before if name in ("out.weight", "fc2.weight") else best)[name]), name


def test_a_run_records_its_source_and_a_resumed_run_does_not_load_it_again(source: Path, tmp_path: Path) -> None:
    run = (*CSNN, f"trainer.init_from={source}", "trainer.epochs=3")
    trained(tmp_path / "whole", *run)
    trained(tmp_path / "paused", *run, "trainer.pause_after=1")
    started = json.loads((tmp_path / "paused" / "environment.json").read_text())
    file = source / "checkpoints" / "best.pt"
    assert started["init_from"] == {"file": str(file), "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
    for path in file.parent.iterdir():
        path.unlink()
    trained(tmp_path / "paused", *run)
    resumed = json.loads((tmp_path / "paused" / "environment.json").read_text())
    assert "init_from" not in resumed
    assert resumed["earlier"][0]["init_from"] == started["init_from"]
    assert same(state(tmp_path / "whole"), state(tmp_path / "paused"), apart=("sizes", "config"))


def first_weights(peers: Peers, given: str) -> dict[str, torch.Tensor]:
    config = configured(*CSNN, f"trainer.init_from={given}")
    with world.entered(config.trainer, within(peers, "init")) as here:
        job = prepare(config, here)
        initial.load(job, initial.read(given) if here.rank == 0 else None)
        return {name: value.clone() for name, value in job.model.network.state_dict().items()}


def test_only_process_0_reads_the_file(source: Path) -> None:
    best = dict(state(source, "best")["model"])
    for found in in_processes(2, first_weights, str(source)):
        assert same(found, best)


def test_a_run_without_checkpoint_and_weights_that_do_not_fit_are_refused(source: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not the folder of a run with a checkpoint"):
        initial.read(str(tmp_path))
    with pytest.raises(UserError, match="there is no such checkpoint"):
        initial.read(str(tmp_path / "nowhere"))
    job = prepared("network=mlp", "network.hidden=[7]", "neuron=if", f"trainer.init_from={source}")
    with pytest.raises(UserError, match="none of its 11 weights agrees in name and shape with the 2 of this network"):
        initial.load(job, initial.read(str(source)))


@pytest.mark.parametrize("model", [3, {1: torch.zeros(2)}, {"a": 4}])
def test_strange_weights_of_a_stranger_are_refused(model: object, tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "strange.pt", {"model": model})
    with pytest.raises(UserError, match="has no weights of a network"):
        initial.read(str(tmp_path / "strange.pt"))


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "nan.pt", {"model": {"fc1.weight": torch.full((2,), torch.nan)}})
    with pytest.raises(UserError, match="are not finite"):
        initial.read(str(tmp_path / "nan.pt"))
