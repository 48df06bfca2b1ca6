"""A real run's event files, read back as TensorBoard does."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from snntrain.inspect.probe import Recording, record
from snntrain.inspect.tensorboard import Board
from snntrain.neuron import spiking_layers
from snntrain.training import checkpoint
from snntrain.training.journal import probe_batch
from tests.training.jobs import prepared, trained

LAYERS = ("fc1_neuron", "out_neuron")
EPOCHS = 2


def events(folder: Path) -> EventAccumulator:
    kept = {"scalars": 0, "images": 0, "histograms": 0, "compressedHistograms": 0, "tensors": 0}
    accumulator = EventAccumulator(str(folder), size_guidance=kept)
    accumulator.Reload()
    return accumulator


def values(accumulator: EventAccumulator, tag: str) -> list[float]:
    assert [event.step for event in accumulator.Scalars(tag)] == [1, 2]
    return [event.value for event in accumulator.Scalars(tag)]


@pytest.fixture(scope="module", params=["plif", "rif"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The neuron of a run, and its folder."""
    folder = tmp_path_factory.mktemp(request.param)
    trained(folder, f"neuron={request.param}", f"trainer.epochs={EPOCHS}", "monitor=default", "optimizer.lr=0.01")
    return request.param, folder


def rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_every_tag_is_there(run: tuple[str, Path]) -> None:
    neuron, folder = run
    tags = events(folder / "tensorboard").Tags()
    learnt = {"plif": "tau", "rif": "w"}[neuron]
    final = {f"final/{key}" for key in ("test_accuracy", "test_accuracy_last", "val_accuracy", "images_per_second")}
    assert set(tags["scalars"]) == final | {
        *("loss/train", "loss/validation", "accuracy/train", "accuracy/validation"),
        *("training/learning_rate", "training/images_per_second"),
        *(f"firing_rate/{layer}" for layer in LAYERS),
        *(f"{learnt}/{layer}" for layer in LAYERS),
    }
    assert set(tags["images"]) == {f"{kind}/{layer}" for kind in ("spikes", "voltages") for layer in LAYERS}
    assert set(tags["histograms"]) == {f"h_before_reset/{layer}" for layer in LAYERS}


def test_scalars_are_those_of_the_metrics_file(run: tuple[str, Path]) -> None:
    _, folder = run
    board = events(folder / "tensorboard")
    for tag, key in {
        "loss/train": "train_loss",
        "loss/validation": "val_loss",
        "accuracy/train": "train_accuracy",
        "accuracy/validation": "val_accuracy",
        "training/learning_rate": "learning_rate",
    }.items():
        assert values(board, tag) == pytest.approx([row[key] for row in rows(folder)], rel=1e-6)
    for layer in LAYERS:
        rates = [row["firing_rates"][layer] for row in rows(folder)]
        assert values(board, f"firing_rate/{layer}") == pytest.approx(rates, rel=1e-6, abs=1e-12)


def test_learnt_constants_are_those_of_the_checkpoint(run: tuple[str, Path]) -> None:
    neuron, folder = run
    board = events(folder / "tensorboard")
    job = prepared(f"neuron={neuron}")
    checkpoint.restore(job.model.network, folder / "checkpoints" / "last.pt")
    for name, layer in spiking_layers(job.model.network):
        tag, value = (f"tau/{name}", layer.tau()) if neuron == "plif" else (f"w/{name}", layer.w().item())
        assert values(board, tag)[-1] == pytest.approx(value, rel=1e-6)
        assert len(set(values(board, tag))) == EPOCHS


def test_histograms_hold_every_potential_of_the_probes(run: tuple[str, Path]) -> None:
    neuron, folder = run
    board = events(folder / "tensorboard")
    job = prepared(f"neuron={neuron}", "monitor=default")
    checkpoint.restore(job.model.network, folder / "checkpoints" / "last.pt")
    images, _ = probe_batch(job)
    recordings = record(job.model.network, lambda: job.model(images))
    for layer in LAYERS:
        written = [event.histogram_value for event in board.Histograms(f"h_before_reset/{layer}")]
        h = recordings[layer].h.astype(np.float64)
        assert len(written) == EPOCHS
        assert [sum(histogram.bucket) for histogram in written] == [h.size] * EPOCHS
        last = written[-1]
        assert (last.num, last.min, last.max) == pytest.approx((h.size, h.min(), h.max()), rel=1e-6)
        assert (last.sum, last.sum_squares) == pytest.approx((h.sum(), np.square(h).sum()), rel=1e-6)
        below = [int((h <= limit).sum()) for limit in last.bucket_limit]
        np.testing.assert_allclose(np.cumsum(last.bucket), below, atol=2)


def test_pictures_can_be_opened(run: tuple[str, Path]) -> None:
    _, folder = run
    board = events(folder / "tensorboard")
    for tag in board.Tags()["images"]:
        pictures = board.Images(tag)
        assert [picture.step for picture in pictures] == [1, 2]
        for picture in pictures:
            image = Image.open(io.BytesIO(picture.encoded_image_string))
            assert image.size == (picture.width, picture.height)
            assert len(image.convert("RGB").getcolors(10**6)) > 1


def test_the_configuration_is_a_text(run: tuple[str, Path]) -> None:
    _, folder = run
    (event,) = events(folder / "tensorboard").Tensors("config/text_summary")
    text = event.tensor_proto.string_val[0].decode()
    lines = [line.removeprefix("    ") for line in text.splitlines()]
    assert lines == (folder / "config.yaml").read_text().splitlines()


def test_hyper_parameters_and_final_figures_are_in_the_run(run: tuple[str, Path]) -> None:
    neuron, folder = run
    board = events(folder / "tensorboard")
    assert not [path for path in (folder / "tensorboard").iterdir() if path.is_dir()]
    plugin = board.summary_metadata["_hparams_/session_start_info"].plugin_data
    content = plugin.content.decode("latin-1")
    for key in ("T", "seed", "neuron", "optimizer.lr", "reset.v_reset", "trainer.batch_size", "dataset"):
        assert key in content
    assert {"plif": "PLIFNode", "rif": "RIFNode"}[neuron] in content
    summary = json.loads((folder / "summary.json").read_text())
    (accuracy,) = board.Scalars("final/test_accuracy")
    assert accuracy.value == pytest.approx(summary["test_accuracy"], rel=1e-6)


def test_recordings_come_as_often_as_asked(tmp_path: Path) -> None:
    trained(tmp_path, "monitor=default", "monitor.every=2", "trainer.epochs=5", "trainer.limit_batches=1")
    board = events(tmp_path / "tensorboard")
    for tag in ("spikes/out_neuron", "voltages/fc1_neuron"):
        assert [picture.step for picture in board.Images(tag)] == [2, 4]
    assert len(board.Scalars("loss/train")) == 5


def test_without_a_monitor_there_are_scalars_alone(tmp_path: Path) -> None:
    trained(tmp_path)
    tags = events(tmp_path / "tensorboard").Tags()
    assert tags["images"] == tags["histograms"] == []
    assert "loss/train" in tags["scalars"]


def test_a_histogram_leaves_out_what_is_no_number(tmp_path: Path) -> None:
    h = np.array([0.0, 1.0, np.nan, np.inf, 3.0], np.float32).reshape(5, 1, 1)
    with Board(tmp_path) as board:
        board.recordings(1, {"some": Recording(h, h, h > 1, 1.0, 0.0)}, ["a"], rows=4)
        nothing = np.full_like(h, np.nan)
        board.recordings(1, {"none": Recording(nothing, nothing, h > 1, 1.0, 0.0)}, ["a"], rows=4)
    written = events(tmp_path)
    assert written.Tags()["histograms"] == ["h_before_reset/some"]
    (event,) = written.Histograms("h_before_reset/some")
    assert (sum(event.histogram_value.bucket), event.histogram_value.max) == (3, 3.0)


def test_a_resumed_board_hides_what_it_writes_again(tmp_path: Path) -> None:
    with Board(tmp_path) as board:
        for step in (1, 2, 3):
            board.scalars(step, {"loss/train": float(step)})
    with Board(tmp_path, purge_step=2) as board:
        board.scalars(2, {"loss/train": 20.0})
    assert [(event.step, event.value) for event in events(tmp_path).Scalars("loss/train")] == [(1, 1.0), (2, 20.0)]


def test_scalars_that_are_no_numbers_are_written_as_such(tmp_path: Path) -> None:
    with Board(tmp_path) as board:
        board.scalars(1, {"tau/layer": math.inf, "loss/train": torch.tensor(0.5).item()})
    assert [event.value for event in events(tmp_path).Scalars("tau/layer")] == [math.inf]
