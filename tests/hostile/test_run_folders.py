"""Run folders with damaged, foreign or hostile files: reported in one line, or read as far as possible."""

import json
import os
import random
import shutil
import warnings
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from snntrain.config import saved
from snntrain.errors import UserError
from snntrain.report.files import write
from snntrain.report.report import make
from snntrain.runs.find import find
from tests.conftest import TINY, Outcome
from tests.report.folders import write_run

from .fuzz import FACTOR, Tried, damages, dice, is_readable, output_is_readable

NINE = ",".join(["*{0}"] * 9)
LETTERS = "abcdefghi"
# Each would expand to more than any memory or stack holds.
BOMBS = {
    "a billion laughs": "".join(
        f"{new}: &{new} [{NINE.format(old)}]\n" for old, new in zip("x" + LETTERS, LETTERS, strict=False)
    ).replace("*x", "lol"),
    "a billion laughs in a group": "neuron:\n  _target_: snntrain.neuron.PLIFNode\n"
    + "".join(
        f"  {new}: &{new} [{NINE.format(old)}]\n" for old, new in zip("x" + LETTERS, LETTERS, strict=False)
    ).replace("*x", "lol"),
    "a billion merges": "".join(
        f"{new}: &{new}\n  {new}: 1\n  <<: [{NINE.format(old)}]\n" for old, new in pairwise(LETTERS)
    ).replace("b: &b\n  b: 1\n  <<: [" + NINE.format("a") + "]", "b: &b {k: 1}"),
    "a list that holds itself": "T: 4\nname: &a [*a]\n",
    "a mapping that holds itself": "neuron: &a\n  _target_: x\n  more: *a\n",
    "ten megabytes of brackets": "T: " + "[" * 10_000_000,
    "nested lists": "T: " + "[" * 900 + "]" * 900,
    "nested mappings": "T: " + "{a: " * 900 + "1" + "}" * 900,
    "nested dashes": "T:\n  " + "- " * 100_000 + "1",
    "a long number": "T: " + "9" * 100_000,
    "a long key": "? " + "k" * 100_000 + "\n: 1\n",
    "many keys": "".join(f"k{n}: 1\n" for n in range(10_000)),
    "an object of Python": "!!python/object/apply:os.system ['touch executed']",
    "a tag": "T: !!python/name:os.system ''",
    "null bytes": "T: 4\x00\nname: \x00",
    "control characters": 'name: "\\e]0;taken\\a\\e[31m\\u202e"\n"\\e[2J": "\\e[2J"\n',
    "a list": "- T\n",
    "a word": "T",
    "nothing": "",
    "other types": "T: [1]\nneuron: 3\nname: {a: b}\nseed: 2001-01-01\ntrainer: null\n? [1, 2]\n: 3\nnull: 4\n1.5: x\n",
    "infinite numbers": "T: .inf\nseed: .nan\nname: -.inf\n",
}
JSON_BOMBS = {
    "nested lists": "[" * 100_000,
    "nested mappings": '{"a":' * 100_000,
    "a long number": '{"status": "completed", "test_accuracy": ' + "9" * 100_000 + "}",
    "a great number": '{"status": "completed", "test_accuracy": 1' + "0" * 400 + ', "val_accuracy": 1e308}',
    "numbers not finite": '{"status": "completed", "test_accuracy": NaN, "epochs": -Infinity, "cost": {"x": 1e999}}',
    "other types": '{"status": {"a": 1}, "error": [1], "cost": 3, "test_accuracy": "0.9"}',
    "other types below": '{"status": "completed", "error": {"a": [1]}, "cost": {"x": {"y": 1}}, "name": null}',
    "controls in keys": '{"status": "\\u001b]0;x\\u0007", "\\u001b[2J": 1, "cost": {"\\u001b": 2}}',
    "no mapping": "[1, 2]",
    "a word": '"completed"',
    "two": "{}{}",
    "nothing": "",
    "surrogates": '{"status": "failed", "error": "\\ud800\\udfff\\ud800"}',
}
RUN_FILES = ("summary.json", "config.yaml", "metrics.jsonl", ".hydra/hydra.yaml")


@pytest.fixture
def folder(canary: Path) -> Path:
    """Return a folder of three runs; tests damage the first."""
    folder = canary.with_name("sweep")
    for number, neuron in enumerate(("if", "lif", "plif")):
        write_run(folder / str(number), neuron=neuron, test_accuracy=0.9 + number / 100, cost={"spikes_per_image": 3.0})
    return folder


def reported(folder: Path) -> str:
    """Return the report as text, which must be fit for a terminal; only its own files are written."""
    Tried.cases += 1
    from snntrain.report.sentences import failures
    from snntrain.report.terminal import terminal

    before = set(folder.rglob("*"))
    with warnings.catch_warnings(action="error"):
        report = make([folder], "test_accuracy", 0.0)
        written = write(report, folder)
    assert set(folder.rglob("*")) - before <= set(written)
    text = "\n".join([report.title, report.counts, terminal(report, 200), *failures(report)])
    assert all(line.isprintable() for line in text.split("\n"))
    for file in written:
        file.unlink()
    return text


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS)
def test_a_hostile_configuration_does_not_prevent_the_report_of_the_others(text: str, folder: Path) -> None:
    (folder / "0" / "config.yaml").write_text(text)
    (folder / "0" / ".hydra" / "hydra.yaml").write_text(text)
    assert "3 runs: 3 completed" in reported(folder)


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS)
def test_a_hostile_configuration_is_refused_by_eval(text: str, canary: Path) -> None:
    Tried.cases += 1
    (canary.parent / "config.yaml").write_text(text)
    with pytest.raises(UserError) as error:
        saved.load(canary.parent, [])
    assert is_readable(error.value), error.value.lines


@pytest.mark.parametrize("text", JSON_BOMBS.values(), ids=JSON_BOMBS)
@pytest.mark.parametrize("file", ["summary.json", "metrics.jsonl"])
def test_hostile_results_do_not_prevent_the_report_of_the_others(file: str, text: str, folder: Path) -> None:
    (folder / "0" / file).write_text(text)
    assert "runs: " in reported(folder)


def test_damaged_files_do_not_prevent_the_report_of_the_others(folder: Path) -> None:
    for name in RUN_FILES:
        file = folder / "0" / name
        good = file.read_bytes()
        for content in damages(good, name, 25, head=3):
            file.write_bytes(content)
            assert "runs: " in reported(folder)
        file.write_bytes(good)


def json_like(draw: random.Random, depth: int = 3) -> Any:
    """Draw any content of a JSON file."""
    kind = draw.randrange(9 if depth else 6)
    words = [
        "completed",
        "running",
        "\x1b[2J",
        "<script>",
        "=1+1",
        "",
        "é",
        "\ud800",
        "${T}",
        "x" * 500,
        "|`*_",
        "a\nb",
    ]
    match kind:
        case 0:
            return draw.choice([None, True, False])
        case 1:
            return draw.choice(
                [0, 1, -1, 2**63, 10**300, 10**400, 0.9, 1e308, -1e308, 1e-320, float("nan"), float("inf")]
            )
        case 2 | 3:
            return draw.choice(words)
        case 4 | 5:
            return draw.random()
        case 6:
            return [json_like(draw, depth - 1) for _ in range(draw.randrange(4))]
        case _:
            return {draw.choice([*words, "a", "b"]): json_like(draw, depth - 1) for _ in range(draw.randrange(4))}


def test_any_values_in_the_files_of_a_run_are_reported_as_text(folder: Path) -> None:
    draw = dice("values")
    keys = ("status", "error", "name", "test_accuracy", "val_accuracy", "cost", "train_seconds", "precision", "epochs")
    for _ in range(40 * FACTOR):
        summary = {"status": "completed"} | {key: json_like(draw) for key in draw.sample(keys, 5)}
        (folder / "0" / "summary.json").write_text(json.dumps(summary))
        rows = [{"epoch": json_like(draw, 0), "val_accuracy": json_like(draw, 1)} for _ in range(5)]
        (folder / "0" / "metrics.jsonl").write_text("\n".join(map(json.dumps, rows)))
        config = {"T": json_like(draw), "neuron": json_like(draw), "name": json_like(draw)}
        # JSON is YAML except for its surrogates.
        (folder / "0" / "config.yaml").write_text(json.dumps(config))
        reported(folder)


def test_any_damage_of_a_saved_configuration_is_refused_or_read(finished_run: Path, canary: Path) -> None:
    good = (finished_run / "config.yaml").read_bytes()
    for content in damages(good, "config.yaml", 25):
        Tried.cases += 1
        (canary.parent / "config.yaml").write_bytes(content)
        try:
            saved.load(canary.parent, [])
        except UserError as error:
            assert is_readable(error), error.lines


@pytest.mark.parametrize("name", RUN_FILES)
@pytest.mark.parametrize("kind", ["device", "pipe", "folder", "link to itself", "link to nothing"])
def test_files_without_an_end_are_not_waited_for(kind: str, name: str, folder: Path) -> None:
    file = folder / "0" / name
    file.unlink()
    {
        "device": lambda: file.symlink_to("/dev/zero"),
        "pipe": lambda: os.mkfifo(file),
        "folder": lambda: file.mkdir(),
        "link to itself": lambda: file.symlink_to(file.name),
        "link to nothing": lambda: file.symlink_to("none"),
    }[kind]()
    assert "runs: " in reported(folder)
    if name == "config.yaml":
        with pytest.raises(UserError, match=r"config\.yaml"):
            saved.load(file.parent, [])


def test_a_huge_file_is_not_read_whole(folder: Path) -> None:
    for name in ("summary.json", "config.yaml"):
        with (folder / "0" / name).open("r+b") as file:
            file.truncate(2**40)
    assert "summary.json cannot be read (it has more than 4 MB)" in reported(folder)


def test_a_report_is_not_written_through_links(folder: Path) -> None:
    """In a folder from a stranger report.csv may be a link to ~/.bashrc, which must not be overwritten."""
    own = folder.parent / "own"
    own.write_text("mine\n")
    for name in ("report.csv", "report.md", "report.html"):
        (folder / name).symlink_to(own)
    written = write(make([folder], "test_accuracy", 0.0), folder)
    assert own.read_text() == "mine\n"
    assert not any(path.is_symlink() for path in written)
    assert {path.stat().st_mode & 0o777 for path in written} == {own.stat().st_mode & 0o777}


def test_a_report_that_cannot_be_written_leaves_nothing_half(folder: Path) -> None:
    (folder / "report.html").mkdir()
    report = make([folder], "test_accuracy", 0.0)
    with pytest.raises(UserError, match="cannot be written"):
        write(report, folder)
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


@pytest.fixture
def copied(finished_run: Path, canary: Path) -> Path:
    """Return a run that can be resumed, as somebody else may have sent it."""
    return Path(shutil.copytree(finished_run, canary.with_name("copied")))


@pytest.mark.parametrize("name", ["metrics.jsonl", "train.log", "summary.json", "tensorboard", "checkpoints/last.pt"])
def test_a_run_is_not_resumed_through_links(name: str, copied: Path, snntrain: Callable[..., Outcome]) -> None:
    """A resume appends to these files and truncates them. Through a link it would damage a file of the user."""
    file = next((copied / name).iterdir()) if name == "tensorboard" else copied / name
    own = copied.parent / "own"
    file.replace(own)
    file.symlink_to(own)
    before = own.read_bytes()
    for command in (["resume=copied"], [*TINY, "trainer.epochs=3", "trainer.ema=0.5", "hydra.run.dir=copied"]):
        outcome = snntrain(*command, "trainer.epochs=3")
        assert (outcome.status, own.read_bytes()) == (2, before), outcome.err
        assert "is a link, and a run writes into its files" in outcome.err


HOSTILE_SUMMARIES = (
    {"epochs": "\x1b[2J", "test_accuracy": "\x1b[2J"},
    {"epochs": [1], "test_accuracy": None},
    {"epochs": 10**400, "test_accuracy": 10**400},
    {"epochs": None, "test_accuracy": {}},
    {"val_accuracy": 10**400, "train_seconds": "\x1b[2J", "parameters": 1.5, "images_per_second": [1]},
    {"val_accuracy": {}, "cost": {"layers": {"fc1": [[[[[1]]]]]}}},
)


@pytest.mark.parametrize("change", HOSTILE_SUMMARIES, ids=range(len(HOSTILE_SUMMARIES)))
def test_a_completed_run_with_a_hostile_summary_is_reported_in_lines(
    change: dict[str, Any], copied: Path, snntrain: Callable[..., Outcome]
) -> None:
    Tried.cases += 1
    summary = json.loads((copied / "summary.json").read_text())
    (copied / "summary.json").write_text(json.dumps(summary | change))
    outcome = snntrain("resume=copied")
    assert outcome.status == 0, outcome.err
    assert "nothing is left to train" in outcome.out
    assert all(line.isprintable() for line in (outcome.out + outcome.err).split("\n"))


@pytest.mark.parametrize("change", HOSTILE_SUMMARIES, ids=range(len(HOSTILE_SUMMARIES)))
@pytest.mark.sample(3)
def test_a_hostile_summary_is_not_shown_by_an_inspection(
    change: dict[str, Any], copied: Path, snntrain: Callable[..., Outcome]
) -> None:
    Tried.cases += 1
    summary = json.loads((copied / "summary.json").read_text())
    (copied / "summary.json").write_text(json.dumps(summary | change))
    outcome = snntrain("inspect", "run=copied", "sample=0", "layer=out*")
    assert outcome.status == 0, outcome.err
    assert "\x1b" not in (copied / "inspect" / "index.html").read_text()


@pytest.mark.usefixtures("canary")
@pytest.mark.slow
def test_a_sweep_resumes_with_jobs_that_have_hostile_summaries(
    tmp_path: Path, snntrain: Callable[..., Outcome]
) -> None:
    command = ("-m", *TINY, "seed=0,1,2", "hydra.sweep.dir=sweep")
    assert snntrain(*command).status == 0
    for folder, value in zip(sorted((tmp_path / "sweep").glob("*_*")), (10**400, None, "0.9"), strict=True):
        Tried.cases += 1
        summary = json.loads((folder / "summary.json").read_text())
        (folder / "summary.json").write_text(json.dumps(summary | {"val_accuracy": value}))
    outcome = snntrain(*command)
    assert outcome.status == 0, outcome.err
    assert "3 of 3 jobs completed" in outcome.out


def test_folders_that_link_to_each_other_are_walked_once(folder: Path) -> None:
    (folder / "loop").symlink_to(folder)
    (folder / "1" / "loop").symlink_to("..")
    assert len(find([folder, folder / "loop"])) == 3


@pytest.fixture
def hostile_names(canary: Path) -> Path:
    folder = canary.with_name("names")
    for name in ("\x1b]0;taken\x07", "a\nb", "\udcff\udcfe", "-rf", "=1+1", "x" * 200, "${T}", "'; rm -rf ~; '"):
        write_run(folder / name)
    return folder


def test_names_of_folders_are_shown_without_control_characters(
    hostile_names: Path, snntrain: Callable[..., Outcome]
) -> None:
    Tried.cases += 8
    outcome = snntrain("report", str(hostile_names))
    assert outcome.status == 0, outcome.err
    assert all(line.isprintable() for line in outcome.out.split("\n"))
    outcome = snntrain("report", str(hostile_names / "\x1b]0;taken\x07"), "metric=\x1b[2J")
    assert (outcome.status, outcome.out) == (2, "")
    assert output_is_readable(outcome.err)
