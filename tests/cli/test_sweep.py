"""A sweep: its folders, its exit status, and how it ends where a job fails."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from snntrain.cli import sweep
from snntrain.config import combinations
from snntrain.errors import RunFailed
from snntrain.training.run_folder import FIGURES
from tests.conftest import TINY, Outcome

SMALL = (*TINY, "monitor=off", "hydra.sweep.dir=sweep")
TABLE = Path(__file__).parents[2] / "scripts" / "sweep_table.py"
MODULE = """
from snntrain.neuron import IFNode

class Failing(IFNode):
    def __init__(self, fail: bool, **arguments):
        if fail:
            raise RuntimeError("of its own")
        super().__init__(**arguments)
"""


def jobs(folder: Path) -> dict[str, dict[str, Any]]:
    """The summary of each job's folder."""
    return {path.name: json.loads((path / "summary.json").read_text()) for path in sorted(folder.glob("*/"))}


def test_every_combination_runs_in_a_folder_of_its_own(snntrain: Callable[..., Outcome], tmp_path: Path) -> None:
    outcome = snntrain("reset=hard,soft", "-m", "neuron=lif,rif", "neuron.v_threshold=0.9", *SMALL)
    assert (outcome.status, outcome.err) == (0, "")
    assert "4 of 4 jobs completed in sweep\n" in outcome.out
    found = jobs(tmp_path / "sweep")
    assert [name[:2] for name in found] == ["0_", "1_", "2_", "3_"]
    assert all("neuron=" in name and "reset=" in name for name in found)
    assert {told["status"] for told in found.values()} == {"completed"}
    command = json.loads(next((tmp_path / "sweep").glob("0_*/environment.json")).read_text())["command"]
    assert command[:4] == ["snntrain", "reset=hard,soft", "-m", "neuron=lif,rif"]

    table = [sys.executable, str(TABLE), "sweep"]
    done = subprocess.run(table, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert [line.split(" | ")[:3] for line in done.splitlines()[2:6]] == [
        ["| LIF", "hard", "True"],
        ["| RIF", "hard", "True"],
        ["| LIF", "soft", "True"],
        ["| RIF", "soft", "True"],
    ]
    lowest = min(told["test_accuracy"] for told in found.values())
    assert done.endswith(f"4 runs, lowest test accuracy {lowest:.4f}\n")
    refused = subprocess.run([*table, "--at-least", "1.1"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert refused.stderr.startswith("below 1.1: ")


def test_a_job_that_cannot_be_built_is_written_down_and_stops_no_other(
    snntrain: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sometimes.py").write_text(MODULE)
    (tmp_path / "conf" / "neuron").mkdir(parents=True)
    (tmp_path / "conf" / "neuron" / "mine.yaml").write_text("_target_: sometimes.Failing\nfail: false\n")
    monkeypatch.delitem(sys.modules, "sometimes", raising=False)
    own = ("--config-dir", "conf", "neuron=mine", "allow_targets=[sometimes]")
    outcome = snntrain("-m", *own, "neuron.fail=true,false", *SMALL)
    assert outcome.status == 1
    assert outcome.err == "snntrain: 1 of 2 jobs of the sweep failed; each folder's summary.json says why\n"
    assert "1 of 2 jobs completed in sweep\n" in outcome.out
    failed, completed = jobs(tmp_path / "sweep").values()
    assert (failed["status"], failed["error"]) == ("failed", "RuntimeError: of its own")
    assert completed["status"] == "completed"
    assert failed.keys() == completed.keys() >= set(FIGURES)
    for folder in (tmp_path / "sweep").glob("*/"):
        assert {"config.yaml", "environment.json"} <= {path.name for path in folder.iterdir()}


def test_the_conclusion_names_what_a_job_could_not_use(snntrain: Callable[..., Outcome], tmp_path: Path) -> None:
    outcome = snntrain("-m", *SMALL, "trainer.device=cuda:99,cpu")
    assert outcome.status == 1
    (line,) = [line for line in outcome.out.splitlines() if line.startswith("  failed: ")]
    assert line.startswith("  failed: 0_")
    assert ": trainer.device=cuda:99: PyTorch finds no such GPU here" in line
    failed, completed = jobs(tmp_path / "sweep").values()
    assert failed["error"].startswith("trainer.device=cuda:99: PyTorch finds no such GPU here")
    assert completed["status"] == "completed"


def test_a_combination_that_was_not_checked_beforehand_is_refused_as_a_job(
    snntrain: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(combinations, "MOST", 1)
    outcome = snntrain("-m", *SMALL, "reset.v_reset=0,0.8", "neuron.v_threshold=1,0.5")
    assert outcome.status == 1
    assert "3 of 4 jobs completed" in outcome.out
    (failed,) = [told for told in jobs(tmp_path / "sweep").values() if told["status"] == "failed"]
    assert failed["error"] == "reset.v_reset=0.8: must be below neuron.v_threshold=0.5"
    assert failed["epochs"] is None


def test_a_job_without_a_word_has_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(sweep.RememberFolder, "folder", tmp_path)
    for name, told in {"0": {"status": "completed", "error": None}, "1": {"status": "running", "error": None}}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "summary.json").write_text(json.dumps(told))
    (tmp_path / "2" / ".hydra").mkdir(parents=True)
    with pytest.raises(RunFailed, match="2 of 3 jobs of the sweep failed"):
        sweep.conclude()
    assert capsys.readouterr().out.splitlines() == [
        f"1 of 3 jobs completed in {tmp_path}",
        "  running: 1: ended without a word",
        "  failed: 2: it left no summary.json; see its train.log",
    ]


def test_the_neuron_of_the_readme_is_swept(
    snntrain: Callable[..., Outcome], own_neuron: tuple[str, ...], tmp_path: Path
) -> None:
    outcome = snntrain(*own_neuron, "-m", *SMALL, "neuron=leaky", "neuron.leak=0.8,0.9")
    assert outcome.status == 0
    assert "2 of 2 jobs completed" in outcome.out
