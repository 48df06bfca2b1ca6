"""A real run's event files, read back as TensorBoard does."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.plugins.custom_scalar.layout_pb2 import Layout
from tensorboard.summary.writer.record_writer import RecordWriter

from snntrain.inspect import tensorboard
from snntrain.inspect.event_writer import EventWriter
from snntrain.inspect.probe import record
from snntrain.neuron import spiking_layers
from snntrain.training.logs.monitor import Monitor, probe_batch
from snntrain.training.saving import checkpoint
from tests.inspect.event_files import events
from tests.training.jobs import prepared, trained

LAYERS = ("fc1_neuron", "out_neuron")
EPOCHS = 2
SPENT = ("spikes_per_image", "energy_nj_per_image")
COUNTED = ("effective_macs", "effective_acs", "dense_operations", "membrane_updates")
FINAL_KEYS = ("test_accuracy", "test_accuracy_last", "val_accuracy", "images_per_second", *SPENT)
FINAL = [f"final/{key}" for key in FINAL_KEYS]
FINAL += [f"cost/{key}" for key in (*SPENT, *(f"{key}_per_image" for key in COUNTED), "parameters", "parameter_bytes")]
# The tags of every epoch of the convolutional network with PLIF neurons.
CONVOLUTIONAL = ("conv1_neuron", "fc1_neuron", "out_neuron")
SCALARS = [
    *("loss/train", "loss/validation", "accuracy/train", "accuracy/validation"),
    *("training/learning_rate", "training/images_per_second", "training/skipped_steps"),
    *(
        f"{group}/{layer}"
        for group in ("firing_rate", "silent", "saturated", "surrogate_window", "tau")
        for layer in CONVOLUTIONAL
    ),
    *(
        f"gradient_norm/{layer}"
        for layer in ("conv1", "conv1_norm", "conv1_neuron", "fc1", "fc1_neuron", "out", "out_neuron")
    ),
]
FINAL += [f"spikes_per_image/{layer}" for layer in CONVOLUTIONAL]
FINAL += [f"energy_nj_per_image/{layer}" for layer in ("conv1", "fc1", "out")]
HISTOGRAMS = [f"h_minus_threshold/{layer}" for layer in CONVOLUTIONAL]
PICTURES = [f"{kind}/{layer}" for kind in ("spikes", "voltages", "heat_map") for layer in CONVOLUTIONAL]
PICTURES += ["spike_counts/conv1_neuron", "output/spike_counts", "output/confusion"]


def values(accumulator: EventAccumulator, tag: str) -> list[float]:
    assert [event.step for event in accumulator.Scalars(tag)] == [1, 2]
    return [event.value for event in accumulator.Scalars(tag)]


@pytest.fixture(scope="module", params=["plif", "rif"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """Return the neuron of a run, and the run's folder."""
    folder = tmp_path_factory.mktemp(request.param)
    trained(folder, f"neuron={request.param}", f"trainer.epochs={EPOCHS}", "monitor=default", "optimizer.lr=0.01")
    return request.param, folder


def rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_every_tag_is_written_once_per_epoch_and_no_other(tmp_path: Path) -> None:
    network = ("network=csnn", "network.channels=[4]", "network.hidden=[8]", "neuron=plif")
    trained(tmp_path, *network, "monitor=default", "monitor.every=3", "monitor.samples=2", "trainer.epochs=4")
    board = events(tmp_path / "tensorboard")
    tags = board.Tags()
    expected = {"scalars": SCALARS + FINAL, "histograms": HISTOGRAMS, "images": PICTURES}
    for kind, names in expected.items():
        assert sorted(tags[kind]) == sorted(names)
    for tag in SCALARS:
        assert [event.step for event in board.Scalars(tag)] == [1, 2, 3, 4]
    for tag in HISTOGRAMS:
        assert [event.step for event in board.Histograms(tag)] == [1, 2, 3, 4]
    for tag in PICTURES:
        assert [event.step for event in board.Images(tag)] == [1, 3, 4]
    for tag in FINAL:
        assert len(board.Scalars(tag)) == 1
    others = {"config/text_summary", "custom_scalars__config__"}
    others |= {f"_hparams_/{part}" for part in ("session_start_info", "session_end_info")}
    written = [
        (value.tag, event.step)
        for file in (tmp_path / "tensorboard").iterdir()
        for event in EventFileLoader(str(file)).Load()
        for value in event.summary.value
    ]
    assert len(written) == len(set(written))
    assert {tag for tag, _ in written} == {tag for tags in expected.values() for tag in tags} | others


@pytest.mark.parametrize(
    ("overrides", "charts"),
    [
        (
            ("neuron=plif", "monitor=default"),
            {"firing_rate", "silent", "saturated", "surrogate_window", "gradient_norm", "tau"},
        ),
        (("neuron=rif", "monitor=off"), {"firing_rate", "silent", "saturated", "w"}),
        (("neuron=lif", "monitor=off"), {"firing_rate", "silent", "saturated"}),
    ],
)
def test_custom_scalars_group_the_existing_tags(tmp_path: Path, overrides: tuple[str, ...], charts: set[str]) -> None:
    trained(tmp_path, *overrides, "monitor.samples=1")
    board = events(tmp_path / "tensorboard")
    layout = Layout.FromString(board.Tensors("custom_scalars__config__")[0].tensor_proto.string_val[0])
    neurons, training = layout.category
    shown = [
        [tag for tag in board.Tags()["scalars"] if re.match(chart.multiline.tag[0], tag)] for chart in neurons.chart
    ]
    assert {tag.partition("/")[0] for tags in shown for tag in tags} == charts
    assert all(tags for tags in shown)
    assert len(shown) == len(charts)
    assert [chart.title for chart in training.chart] == ["loss", "accuracy"]


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


def test_histograms_hold_every_distance_of_the_probes_from_the_threshold(run: tuple[str, Path]) -> None:
    neuron, folder = run
    board = events(folder / "tensorboard")
    job = prepared(f"neuron={neuron}", "monitor=default")
    checkpoint.restore(job.model.network, folder / "checkpoints" / "last.pt")
    images = probe_batch(job).x
    recordings = record(job.model.network, lambda: job.model(images))
    for layer in LAYERS:
        tag = f"h_minus_threshold/{layer}"
        written = [event.histogram_value for event in board.Histograms(tag)]
        x = recordings[layer].h.astype(np.float64) - 1.0
        assert len(written) == EPOCHS
        assert [sum(histogram.bucket) for histogram in written] == [x.size] * EPOCHS
        last = written[-1]
        assert (last.num, last.min, last.max) == pytest.approx((x.size, x.min(), x.max()), rel=1e-5)
        right = sum(count for limit, count in zip(last.bucket_limit, last.bucket, strict=True) if limit > 0)
        assert right == recordings[layer].s.sum()
        assert "The threshold is at 0" in board.SummaryMetadata(tag).summary_description


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


def test_other_layers_are_neither_drawn_nor_counted(tmp_path: Path) -> None:
    trained(tmp_path, "monitor=default", "monitor.layers=[out*]", "monitor.samples=1")
    tags = events(tmp_path / "tensorboard").Tags()
    assert tags["histograms"] == ["h_minus_threshold/out_neuron"]
    assert {tag for tag in tags["images"] if tag.endswith("_neuron")} >= {"spikes/out_neuron", "voltages/out_neuron"}
    assert not [tag for tag in (*tags["images"], *tags["histograms"]) if "fc1" in tag]
    assert "surrogate_window/fc1_neuron" not in tags["scalars"]
    assert "firing_rate/fc1_neuron" in tags["scalars"]


def test_the_last_epoch_is_drawn_if_training_stops_early(tmp_path: Path) -> None:
    stopping = ("optimizer.lr=1e-20", "trainer.epochs=9", "trainer.early_stopping=2")
    trained(tmp_path, *stopping, "monitor=default", "monitor.samples=1")
    board = events(tmp_path / "tensorboard")
    assert [picture.step for picture in board.Images("spikes/out_neuron")] == [1, 3]


def test_without_a_monitor_there_are_scalars_of_training_and_validation_alone(tmp_path: Path) -> None:
    trained(tmp_path)
    tags = events(tmp_path / "tensorboard").Tags()
    assert tags["images"] == tags["histograms"] == []
    assert {"loss/train", "firing_rate/out_neuron", "silent/out_neuron"} <= set(tags["scalars"])
    assert not [tag for tag in tags["scalars"] if tag.startswith(("gradient_norm/", "surrogate_window/"))]


@pytest.mark.parametrize(
    ("owner", "name", "missing"),
    [
        (tensorboard, "draw", "pictures"),
        (Monitor, "look", "the monitor of the neurons"),
        (EventWriter, "add", "TensorBoard's events"),
        (RecordWriter, "write", "TensorBoard's events"),
        (EventWriter, "close", "TensorBoard's events"),
    ],
)
def test_a_run_survives_errors_of_its_pictures_and_events(
    tmp_path: Path,
    owner: Any,
    name: str,
    missing: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def full(*given: Any, **also: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(owner, name, full)
    summary = trained(tmp_path, "monitor=full", "monitor.samples=1", "trainer.epochs=2")
    assert (summary["status"], summary["epochs"]) == ("completed", 2)
    warnings = [
        record.getMessage() for record in caplog.records if record.name == "snntrain" and record.levelname == "WARNING"
    ]
    assert warnings == [
        f"training continues without {missing} (traceback in train.log): OSError: [Errno 28] No space left on device"
    ]
