"""`snntrain data`: lists, fetches and shows data sets, and clears their caches."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from snntrain.cli.complete import completions
from snntrain.config.compose import CONF
from snntrain.runs import summary as summaries
from tests.conftest import TINY, Outcome
from tests.data.files import NO_NETWORK, write_mnist
from tests.data.sets.layouts import write_cifar10_dvs, write_nmnist, write_spikes

Command = Callable[..., Outcome]


REAL = Path(os.environ.get("SNNTRAIN_DATA", "nowhere")) / "NMNIST" / "Train"


@pytest.fixture(autouse=True)
def _root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNNTRAIN_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, NO_NETWORK)


def rows(out: str) -> dict[str, list[str]]:
    """Return the cells of each data set."""
    table = out.split("\n\n")[1].splitlines()
    return {cells[0]: cells for cells in (re.split(r"\s{2,}", line) for line in table)}


# ---- list ------------------------------------------------------------------------------------------------------------


def test_all_sets_are_listed_with_their_state(snntrain: Command, tmp_path: Path) -> None:
    write_mnist(tmp_path / "data")
    write_nmnist(tmp_path / "data", test=None)
    outcome = snntrain("data", "list")
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.out.startswith("data root: data ($SNNTRAIN_DATA)\n")
    found = rows(outcome.out)
    assert {path.stem for path in CONF.glob("dataset/*.yaml")} == found.keys() - {"data set"}
    assert found["mnist"][1:6] == ["60,000 + 10,000", "1x28x28", "10", "CC BY-SA 3.0", "yes"]
    assert found["nmnist"][1:6] == ["60,000 + 10,000", "2x34x34", "10", "CC BY-SA 4.0", "lacks Test"]
    assert found["nmnist"][-1] == "https://www.garrickorchard.com/datasets/n-mnist"
    assert found["ssc"][1] == "75,466 + 9,981 + 20,382"
    assert found["digits"][5] == "yes"
    assert found["shd"][5] == "no"
    assert found["dvs128_gesture"][5] == "no, by hand"


def test_the_list_is_what_data_alone_shows(snntrain: Command) -> None:
    assert snntrain("data") == snntrain("data", "list")


def test_the_data_root_may_be_named_and_own_sets_are_listed(snntrain: Command, tmp_path: Path) -> None:
    write_mnist(tmp_path / "other")
    (tmp_path / "conf" / "dataset").mkdir(parents=True)
    (tmp_path / "conf" / "dataset" / "mine.yaml").write_text("defaults: [digits, _self_]\n_target_: mine.load\n")
    out = snntrain("data", "list", f"dataset.root={tmp_path / 'other'}", "--config-dir", "conf").out
    assert "data root: other (dataset.root)" in out
    assert rows(out)["mnist"][5] == "yes"
    assert rows(out)["mine"] == ["mine", "your own", "mine.load"]


def test_converted_recordings_are_listed_with_their_size_and_cleared(snntrain: Command, tmp_path: Path) -> None:
    write_nmnist(tmp_path / "data")
    write_cifar10_dvs(tmp_path / "data", range(20))
    for name in ("nmnist", "cifar10_dvs"):
        assert snntrain("data", "show", f"dataset={name}", "T=2").status == 0
    assert re.fullmatch(r"[\d.]+ MB", rows(snntrain("data", "list").out)["nmnist"][6])
    outcome = snntrain("data", "clear", "nmnist")
    assert (outcome.status, outcome.err) == (0, "")
    assert len(re.findall(r"^deleted .*nmnist-(?:train|test)-\w+\.frames, [\d.]+ MB$", outcome.out, re.MULTILINE)) == 2
    assert re.search(r"^[\d.]+ MB freed below data$", outcome.out, re.MULTILINE)
    listed = rows(snntrain("data", "list").out)
    assert "MB" not in listed["nmnist"][6]
    assert "MB" in listed["cifar10_dvs"][6]
    assert snntrain("data", "clear").out.count("deleted") == 1
    assert snntrain("data", "clear").out == "0.0 MB freed below data\n"


# ---- get -------------------------------------------------------------------------------------------------------------


def test_a_complete_set_is_not_downloaded_again(snntrain: Command, tmp_path: Path) -> None:
    write_mnist(tmp_path / "data")
    outcome = snntrain("data", "get", "mnist", "digits")
    assert outcome == Outcome(0, "mnist: data/MNIST/raw, complete before\ndigits: part of the package\n", "")


def test_what_to_do_by_hand_is_shown(snntrain: Command, tmp_path: Path) -> None:
    outcome = snntrain("data", "get", "dvs128_gesture")
    assert outcome.status == 2
    assert "download DvsGesture.tar.gz from https://ibm.ent.box.com" in outcome.err
    assert f"{tmp_path / 'data' / 'DVSGesture'} lacks DvsGesture" in outcome.err
    assert "ibmGestureTrain" in snntrain("data", "get", "dvs128_gesture", "dataset.layout=tonic").err


# ---- show ------------------------------------------------------------------------------------------------------------


def test_an_image_is_shown(snntrain: Command, tmp_path: Path) -> None:
    outcome = snntrain("data", "show", "dataset=digits", "sample=3", "split=test", "out=pictures")
    assert (outcome.status, outcome.err) == (0, "")
    title, what, path = outcome.out.splitlines()
    assert title.startswith("digits, test sample 3: ")
    assert re.fullmatch(r"1x8x8 \(channels x height x width\): values up to 15 of 16, [\d.]+% above 0", what)
    assert path == "pictures/digits-test-3.png"
    assert [file.name for file in (tmp_path / "pictures").iterdir()] == ["digits-test-3.png"]
    assert Image.open(tmp_path / path).size[0] > 100


def test_a_recording_is_shown_as_a_picture_and_an_animation(snntrain: Command, tmp_path: Path) -> None:
    write_nmnist(tmp_path / "data")
    outcome = snntrain("data", "show", "dataset=nmnist", "T=5", "split=test", "sample=19")
    assert (outcome.status, outcome.err) == (0, "")
    title, what, png, gif = outcome.out.splitlines()
    assert title == "nmnist, test sample 19: 9"
    assert what.startswith("5x2x34x34 (T x channels x height x width): 60 events counted, at most ")
    assert Image.open(tmp_path / png).format == "PNG"
    with Image.open(tmp_path / gif) as animation:
        assert (animation.format, animation.n_frames) == ("GIF", 5)


def test_spikes_of_units_are_shown_without_their_padding(snntrain: Command, tmp_path: Path) -> None:
    write_spikes(tmp_path / "data", "shd", "train", 20, [index // 2 for index in range(20)])
    write_spikes(tmp_path / "data", "shd", "test", 6)
    outcome = snntrain("data", "show", "dataset=shd", "split=test", "sample=0")
    assert (outcome.status, outcome.err) == (0, "")
    assert "6x140 (T x units): 3 events counted, at most 1 in one place" in outcome.out


# ---- wrong words -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("lst", "data lst: there is no such action (did you mean list?); give one of list, get, show, clear"),
        ("list mnist", "data list mnist: list takes no name; it shows all data sets"),
        ("list T=4", "T=4: data list takes dataset.root=<folder>, and no other key"),
        ("get digits T=4", "T=4: must be a key of the data set, as dataset.root=<folder>"),
        ("get", "data get: needs the names of data sets, as in snntrain data get nmnist"),
        ("get mnst", "mnst: there is no such data set (did you mean mnist?); the data sets are cifar10"),
        ("get digits dataset.layout=tonic", "dataset.layout=tonic: "),
        ("show split=tset", "split=tset: must be one of train, validation, test"),
        ("show sample=1797", "sample=1797: must be the index of a train sample, 0 to "),
        ("show sample=-1", "sample=-1: must be the index of a train sample"),
        ("show sample=", "sample=: needs a value, as in sample=3, split=test or out=pictures"),
        ("show dataset=mnst", "dataset=mnst: no dataset 'mnst'"),
        ("show out=/proc/none/x", "out=/proc/none/x: cannot be written"),
        ("clear nmnist", "data clear nmnist: no converted recordings of it below "),
        ("clear T=4", "T=4: data clear takes dataset.root=<folder>, and no other key"),
        ("list -m", "--multirun: data takes overrides and --config-dir"),
    ],
)
def test_words_that_cannot_be_used_are_refused(words: str, message: str, snntrain: Command) -> None:
    outcome = snntrain("data", *words.split())
    assert (outcome.status, outcome.out) == (2, "")
    assert outcome.err.startswith(f"snntrain: {message}")
    assert len(outcome.err.splitlines()) == 1


def test_data_shows_its_usage(snntrain: Command) -> None:
    assert snntrain("data", "--help").out.startswith("snntrain data list [dataset.root=<folder>]")


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("snntrain dat", ["data", "dataset.", "dataset/", "dataset=", "dataset/augment="]),
        ("snntrain data g", ["get"]),
        ("snntrain data get nm", ["nmnist"]),
        ("snntrain data get nmnist sh", ["shd", "show"]),
        ("snntrain data show dataset=nm", ["dataset=nmnist"]),
        ("snntrain data show dataset=nmnist sa", ["sample="]),
    ],
)
def test_the_tab_key_offers_actions_sets_and_keys(line: str, offered: list[str]) -> None:
    found = completions(line)
    assert found
    assert set(found) <= set(offered)


# ---- end to end ------------------------------------------------------------------------------------------------------


def test_nmnist_trains_is_tested_and_resumed(snntrain: Command, tmp_path: Path) -> None:
    write_nmnist(tmp_path / "data", train=4, test=1)
    small = (*TINY, "dataset=nmnist", "T=3", "dataset.workers=0", "trainer.batch_size=8", "dataset.validation=0.25")
    assert snntrain(*small, "hydra.run.dir=run").status == 0
    evaluated = snntrain("eval", "run=run")
    assert evaluated.status == 0
    assert "nmnist: 10 test images" in evaluated.out
    assert snntrain("resume=run", "trainer.epochs=2").status == 0


@pytest.mark.slow
@pytest.mark.skipif(not REAL.is_dir(), reason="there is no NMNIST/Train below $SNNTRAIN_DATA")
def test_real_recordings_are_learnt_tested_and_resumed_to_the_same_bits(snntrain: Command, tmp_path: Path) -> None:
    for digit in range(10):
        folder = tmp_path / "data" / "NMNIST" / "Train" / str(digit)
        folder.mkdir(parents=True)
        for path in sorted((REAL / str(digit)).iterdir())[:12]:
            shutil.copyfile(path, folder / path.name)
    keys = (
        "dataset=nmnist",
        "dataset.test=0.25",
        "dataset.resident=always",
        "T=4",
        "network=mlp",
        "network.hidden=[64]",
    )
    run = (*keys, "trainer.batch_size=10", "trainer.device=cpu", "trainer.precision=fp32", "monitor=off")
    assert snntrain(*run, "trainer.epochs=8", "hydra.run.dir=whole").status == 0
    whole = summaries.read(tmp_path / "whole").known
    # Chance is 0.1.
    assert whole["test_accuracy"] > 0.25
    assert snntrain("eval", "run=whole").status == 0
    assert snntrain(*run, "trainer.epochs=8", "trainer.pause_after=3", "hydra.run.dir=parts").status == 0
    assert snntrain("resume=parts", "trainer.pause_after=null").status == 0
    parts = summaries.read(tmp_path / "parts").known
    assert [parts[key] for key in ("test_accuracy", "val_accuracy", "best_epoch")] == [
        whole[key] for key in ("test_accuracy", "val_accuracy", "best_epoch")
    ]
