"""Sequences of units, `[T, units]`, through every part of a run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from snntrain.data import picture_file
from snntrain.errors import UserError
from snntrain.inspect.drawing import plots
from snntrain.training.job.build import Job
from snntrain.training.logs.monitor import Monitor
from snntrain.training.logs.summary import first_lines
from tests.conftest import Outcome

from .jobs import OURS, prepared, same, trained
from .recorded import epochs, launched, outcome, recorded
from .stand_in import StandIn, device_decides

__all__ = ["device_decides"]

UNITS = ("dataset.mean=[0.09]", "dataset.std=[0.4]", "dataset.workers=0", "trainer.limit_batches=null")
WORDS = (OURS, "dataset._target_=tests.training.spoken.words", *UNITS)
EVEN = (OURS, "dataset._target_=tests.training.spoken.even", *UNITS)
LEARNT = ("optimizer.lr=0.02", "loss=ce_rate", "network.hidden=[32]", "network.votes=1", "neuron.v_threshold=0.5")


@pytest.mark.parametrize("data", [WORDS, EVEN], ids=["different", "equal"])
@pytest.mark.parametrize("resident", ["always", "never"])
def test_batches_have_time_first(data: tuple[str, ...], resident: str) -> None:
    job = prepared(*data, f"dataset.resident={resident}")
    batch = next(job.train.epoch(1))
    assert batch.x.shape == (12, 16, 140)
    assert batch.x.dtype == torch.float32
    assert (batch.lengths is None) == (data is EVEN)
    validation = next(job.validation.epoch())
    assert torch.equal(validation.x[:, 3], job.data.validation[3].float())


@pytest.mark.parametrize("encoder", ["direct", "poisson", "latency"])
def test_every_encoder_takes_units(encoder: str) -> None:
    job = prepared(*WORDS, f"encoder={encoder}")
    x = next(job.validation.epoch()).x
    encoded = job.model.encoder(x)
    expected = (x - 0.09) / 0.4 if encoder == "direct" else x
    torch.testing.assert_close(encoded, expected)
    assert job.model(x).shape == (12, 24, 4)


def test_the_first_lines_name_the_units_and_the_steps() -> None:
    lines = first_lines(prepared(*WORDS))
    assert "32 test sequences of 140 units, 4 classes" in lines
    assert "T=12" in lines
    assert "fc1_neuron" in lines


def test_a_convolutional_network_refuses_units_in_one_line() -> None:
    with pytest.raises(UserError, match=r"network: CSNN: needs images or frames.* \[140\], units .* use network=mlp$"):
        prepared(*WORDS, "network=csnn")


def test_units_share_one_mean() -> None:
    with pytest.raises(UserError, match=r"dataset.mean=\[0.1, 0.2\]: .* 140 units, which share one number"):
        prepared(*WORDS, "dataset.mean=[0.1,0.2]", "dataset.std=[1,1]")


def test_a_picture_of_ones_own_is_refused_for_units(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"words has sequences of 140 units, and an image has none; take sample="):
        picture_file.read(tmp_path / "me.png", prepared(*WORDS).data)


def test_units_are_recorded_and_drawn() -> None:
    job = prepared(*WORDS, "monitor=default", "neuron.v_threshold=0.3", "monitor.samples=3")
    probes = Monitor(job).look(drawn=True).probes
    assert probes is not None
    assert probes.sequences is not None
    assert probes.lengths is not None
    assert probes.sequences.shape == (12, 3, 140)
    assert probes.images.shape == (3, 1, 140, 12)
    for sample, length in enumerate(probes.lengths):
        np.testing.assert_array_equal(probes.images[sample, 0, :, :length], probes.sequences[:length, sample].T)
        assert not probes.images[sample, 0, :, length:].any()
    tags = [tag for tag, _ in plots(probes, None, 16)]
    assert tags == [
        *(f"{kind}/{layer}" for layer in ("fc1_neuron", "out_neuron") for kind in ("spikes", "voltages", "heat_map")),
        "output/spike_counts",
    ]


@pytest.mark.usefixtures("device_decides")
@pytest.mark.parametrize("changed", [(), ("dataset.augment.roll=3", "dataset.augment.temporal_crop=0.4")], ids=str)
def test_recorded_steps_train_on_units_as_launched_ones_do_to_the_bit(changed: tuple[str, ...]) -> None:
    def job() -> Job:
        return prepared(*WORDS, *changed, "trainer.epochs=2", "network.dropout=0.2")

    one, other = job(), job()
    right_step = launched(other)
    torch.manual_seed(0)
    losses = epochs(other, right_step)
    right = outcome(other, right_step)
    step, inner = recorded(one, StandIn())
    torch.manual_seed(0)
    assert epochs(one, step) == losses
    assert inner.proven
    assert same(outcome(one, step), right)


def test_a_run_learns_words_of_different_length(tmp_path: Path) -> None:
    summary = trained(tmp_path, *WORDS, *LEARNT, "trainer.epochs=8", "monitor=default")
    assert summary["test_accuracy"] > 0.9
    assert 0 < summary["cost"]["layers"]["fc1_neuron"]["spikes_per_image"] < 12 * 32
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert all(0 < row["firing_rates"]["fc1_neuron"] < 1 for row in rows)


def commands(run: Callable[..., Outcome], folder: Path, data: tuple[str, ...], epochs: int) -> None:
    """Train with a pause, resume, evaluate and inspect, and check what each says."""
    place = "hydra.run.dir=run"
    start = run(*data, *LEARNT, place, f"trainer.epochs={epochs}", "trainer.pause_after=2")
    assert start.status == 0, start.err
    resumed = run("resume=run", "trainer.pause_after=null", OURS)
    assert resumed.status == 0, resumed.err
    summary = json.loads((folder / "run" / "summary.json").read_text())
    assert summary["test_accuracy"] > 0.9
    accuracy = f"{summary['test_accuracy']:.4f}"
    evaluated = run("eval", "run=run", OURS)
    assert evaluated.status == 0, evaluated.err
    assert accuracy in evaluated.out
    inspected = run("inspect", "run=run", OURS, "sample=0,1")
    assert inspected.status == 0, inspected.err
    assert accuracy in (folder / "run" / "inspect" / "index.html").read_text()
    with np.load(folder / "run" / "inspect" / "recordings.npz") as seen:
        assert seen["sequences"].shape[1:] == (2, 140)
        assert seen["lengths"].shape == (2,)
    refused = run("inspect", "run=run", OURS, "image=me.png")
    assert refused.status == 2
    assert "140 units" in refused.err


SHORT = ("network=mlp", "trainer.device=cpu", "trainer.precision=fp32", "trainer.batch_size=16")


def test_words_go_through_all_commands(snntrain: Callable[..., Outcome], tmp_path: Path) -> None:
    commands(snntrain, tmp_path, (*SHORT, *WORDS, "monitor=off"), 8)


@pytest.mark.slow
def test_a_set_in_the_shape_of_shd_goes_through_all_commands(snntrain: Callable[..., Outcome], tmp_path: Path) -> None:
    data = ("dataset._target_=tests.training.spoken.shd_shaped", "network.hidden=[128]")
    commands(snntrain, tmp_path, (*SHORT, *WORDS, *data), 10)
