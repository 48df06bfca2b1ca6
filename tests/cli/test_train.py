"""A run from the command line: its output, its files, and the exit status of every way to end."""

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import snntrain as package
from snntrain.cli.main import status
from snntrain.runs.summary import FIGURES
from snntrain.signals import machine
from tests.conftest import TINY, Outcome

SMALL = (*TINY, "monitor=off")
# Neurons that a user may have written, in their own module.
MODULE = """
import logging
from snntrain.neuron import LIFNode

class Unbuildable(LIFNode):
    def __init__(self, **arguments):
        raise RuntimeError("no such thing\\nsecond line")

class Talkative(LIFNode):
    def __init__(self, **arguments):
        super().__init__(**arguments)
        logging.getLogger("elsewhere").info("generated new fonts")
        logging.getLogger("elsewhere").warning("fonts are missing")
"""


@pytest.fixture
def own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_neurons.py").write_text(MODULE)
    monkeypatch.delitem(sys.modules, "own_neurons", raising=False)


def own(name: str) -> tuple[str, ...]:
    return "neuron=lif", f"neuron._target_=own_neurons.{name}", "allow_targets=[own_neurons]"


def summary(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    return content


def test_a_run_shows_its_layers_each_epoch_and_its_figures(snntrain: Callable[..., Outcome], tmp_path: Path) -> None:
    outcome = snntrain(*SMALL, "trainer.epochs=2", "hydra.run.dir=run")
    assert (outcome.status, outcome.err) == (0, "")
    first, *_, last = outcome.out.splitlines()
    assert first.split() == ["layer", "kind", "output", "parameters", "neurons"]
    for shown in ("fc1_neuron", "PLIFNode", "359 test images of 1x8x8, 10 classes", "cpu, fp32, T=4, seed 0"):
        assert shown in outcome.out
    assert [line.split()[1] for line in outcome.out.splitlines() if line.startswith("epoch")] == ["1/2", "2/2"]
    figures = dict(word.split("=") for word in last.split())
    assert figures.pop("run") == "run"
    assert figures == {key: f"{summary(tmp_path / 'run')[key]:.6g}" for key in figures}
    logged = (tmp_path / "run" / "train.log").read_text()
    assert all(line in logged for line in outcome.out.splitlines())


def test_a_run_makes_its_own_folder_below_outputs(snntrain: Callable[..., Outcome], tmp_path: Path) -> None:
    assert snntrain(*SMALL).status == 0
    (run,) = tmp_path.glob("outputs/*/*/summary.json")
    assert summary(run.parent)["status"] == "completed"


def test_the_command_is_written_down_as_typed(snntrain: Callable[..., Outcome], tmp_path: Path) -> None:
    typed = (*SMALL, "-cn", "config", "hydra.run.dir=run", "T=2")
    assert snntrain(*typed).status == 0
    assert json.loads((tmp_path / "run" / "environment.json").read_text())["command"] == ["snntrain", *typed]


def test_version_is_ours(snntrain: Callable[..., Outcome]) -> None:
    assert snntrain("--version") == Outcome(0, f"snntrain {package.__version__}\n", "")


def test_flags_may_stand_anywhere(snntrain: Callable[..., Outcome]) -> None:
    commands = (
        ("--cfg", "job", "T=2", "seed=3"),
        ("T=2", "--cfg", "job", "seed=3"),
        ("T=2", "seed=3", "--cfg=job"),
        ("T=2", "-c", "job", "seed=3"),
    )
    (shown,) = {snntrain(*argv) for argv in commands}
    assert shown.status == 0
    assert "\nT: 2\nseed: 3\n" in shown.out


def test_the_composed_config_is_printed_as_written_or_resolved(
    snntrain: Callable[..., Outcome], tmp_path: Path
) -> None:
    assert "name: run-${seed}\n" in snntrain("--cfg", "job", "name=run-${seed}").out
    assert "name: run-0\n" in snntrain("--cfg", "job", "name=run-${seed}", "--resolve").out
    assert snntrain("--cfg", "job", "--package", "reset").out == "# @package reset\nv_reset: 0.0\n"
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("argv", ["--help", "--version", "--cfg job", "-m --cfg job T=1,2", "-sc query=bash", "T=0"])
@pytest.mark.sample(3)
def test_what_only_prints_does_not_wait_for_torch(argv: str, tmp_path: Path) -> None:
    program = "import sys; from snntrain.cli.main import status; status(sys.argv[1:]); sys.exit('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program, *argv.split()], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_run_that_diverges_fails_with_status_1_and_says_why(snntrain: Callable[..., Outcome], tmp_path: Path) -> None:
    outcome = snntrain(*SMALL, "optimizer=sgd", "optimizer.lr=1e300", "hydra.run.dir=run")
    assert outcome.status == 1
    (line,) = outcome.err.splitlines()
    assert line.startswith("snntrain: the run failed: the ")
    assert "in epoch 1: try a lower optimizer.lr" in line
    shown = summary(tmp_path / "run")
    assert shown["status"] == "failed"
    assert f"the run failed: {shown['error']} (traceback in" in line
    assert "Traceback" not in outcome.out
    assert "Traceback" in (tmp_path / "run" / "train.log").read_text()


@pytest.mark.usefixtures("own_module")
def test_a_run_that_cannot_be_built_leaves_its_summary_config_and_environment(
    snntrain: Callable[..., Outcome], tmp_path: Path
) -> None:
    outcome = snntrain(*SMALL, *own("Unbuildable"), "hydra.run.dir=run")
    assert outcome.status == 1
    assert outcome.err.startswith("snntrain: the run failed: no such thing (traceback in ")
    shown = summary(tmp_path / "run")
    assert (shown["status"], shown["error"]) == ("failed", "RuntimeError: no such thing")
    assert shown.keys() >= set(FIGURES)
    assert (tmp_path / "run" / "config.yaml").exists()
    assert (tmp_path / "run" / "environment.json").exists()


def test_the_traceback_is_shown_on_demand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    assert status(["T=0"]) == 2
    shown = capsys.readouterr().err
    assert shown.startswith("Traceback")
    assert shown.endswith("\nsnntrain: T=0: must be >= 1 (time steps)\n")


@pytest.mark.usefixtures("own_module")
def test_warnings_of_other_packages_are_logged(snntrain: Callable[..., Outcome], tmp_path: Path) -> None:
    logging.getLogger("elsewhere").setLevel(logging.NOTSET)
    outcome = snntrain(*SMALL, *own("Talkative"), "hydra.run.dir=run")
    assert outcome.status == 0
    for shown in (outcome.out, (tmp_path / "run" / "train.log").read_text()):
        assert "fonts are missing" in shown
        assert "generated new fonts" not in shown


@pytest.mark.usefixtures("own_neuron")
def test_the_neuron_of_the_readme_is_trained(snntrain: Callable[..., Outcome], own_neuron: tuple[str, ...]) -> None:
    outcome = snntrain(*own_neuron, *SMALL, "neuron=leaky", "neuron.leak=0.8")
    assert outcome.status == 0
    assert "LeakyNode" in outcome.out


def wait_for(path: Path, running: subprocess.Popen[str]) -> None:
    while not path.exists():
        assert running.poll() is None, running.communicate()
        time.sleep(0.01)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code", "mark"),
    [(signal.SIGINT, 130, "metrics.jsonl"), (signal.SIGTERM, 143, "summary.json")],
    ids=["Ctrl-C in an epoch", "terminated while it is built"],
)
@pytest.mark.sample(1)
def test_an_interrupted_run_has_its_status_and_says_where_it_is(
    number: int, code: int, mark: str, process: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    running = process(*SMALL, "trainer.epochs=10000", "hydra.run.dir=run")
    wait_for(tmp_path / "run" / mark, running)
    running.send_signal(number)
    _, err = running.communicate(timeout=60)
    assert running.returncode == code
    assert err == "snntrain: interrupted; resume with: snntrain resume=run\n"
    assert summary(tmp_path / "run")["status"] == "interrupted"
    assert summary(tmp_path / "run").keys() >= set(FIGURES)


def test_an_interruption_that_a_library_turned_into_its_own_error_counts_as_interruption(
    snntrain: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    """OmegaConf does so when the signal comes while it builds a list."""
    monkeypatch.setattr(machine, "number", signal.SIGTERM)
    assert snntrain("T=0") == Outcome(143, "", "snntrain: interrupted\n")


def test_an_interruption_that_is_lost_in_a_destructor_prints_no_traceback(tmp_path: Path) -> None:
    program = """
import signal, sys
from snntrain.cli import main

class Interrupting:
    def __del__(self):
        signal.raise_signal(signal.SIGTERM)

class Failing:
    def __del__(self):
        raise ValueError("of its own")

def command(argv):
    Interrupting()
    Failing()

main.BY_NAME["doctor"] = command
main.main()
"""
    argv = [sys.executable, "-c", program, "doctor"]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "Interrupted" not in done.stderr
    assert "ValueError: of its own" in done.stderr


@pytest.mark.slow
def test_a_run_continues_silently_when_its_reader_leaves(
    process: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    running = process(*SMALL, "hydra.run.dir=run")
    assert running.stdout is not None
    assert running.stderr is not None
    running.stdout.readline()
    running.stdout.close()
    assert running.stderr.read() == ""
    assert running.wait(timeout=60) == 0
    assert summary(tmp_path / "run")["status"] == "completed"
