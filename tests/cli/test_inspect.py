"""`snntrain inspect`: the files that it writes, compared with a forward pass of the test's own."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from snntrain.config import saved
from snntrain.neuron import spiking_layers
from snntrain.training.evaluation import kept_test as tested
from snntrain.training.evaluation.evaluate import Metrics
from snntrain.training.saving import checkpoint
from tests.conftest import TINY, Outcome, run_in
from tests.training.jobs import prepared_by

LAYERS = ("fc1_neuron", "out_neuron")
KINDS = ("spikes", "voltages", "heat_map")
TAGS = [*(f"{kind}-{layer}" for layer in LAYERS for kind in KINDS), "output-spike_counts", "output-confusion"]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
VOID = {"meta", "link", "img", "br"}
# Attributes that a browser would fetch.
FETCHING = {"src", "href", "xlink:href", "srcset", "action", "data", "poster"}


@pytest.fixture(scope="module")
def inspected(finished_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an inspection of two images by the best weights."""
    folder = tmp_path_factory.mktemp("inspected")
    assert run_in(folder, "inspect", f"run={finished_run}", "sample=3,14", "out=seen") == 0
    return folder / "seen"


class Page(HTMLParser):
    """A page's text, its attributes, and whether every element ends where it should."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.attributes: list[tuple[str, str, str]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, key, value or "") for key, value in attributes]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, key, value or "") for key, value in attributes]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def values(self, tag: str, key: str) -> list[str]:
        return [value for found, name, value in self.attributes if (found, name) == (tag, key)]


def page_of(folder: Path) -> Page:
    return Page((folder / "index.html").read_text(encoding="utf-8"))


def forward(run: Path, indices: list[int], *overrides: str) -> dict[str, np.ndarray]:
    """Run the same images through the best weights and read the neurons' monitors by hand."""
    job = prepared_by(saved.load(run, overrides))
    net = job.model
    net.network.load_state_dict(torch.load(run / "checkpoints" / "best.pt", weights_only=True)["model"])
    net.eval()
    for _, layer in spiking_layers(net.network):
        layer.set_monitor(True)
    images = torch.stack([job.data.test[index] for index in indices]) / job.data.scale
    with torch.no_grad():
        found = {"input": images.numpy(), "output": net(images).numpy()}
    # TINY has ten votes per class.
    found["predicted"] = (10 * found["output"]).round().astype(np.int64).sum(0).argmax(1)
    for name, layer in spiking_layers(net.network):
        assert layer.monitor
        found |= {f"{name}/{key}": np.stack(values) for key, values in layer.monitor.items()}
    # Spikes of each class, over all of its votes.
    found["scores"] = (10 * found["output"]).round().astype(np.float64).sum(0)
    return found | {"labels": job.data.test.labels[indices].numpy(), "class_names": np.array(job.data.class_names)}


def test_the_recordings_are_those_of_a_forward_pass_of_the_checkpoint(inspected: Path, finished_run: Path) -> None:
    expected = forward(finished_run, [3, 14])
    with np.load(inspected / "recordings.npz", allow_pickle=False) as seen:
        assert set(seen) == set(expected)
        for key, values in expected.items():
            np.testing.assert_array_equal(seen[key], values, err_msg=key)
        assert seen["fc1_neuron/s"].dtype == bool
        assert seen["fc1_neuron/h"].shape == (4, 2, 16)


def test_every_picture_is_there_as_png_and_svg(inspected: Path) -> None:
    files = {f"{tag}.{ending}" for tag in TAGS for ending in ("png", "svg")}
    assert {path.name for path in inspected.iterdir()} == files | {"index.html", "recordings.npz"}
    for tag in TAGS:
        assert len(Image.open(inspected / f"{tag}.png").convert("RGB").getcolors(10**6)) > 1
        text = (inspected / f"{tag}.svg").read_text(encoding="utf-8")
        words = [
            "".join(element.itertext()) for element in ElementTree.fromstring(text).iter() if "text" in element.tag
        ]
        assert any(word.startswith("image 1, class") for word in words) or tag == "output-confusion"


def test_the_command_reports_its_findings_and_then_the_path_of_the_page(
    snntrain: Callable[..., Outcome], finished_run: Path, tmp_path: Path
) -> None:
    outcome = snntrain("inspect", f"run={finished_run}", "sample=3", "layer=out*", "out=a/b")
    assert (outcome.status, outcome.err) == (0, "")
    labels = forward(finished_run, [3])["labels"]
    assert f"image 1  test image 3, class {labels[0]}, taken for " in outcome.out
    assert outcome.out.splitlines()[-1] == "a/b/index.html"
    assert (tmp_path / "a/b/index.html").is_file()
    with np.load(tmp_path / "a/b/recordings.npz") as seen:
        assert {key.partition("/")[0] for key in seen if "/" in key} == {"out_neuron"}


def test_the_default_samples_are_one_per_class_and_the_default_folder_is_the_runs_own(
    snntrain: Callable[..., Outcome], finished_run: Path, tmp_path: Path
) -> None:
    shutil.copytree(finished_run, tmp_path / "run")
    assert snntrain("inspect", "run=run", "monitor.samples=6", "T=2").status == 0
    with np.load(tmp_path / "run/inspect/recordings.npz") as seen:
        assert seen["labels"].tolist() == [0, 1, 2, 3, 4, 5]
        assert seen["out_neuron/v"].shape[:2] == (2, 6)


@pytest.mark.parametrize(
    ("override", "known"),
    [((), True), (("monitor.samples=2",), True), (("T=2",), False), (("checkpoint=last",), False)],
)
def test_results_of_the_runs_own_test_are_not_measured_again(
    override: tuple[str, ...], known: bool, snntrain: Callable[..., Outcome], finished_run: Path, tmp_path: Path
) -> None:
    shutil.copytree(finished_run, tmp_path / "run")
    network = prepared_by(saved.load(finished_run, [])).evaluated.network
    checkpoint.restore(network, finished_run / "checkpoints" / "best.pt")
    # A wrong value, so that it differs from a measured one.
    confusion = torch.eye(10, dtype=torch.int64)
    tested.write(tmp_path / "run", {"best": tested.entry(network, Metrics(0.125, 1.0, confusion, 5))})
    assert snntrain("inspect", "run=run", "sample=0", "layer=out_neuron", "out=seen", *override).status == 0
    words = " ".join(" ".join(page_of(tmp_path / "seen").words).split())
    assert ("test accuracy 1.0000 test loss 0.1250" in words) is known


def figures(folder: Path) -> dict[str, str]:
    """Return the figures at the head of the page, by name."""
    text = (folder / "index.html").read_text(encoding="utf-8")
    return dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", text))


@pytest.mark.parametrize(
    ("words", "of_best"),
    [
        ((), True),
        (("checkpoint=best", "monitor.samples=2", "trainer.device=cpu"), True),
        (("checkpoint=last",), False),
        (("T=9", "reset=soft"), False),
    ],
)
def test_the_validation_accuracy_is_shown_only_for_the_weights_and_settings_it_was_measured_with(
    words: tuple[str, ...], of_best: bool, snntrain: Callable[..., Outcome], finished_run: Path, tmp_path: Path
) -> None:
    reported = json.loads((finished_run / "summary.json").read_text())
    command = (f"run={finished_run}", *words)
    assert snntrain("inspect", *command, "sample=0", "layer=out_neuron", "out=seen").status == 0
    shown = figures(tmp_path / "seen")
    assert shown.get("validation accuracy") == (f"{reported['val_accuracy']:.4f}" if of_best else None)
    evaluated = snntrain("eval", *command).out
    assert f"test accuracy {shown['test accuracy']}\ntest loss     {shown['test loss']}\n" in evaluated
    assert re.search(rf"^test ties     {shown['test ties']} of 359 are tied", evaluated, re.MULTILINE)
    for name, key in (("epochs trained", "epochs"), ("parameters", "parameters")):
        assert int(shown[name].replace(",", "")) == reported[key]
    assert int(shown["whole run took, s"]) == round(reported["wall_seconds"])


@pytest.mark.parametrize(
    ("words", "message"), [((), "validated and tested on"), (("checkpoint=last",), "tested on"), (("T=2",), None)]
)
def test_figures_that_were_measured_on_another_device_say_so(
    words: tuple[str, ...], message: str | None, snntrain: Callable[..., Outcome], finished_run: Path, tmp_path: Path
) -> None:
    shutil.copytree(finished_run, tmp_path / "run")
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    there = summary | {"device": "cuda", "device_name": "NVIDIA H200", "precision": "bf16"}
    (tmp_path / "run" / "summary.json").write_text(json.dumps(there))
    assert snntrain("inspect", "run=run", "sample=0", "layer=out_neuron", "out=seen", *words).status == 0
    assert [key for key, value in figures(tmp_path / "seen").items() if value == "NVIDIA H200, bf16"] == (
        [message] if message else []
    )


def test_the_latest_run_is_inspected_and_named_in_the_command_of_the_page(
    snntrain: Callable[..., Outcome], finished_run: Path, tmp_path: Path
) -> None:
    shutil.copytree(finished_run, tmp_path / "outputs" / "run")
    assert snntrain("inspect", "run=latest", "sample=0", "layer=out_neuron").status == 0
    words = " ".join(page_of(tmp_path / "outputs/run/inspect").words)
    assert "snntrain inspect run=outputs/run sample=0 layer=out_neuron" in words


def test_an_image_of_the_users_own_is_inspected(
    snntrain: Callable[..., Outcome], finished_run: Path, tmp_path: Path
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8), np.uint8)
    Image.fromarray(pixels.repeat(10, 0).repeat(10, 1)).convert("RGB").save(tmp_path / "my digit.png")
    outcome = snntrain("inspect", f"run={finished_run}", "image=my digit.png", "out=seen")
    assert outcome.status == 0
    assert "image 1  my digit.png: made grey, scaled from 80x80 to 8x8, taken for " in outcome.out
    assert "'image=my digit.png'" in "".join(page_of(tmp_path / "seen").words)
    with np.load(tmp_path / "seen/recordings.npz") as seen:
        assert seen["labels"].tolist() == [-1]
        assert seen["input"].shape == (1, 1, 8, 8)


def test_inspecting_again_overwrites_its_own_files_and_no_others(
    snntrain: Callable[..., Outcome], finished_run: Path, tmp_path: Path
) -> None:
    (tmp_path / "seen").mkdir()
    (tmp_path / "seen" / "notes.txt").write_text("mine")
    command = ("inspect", f"run={finished_run}", "layer=out_neuron", "out=seen")
    assert snntrain(*command, "sample=0").status == 0
    first = {path.name: path.read_bytes() for path in (tmp_path / "seen").iterdir()}
    assert snntrain(*command, "sample=1").status == 0
    second = {path.name: path.read_bytes() for path in (tmp_path / "seen").iterdir()}
    assert first.keys() == second.keys()
    assert second["notes.txt"] == b"mine"
    assert first["index.html"] != second["index.html"]
    assert snntrain(*command, "sample=0").status == 0
    assert {path.name: path.read_bytes() for path in (tmp_path / "seen").iterdir()} == first


def test_a_file_that_cannot_be_replaced_leaves_the_others_as_they_were(
    snntrain: Callable[..., Outcome], finished_run: Path, tmp_path: Path
) -> None:
    (tmp_path / "seen" / "spikes-out_neuron.png").mkdir(parents=True)
    outcome = snntrain("inspect", f"run={finished_run}", "layer=out_neuron", "sample=0", "out=seen")
    assert outcome.status == 2
    assert "out=seen: cannot be written" in outcome.err
    assert [path.name for path in (tmp_path / "seen").iterdir()] == ["spikes-out_neuron.png"]


def test_the_page_needs_nothing_from_elsewhere(inspected: Path) -> None:
    page = page_of(inspected)
    fetched = [value for _, key, value in page.attributes if key in FETCHING]
    assert fetched
    assert all(value.startswith(("data:", "#")) for value in fetched)
    text = (inspected / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"https?:|@import|<script|<iframe|url\((?!#)", text)


def test_the_page_is_whole_and_its_names_are_its_own(inspected: Path) -> None:
    page = page_of(inspected)
    assert page.open == []
    names = [value for _, key, value in page.attributes if key == "id"]
    assert len(names) == len(set(names))
    used = [value.removeprefix("#") for _, key, value in page.attributes if key in FETCHING and value.startswith("#")]
    used += re.findall(r"url\(#([^)]*)\)", " ".join(value for *_, value in page.attributes))
    assert used
    assert set(used) <= set(names)


def test_the_page_shows_images_classes_figures_and_layers(inspected: Path, finished_run: Path) -> None:
    page = page_of(inspected)
    words = " ".join(page.words)
    seen = forward(finished_run, [3, 14])
    for number, index in enumerate((3, 14)):
        true, guess = seen["labels"][number], seen["predicted"][number]
        assert re.search(rf"image {number + 1}\s+test image {index}\s+true class\s+{true}\s+predicted\s+{guess}", words)
    rate = seen["fc1_neuron/s"].mean()
    silent = 100 * (seen["fc1_neuron/s"].sum((0, 1)) == 0).mean()
    saturated = 100 * (seen["fc1_neuron/s"].mean((0, 1)) == 1).mean()
    assert re.search(rf"fc1_neuron\s+16\s+{rate:.4f}\s+{silent:.1f} %\s+{saturated:.1f} %", words)
    assert "tau" in words
    assert f"snntrain inspect run={finished_run} sample=3,14 out=seen" in words
    inputs = [base64.b64decode(value.partition(",")[2]) for value in page.values("img", "src")]
    for image, expected in zip(inputs, seen["input"], strict=True):
        np.testing.assert_allclose(np.asarray(Image.open(io.BytesIO(image)))[..., 0], 255 * expected[0], atol=0.51)


def test_a_run_named_like_a_script_is_shown_and_not_executed(snntrain: Callable[..., Outcome], tmp_path: Path) -> None:
    name = "<script>alert(1)</script>"
    assert snntrain(*TINY, "monitor=off", f"name='{name}'", "hydra.run.dir=run").status == 0
    assert snntrain("inspect", "run=run", "sample=0", "out=<b>&amp;").status == 0
    text = (tmp_path / "<b>&amp;" / "index.html").read_text(encoding="utf-8")
    assert "<script" not in text
    assert "<b>&amp;" not in text
    assert name in Page(text).words


def test_feature_maps_are_shown_by_channel(snntrain: Callable[..., Outcome], tmp_path: Path) -> None:
    small = ("network=csnn", "network.channels=[3]", "network.hidden=[]", "debug=smoke", "monitor=off")
    assert snntrain(*small, "trainer.device=cpu", "hydra.run.dir=run").status == 0
    assert snntrain("inspect", "run=run", "sample=0", "layer=conv1*", "out=seen").status == 0
    assert (tmp_path / "seen" / "spike_counts-conv1_neuron.svg").is_file()
    with np.load(tmp_path / "seen" / "recordings.npz") as seen:
        assert seen["conv1_neuron/s"].shape == (4, 1, 3, 8, 8)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
def test_a_browser_reports_no_errors(inspected: Path, tmp_path: Path) -> None:
    flags = (
        *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
        *(
            "--disable-sync",
            "--enable-logging=stderr",
            "--v=0",
            f"--user-data-dir={tmp_path}",
            "--window-size=1200,900",
        ),
    )
    shot = tmp_path / "shot.png"
    command = [str(CHROMIUM), *flags, f"--screenshot={shot}", (inspected / "index.html").as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert "CONSOLE" not in done.stderr
    assert len(Image.open(shot).convert("RGB").getcolors(10**6)) > 100


def test_inspect_shows_its_usage(snntrain: Callable[..., Outcome]) -> None:
    outcome = snntrain("inspect", "--help")
    assert outcome.status == 0
    assert outcome.out.startswith("snntrain inspect run=<folder>")
