"""A run on several devices of this machine, as its user sees it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.ranks.conftest import Start
from tests.cli.ranks.programs import ROOT, SHORT, SMALL, TWO
from tests.conftest import Outcome

slow = pytest.mark.slow


def test_a_run_has_one_folder_one_log_and_one_summary(command: Start, folder: Path) -> None:
    program = command(*TWO, *SHORT, "hydra.run.dir=run", fresh=True)
    assert program.wait() == 0, program.shown()
    assert program.lines() == []
    assert [path.name for path in folder.iterdir() if path.is_dir()] == ["run"]
    for shown in (program.out.read_text(), (folder / "run" / "train.log").read_text()):
        assert shown.count("cpu, 2 processes, fp32, T=2, seed 0") == 1
        assert [shown.count(f"epoch {number}/2") for number in (1, 2)] == [1, 1]
        assert shown.count("run=run") == 1
    summary = json.loads((folder / "run" / "summary.json").read_text())
    assert (summary["status"], summary["epochs"]) == ("completed", 2)
    assert len((folder / "run" / "metrics.jsonl").read_text().splitlines()) == 2


@slow
def test_eval_and_inspect_read_the_run(command: Start, folder: Path) -> None:
    assert command(*TWO, *SHORT, "hydra.run.dir=run").wait() == 0
    for argv in (("eval", "run=run"), ("inspect", "run=run")):
        program = command(*argv)
        assert program.wait() == 0, program.shown()
        assert program.lines() == []
    tested = json.loads((folder / "run" / "test.json").read_text())
    assert tested["best"]


@slow
@pytest.mark.parametrize(("before", "after"), [(2, 3), (2, 1), (1, 2)])
def test_another_number_of_processes_resumes_and_says_so(before: int, after: int, command: Start, folder: Path) -> None:
    assert command(*SMALL, *SHORT, f"trainer.devices={before}", "hydra.run.dir=run").wait() == 0
    program = command("resume=run", f"trainer.devices={after}", "trainer.epochs=3")
    assert program.wait() == 0, program.shown()
    plural = "process" if before == 1 else "processes"
    line = f"{before} {plural} trained this run before, and {after} now: sums over a batch may differ by rounding"
    assert line in program.out.read_text()
    assert len((folder / "run" / "metrics.jsonl").read_text().splitlines()) == 3


@slow
def test_a_job_that_fails_does_not_end_its_sweep(command: Start, folder: Path) -> None:
    losses = "loss._target_=faulty.Faulty,snntrain.training.loss.MSERate"
    program = command(*TWO, *SHORT, "-m", losses, "allow_targets=[faulty]", "hydra.sweep.dir=sweep")
    assert program.wait() == 1
    assert "the run failed: process 1: no such luck" in program.out.read_text()
    assert program.lines()[-1].startswith("snntrain: 1 of 2 jobs")
    states = [json.loads(path.read_text())["status"] for path in sorted(folder.glob("sweep/*/summary.json"))]
    assert sorted(states) == ["completed", "failed"]


@slow
def test_a_signal_to_a_sweep_stops_it(command: Start, folder: Path) -> None:
    program = command(*TWO, "trainer.epochs=30", "-m", "seed=1,2", "hydra.sweep.dir=sweep")
    program.until(lambda: any(folder.glob("sweep/*/metrics.jsonl")))
    program.process.terminate()
    assert program.wait() == 143
    assert len(list(folder.glob("sweep/*/summary.json"))) == 1
    assert program.lines()[-1].startswith("snntrain: interrupted")


@slow
def test_the_name_of_a_folder_may_have_blanks_and_umlauts(command: Start, folder: Path) -> None:
    program = command(*TWO, *SHORT, "hydra.run.dir=meine Läufe/erster Lauf")
    assert program.wait() == 0, program.shown()
    assert (folder / "meine Läufe" / "erster Lauf" / "test.json").exists()


@slow
@pytest.mark.parametrize("shell", ["{} >&-", "{} | head -1", "{} >/dev/full", "{} <&-"])
def test_an_output_that_nobody_reads_does_not_end_the_run(shell: str, folder: Path) -> None:
    line = " ".join([sys.executable, "-m", "snntrain", *TWO, *SHORT, "hydra.run.dir=run"])
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", shell.format(line)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads((folder / "run" / "summary.json").read_text())["status"] == "completed"


@slow
@pytest.mark.parametrize("verbose", ["true", "[snntrain.file,h5]"])
def test_debug_messages_are_shown_by_process_0(verbose: str, command: Start) -> None:
    program = command(*TWO, *SHORT, "hydra.run.dir=run", f"hydra.verbose={verbose}")
    assert program.wait() == 0, program.shown()


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ("trainer.batch_size=1", "trainer.devices=2: a batch of trainer.batch_size=1 cannot be shared"),
        ("trainer.compile=true", "trainer.compile=true: torch.compile cannot trace the exchange between several"),
        ("trainer.device=cuda:1 trainer.precision=auto", "trainer.device=cuda:1: is one GPU, and trainer.devices=2"),
    ],
)
def test_settings_that_do_not_fit_are_refused(
    given: str, line: str, snntrain: Callable[..., Outcome], tmp_path: Path
) -> None:
    outcome = snntrain(*TWO, *given.split())
    assert outcome.status == 2
    assert outcome.err.startswith(f"snntrain: {line}")
    assert outcome.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


@slow
def test_gpus_that_are_missing_are_one_line(command: Start, folder: Path) -> None:
    program = command(
        *TWO, "trainer.devices=3", "trainer.device=cuda", "hydra.run.dir=run", environment={"CUDA_VISIBLE_DEVICES": ""}
    )
    assert program.wait() == 2
    (line,) = program.lines()
    assert line.startswith("snntrain: trainer.device=cuda: PyTorch finds no such GPU here")
    assert not (folder / "run").exists()
