"""`snntrain eval`: the figures of a finished run, with its own settings and with others."""

import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from snntrain.config import saved
from snntrain.training.evaluation import kept_test as tested
from snntrain.training.saving.checkpoint import restore
from tests.conftest import TINY, Outcome
from tests.training.jobs import prepared_by

RAISING = """
from snntrain.neuron import LIFNode

class Node(LIFNode):
    def __init__(self, leak, **arguments):
        super().__init__(**arguments)
        self.leak = leak

    def charge(self, x):
        return self.v * self.leak.real + x
"""


def accuracy(out: str) -> float:
    return float(re.search(r"^test accuracy (\S+)$", out, re.MULTILINE)[1])


def confusion(out: str) -> list[list[int]]:
    """Return the counts of the matrix: the ten lines below its head, without the class."""
    head = next(n for n, line in enumerate(out.splitlines()) if line.startswith("confusion matrix"))
    return [[int(count) for count in line.split()[1:]] for line in out.splitlines()[head + 2 : head + 12]]


@pytest.mark.parametrize(
    ("checkpoint", "figure", "epoch"),
    [("best", "test_accuracy", "best_epoch"), ("last", "test_accuracy_last", "epochs")],
)
def test_a_checkpoint_is_as_good_as_the_summary_says(
    checkpoint: str, figure: str, epoch: str, snntrain: Callable[..., Outcome], finished_run: Path
) -> None:
    outcome = snntrain("eval", f"run={finished_run}", f"checkpoint={checkpoint}")
    assert (outcome.status, outcome.err) == (0, "")
    summary = json.loads((finished_run / "summary.json").read_text())
    assert outcome.out.startswith(f"{finished_run}/checkpoints/{checkpoint}.pt, epoch {summary[epoch]}\n")
    assert "digits: 359 test images, cpu, fp32, T=4\n" in outcome.out
    assert accuracy(outcome.out) == round(summary[figure], 4)


def test_the_latest_run_is_evaluated(snntrain: Callable[..., Outcome], finished_run: Path, tmp_path: Path) -> None:
    shutil.copytree(finished_run, tmp_path / "outputs" / "run")
    outcome = snntrain("eval", "run=latest")
    assert outcome.out.startswith("outputs/run/checkpoints/best.pt, epoch ")


def test_the_best_checkpoint_is_evaluated_by_default(snntrain: Callable[..., Outcome], finished_run: Path) -> None:
    shown = snntrain("eval", f"run={finished_run}")
    assert shown == snntrain("eval", f"run={finished_run}", "checkpoint=best")


def test_the_confusion_matrix_and_the_accuracy_are_of_the_same_images(
    snntrain: Callable[..., Outcome], finished_run: Path
) -> None:
    out = snntrain("eval", f"run={finished_run}").out
    counts = confusion(out)
    assert [len(row) for row in counts] == [10] * 10
    assert sum(map(sum, counts)) == 359
    assert accuracy(out) == round(sum(counts[n][n] for n in range(10)) / 359, 4)


@pytest.mark.parametrize("checkpoint", ["best", "last"])
def test_the_run_has_kept_the_same_confusion_matrix(
    checkpoint: str, snntrain: Callable[..., Outcome], finished_run: Path
) -> None:
    kept = json.loads((finished_run / "test.json").read_text())[checkpoint]
    out = snntrain("eval", f"run={finished_run}", f"checkpoint={checkpoint}").out
    assert confusion(out) == kept["confusion"]
    network = prepared_by(saved.load(finished_run, [])).evaluated.network
    restore(network, finished_run / "checkpoints" / f"{checkpoint}.pt")
    assert tested.digest(network) == kept["weights"]


def test_the_run_its_files_and_eval_report_the_same_ties(snntrain: Callable[..., Outcome], tmp_path: Path) -> None:
    """An untrained network of two votes and a low threshold: some of its images are tied, not all."""
    low = ("neuron=if", "neuron.v_threshold=0.2", "T=3", "network.votes=2", "optimizer.lr=1e-9", "monitor=off")
    out = snntrain(*TINY, *low, "hydra.run.dir=run").out
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    ties = summary["test_ties"]
    assert 0 < ties < 359
    shown = f"{ties} of 359 are tied: several classes share the greatest output; the first is taken"
    assert f"test images: {shown}" in out.splitlines()
    assert f"test ties     {shown}" in snntrain("eval", "run=run").out.splitlines()
    kept = json.loads((tmp_path / "run" / "test.json").read_text())
    assert (kept["best"]["ties"], kept["last"]["ties"]) == (ties, summary["test_ties_last"])
    (row,) = map(json.loads, (tmp_path / "run" / "metrics.jsonl").read_text().splitlines())
    assert f"accuracy {row['val_accuracy']:.4f} ties {row['val_ties']} " in out
    assert snntrain("inspect", "run=run", "sample=0", "layer=out_neuron").status == 0
    page = (tmp_path / "run" / "inspect" / "index.html").read_text(encoding="utf-8")
    assert f"<dt>test ties</dt><dd>{ties}</dd>" in page


def test_every_spiking_layer_has_a_firing_rate(snntrain: Callable[..., Outcome], finished_run: Path) -> None:
    out = snntrain("eval", f"run={finished_run}").out
    _, shown = out.split("firing rate (spikes per neuron and time step)\n")
    rates = dict(line.split() for line in shown.partition("\n\n")[0].splitlines())
    assert rates.keys() == {"fc1_neuron", "out_neuron"}
    assert all(0 <= float(rate) <= 1 for rate in rates.values())


def test_the_same_weights_can_be_evaluated_under_other_settings(
    snntrain: Callable[..., Outcome], finished_run: Path
) -> None:
    before = snntrain("eval", f"run={finished_run}").out
    outcome = snntrain("eval", f"run={finished_run}", "T=8", "reset=soft", "checkpoint=last")
    assert outcome.status == 0
    assert "cpu, fp32, T=8\n" in outcome.out
    assert sum(map(sum, confusion(outcome.out))) == 359
    assert outcome.out != before


def test_the_neuron_of_the_readme_is_evaluated_and_its_options_can_be_chosen(
    snntrain: Callable[..., Outcome], own_neuron: tuple[str, ...], tmp_path: Path
) -> None:
    assert snntrain(*own_neuron, *TINY, "monitor=off", "neuron=leaky", "hydra.run.dir=run").status == 0
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    shown = snntrain("eval", "run=run", "allow_targets=[mypkg]")
    assert accuracy(shown.out) == round(summary["test_accuracy"], 4)
    again = snntrain("eval", "run=run", *own_neuron, "neuron=leaky", "neuron.leak=0.9")
    assert again.out == shown.out
    assert snntrain("eval", "run=run").status == 2


def test_an_unexpected_error_gets_one_line_and_a_way_to_see_the_traceback(
    snntrain: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "raising.py").write_text(RAISING)
    monkeypatch.delitem(sys.modules, "raising", raising=False)
    (tmp_path / "conf" / "neuron").mkdir(parents=True)
    (tmp_path / "conf" / "neuron" / "mine.yaml").write_text("_target_: raising.Node\nleak: 0.9\n")
    own = ("--config-dir", "conf", "allow_targets=[raising]")
    assert snntrain(*own, *TINY, "monitor=off", "neuron=mine", "hydra.run.dir=run").status == 0
    outcome = snntrain("eval", "run=run", *own, "neuron.leak=abc")
    assert outcome.status == 1
    (line,) = outcome.err.splitlines()
    assert line.startswith("snntrain: AttributeError: ")
    assert "HYDRA_FULL_ERROR=1" in line


def test_eval_shows_its_usage(snntrain: Callable[..., Outcome]) -> None:
    outcome = snntrain("eval", "--help")
    assert outcome.status == 0
    assert outcome.out.startswith("snntrain eval run=<folder>")
