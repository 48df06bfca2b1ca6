"""The places that report the cost of a run: its summary, TensorBoard, `snntrain eval`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from snntrain.config import saved
from snntrain.cost.count import Cost
from snntrain.cost.table import KEYS
from snntrain.neuron import reset_net
from snntrain.training.evaluation.on_test_images import metrics_on_test
from snntrain.training.saving import checkpoint
from tests.conftest import Outcome
from tests.training.jobs import prepared, prepared_by


def test_a_run_reports_the_cost_of_the_test_images_by_its_best_weights(finished_run: Path) -> None:
    job = prepared_by(saved.load(finished_run, ["trainer.eval_batch_size=100"]))
    net = job.evaluated.network
    checkpoint.restore(net, finished_run / "checkpoints" / "best.pt")
    net.eval()
    with torch.no_grad(), Cost(net) as cost:
        for batch in job.validation.epoch():
            net(job.model.encoder(batch.x))
            reset_net(net)
    of_others = cost.figures(len(job.data.validation))
    with Cost(net) as cost:
        metrics_on_test(job)
    reported = json.loads((finished_run / "summary.json").read_text())["cost"]
    assert reported == cost.figures(359) != of_others
    assert list(reported) == [*KEYS, "layers"]
    assert list(reported["layers"]) == ["fc1", "fc1_neuron", "out", "out_neuron"]


def test_tensorboard_has_the_cost_of_the_run(finished_run: Path) -> None:
    reported = json.loads((finished_run / "summary.json").read_text())["cost"]
    events = EventAccumulator(str(finished_run / "tensorboard"))
    events.Reload()
    for key in KEYS:
        (event,) = events.Scalars(f"cost/{key}")
        assert (event.step, event.value) == (2, pytest.approx(reported[key], rel=1e-6))
    for key in ("spikes_per_image", "energy_nj_per_image"):
        assert events.Scalars(f"final/{key}")[0].value == pytest.approx(reported[key], rel=1e-6)


def test_eval_reports_the_same_cost_with_its_assumption(snntrain: Callable[..., Outcome], finished_run: Path) -> None:
    reported = json.loads((finished_run / "summary.json").read_text())["cost"]
    out = snntrain("eval", f"run={finished_run}").out
    *_, total, assumption = out.splitlines()
    assert total.split() == [
        "total",
        *(f"{reported[k]:,.1f}" for k in KEYS[:6]),
        *(f"{reported[k]:,}" for k in KEYS[6:]),
    ]
    assert "4.6 pJ per MAC, 0.9 pJ per AC" in assumption
    (row,) = (line for line in out.splitlines() if line.startswith("  fc1 ") and len(line.split()) > 2)
    assert row.split()[1] == f"{reported['layers']['fc1']['effective_macs_per_image']:,.1f}"


@pytest.mark.parametrize("encoder", ["direct", "poisson", "latency"])
@pytest.mark.parametrize(
    "network",
    [
        ("network=csnn", "network.channels=[3,4]", "network.pool=max", "network.votes=1"),
        ("network=csnn", "network.channels=[3,4]", "network.pool=avg", "network.dropout=0.5"),
        ("network=mlp", "network.votes=3"),
    ],
)
def test_every_network_behind_every_encoder_is_counted_and_gives_the_same_answers(
    network: tuple[str, ...], encoder: str
) -> None:
    job = prepared(*network, f"encoder={encoder}", "neuron.v_threshold=0.2")
    with Cost(job.evaluated.network) as cost:
        counted = metrics_on_test(job)
    plain = metrics_on_test(job)
    assert (counted.loss, counted.accuracy) == (plain.loss, plain.accuracy)
    figures = cost.figures(359)
    assert None not in figures.values()
    first = next(layer for layer in figures["layers"].values() if "dense_operations_per_image" in layer)
    assert (first["effective_macs_per_image"] > 0) == (encoder == "direct")
    done = [layer["effective_macs_per_image"] + layer["effective_acs_per_image"] for layer in (first, figures)]
    assert 0 < done[0] < done[1] < figures["dense_operations_per_image"]
