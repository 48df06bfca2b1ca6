"""Runs that are stopped from outside, refused or resumed, in separate processes, checked by what they print."""

from __future__ import annotations

import csv
import errno
import json
import os
import resource
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hydra._internal.callbacks import Callbacks
from omegaconf import DictConfig

from snntrain.files import whole
from snntrain.files.folder import Folder
from snntrain.signals import State, machine
from tests.conftest import TINY, Outcome
from tests.training.jobs import rows

SMALL = (*TINY, "monitor=off", "trainer.limit_batches=10", "trainer.batch_size=16")
ENDLESS = (*SMALL, "trainer.epochs=100000", "trainer.checkpoint_minutes=null")
Process = Callable[..., subprocess.Popen[str]]
Command = Callable[..., Outcome]


def summary(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    return content


def trained_for(folder: Path, epochs: int, running: subprocess.Popen[str]) -> None:
    """Wait until the run in `folder` has finished some epochs."""
    while not (folder / "metrics.jsonl").exists() or len(rows(folder)) < epochs:
        assert running.poll() is None, running.communicate()
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGINT, 130),
        pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow),
        pytest.param(signal.SIGUSR1, 138, marks=pytest.mark.slow),
    ],
    ids=["INT", "TERM", "USR1"],
)
def test_a_signal_saves_and_ends_a_run_and_the_printed_command_resumes_it(
    number: int, code: int, process: Process, snntrain: Command, tmp_path: Path
) -> None:
    running = process(*ENDLESS, "hydra.run.dir=my runs/one")
    folder = tmp_path / "my runs" / "one"
    trained_for(folder, 2, running)
    running.send_signal(number)
    asked = time.monotonic()
    out, err = running.communicate(timeout=60)
    assert time.monotonic() - asked < 10
    assert running.returncode == code
    assert (
        f"stopping after this step, with a checkpoint ({signal.Signals(number).name}; a second signal stops at once)"
        in out
    )
    assert summary(folder)["status"] == "interrupted"
    said, _, command = err.strip().partition("; resume with: ")
    assert said == "snntrain: interrupted"
    program, *words = shlex.split(command)
    done = len(rows(folder))
    outcome = snntrain(*words, f"trainer.epochs={done + 2}")
    assert program == "snntrain"
    assert (outcome.status, outcome.err) == (0, "")
    assert f"resuming from epoch {done + 1} of {done + 2}" in outcome.out
    assert [row["epoch"] for row in rows(folder)] == list(range(1, done + 3))
    assert summary(folder)["status"] == "completed"
    log = (folder / "train.log").read_text()
    assert "WARNING interrupted" in log
    assert "resuming from epoch" in log


@pytest.mark.parametrize("seconds", [pytest.param(0.3, marks=pytest.mark.slow), 0.8, 1.5])
def test_a_signal_during_start_up_ends_the_command_without_a_traceback(
    seconds: float, process: Process, tmp_path: Path
) -> None:
    """The signal comes mostly during the imports."""
    running = process(*ENDLESS, "hydra.run.dir=run")
    time.sleep(seconds)
    begun = (tmp_path / "run").exists()
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    # Python has not reached our first line yet, or the run has begun.
    assert running.returncode in (130, -signal.SIGINT)
    assert begun or running.returncode != 130 or err.startswith("snntrain: interrupted")


@pytest.mark.slow
def test_a_second_ctrl_c_does_not_wait(process: Process, tmp_path: Path) -> None:
    """It ends the run even in a step that never ends."""
    (tmp_path / "slow.py").write_text(
        "import time\nfrom snntrain.training.loss import MSERate\n\n\nclass Slow(MSERate):\n"
        "    def forward(self, spikes, labels):\n        open('in the step', 'w').close()\n        time.sleep(1000)\n"
    )
    running = process(*ENDLESS, "loss._target_=slow.Slow", "allow_targets=[slow]", "hydra.run.dir=run")
    while not (tmp_path / "in the step").exists():
        assert running.poll() is None, running.communicate()
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert running.poll() is None
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=10)
    assert running.returncode == 130
    assert err == "snntrain: interrupted; resume with: snntrain resume=run 'allow_targets=[slow]'\n"
    assert summary(tmp_path / "run")["status"] == "interrupted"


def test_a_killed_run_resumes_by_its_own_command(process: Process, snntrain: Command, tmp_path: Path) -> None:
    running = process(*ENDLESS, "hydra.run.dir=run")
    trained_for(tmp_path / "run", 2, running)
    running.kill()
    running.communicate()
    assert summary(tmp_path / "run")["status"] == "running"
    before = len(rows(tmp_path / "run"))
    outcome = snntrain(*ENDLESS, f"trainer.epochs={before + 1}", "hydra.run.dir=run")
    assert outcome.status == 0
    assert "resuming from epoch" in outcome.out
    assert [row["epoch"] for row in rows(tmp_path / "run")] == list(range(1, before + 2))


@pytest.mark.slow
def test_two_processes_do_not_train_in_one_folder(process: Process, snntrain: Command, tmp_path: Path) -> None:
    running = process(*ENDLESS, "hydra.run.dir=run")
    trained_for(tmp_path / "run", 1, running)
    hydra = (tmp_path / "run" / ".hydra" / "overrides.yaml").stat().st_mtime_ns
    for words in ((*ENDLESS, "hydra.run.dir=run"), ("resume=run",)):
        outcome = snntrain(*words)
        assert outcome.status == 2
        assert outcome.err.startswith(f"snntrain: run: process {running.pid} on host ")
    assert (tmp_path / "run" / ".hydra" / "overrides.yaml").stat().st_mtime_ns == hydra
    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=60)
    assert summary(tmp_path / "run")["status"] == "interrupted"


def test_latest_is_the_run_that_wrote_last(snntrain: Command, tmp_path: Path) -> None:
    for seed in (1, 2):
        assert snntrain(*SMALL, f"seed={seed}").status == 0
    newest = max(
        (path.parent for path in tmp_path.glob("outputs/*/*/summary.json")), key=lambda path: summary_time(path)
    )
    outcome = snntrain("resume=latest", "trainer.epochs=2")
    assert outcome.status == 0
    assert "seed 2" in outcome.out
    assert len(rows(newest)) == 2


def summary_time(folder: Path) -> int:
    return (folder / "summary.json").stat().st_mtime_ns


@pytest.mark.parametrize(
    "words", [("resume=run",), (*TINY, "trainer.epochs=2", "trainer.ema=0.5", "hydra.run.dir=run")]
)
def test_a_completed_run_has_nothing_left_to_train(
    words: tuple[str, ...], snntrain: Command, finished_run: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished_run, run)
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*")}
    outcome = snntrain(*words)
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.out.startswith("run: nothing is left to train, 2 epochs are completed (test_accuracy=0.")
    assert outcome.out.endswith("to train longer, give trainer.epochs=<more than 2>\n")
    changed = {path for path in run.rglob("*") if path.is_file() and path.stat().st_mtime_ns != before[path]}
    assert changed <= {run / "run.lock"}


REFUSED = {
    "another network": (
        ("network.hidden=[17]", "T=5"),
        "T=5 (not 4), network.hidden=[17] (not [16]) would make it another run",
    ),
    "another neuron": (("neuron=lif",), "neuron._target_=snntrain.neuron.LIFNode (not snntrain.neuron.PLIFNode)"),
    "other data": (("dataset.split_seed=3",), "dataset.split_seed=3 (not 0)"),
    "another batch": (("trainer.batch_size=3", "seed=1"), "seed=1 (not 0), trainer.batch_size=3 (not 64)"),
    "no such key": (("trainer.epoch=3",), "trainer.epoch"),
    "a sweep": (("-m",), "--multirun: resume=<folder> takes overrides and --config-dir"),
    "a wrong value": (("trainer.epochs=0",), "trainer.epochs=0: must be >= 1"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_resume_with_settings_of_another_run_is_refused(
    kind: str, snntrain: Command, finished_run: Path, tmp_path: Path
) -> None:
    shutil.copytree(finished_run, tmp_path / "run")
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    words, message = REFUSED[kind]
    outcome = snntrain("resume=run", *words)
    assert (outcome.status, outcome.out) == (2, "")
    assert message in outcome.err
    assert before == {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "words",
    [("resume=run",), (*TINY, "trainer.ema=0.5", "T=6", "seed=3", "hydra.run.dir=run")],
    ids=["resume", "again"],
)
def test_an_edited_configuration_is_refused_with_the_keys_that_differ(
    words: tuple[str, ...], snntrain: Command, finished_run: Path, tmp_path: Path
) -> None:
    shutil.copytree(finished_run, tmp_path / "run")
    config = tmp_path / "run" / "config.yaml"
    begun = config.read_text()
    config.write_text(begun.replace("\nT: 4\n", "\nT: 6\n").replace("\nseed: 0\n", "\nseed: 3\n"))
    before = {path: path.read_bytes() for name in KEPT for path in (tmp_path / "run").glob(name)}
    outcome = snntrain(*words, "trainer.epochs=3")
    assert outcome.status == 2
    assert outcome.err == (
        "snntrain: run: config.yaml has changed since the run began, it says T=6 (not 4), seed=3 (not 0); put the "
        "old values back there, or start another run in a folder of its own\n"
    )
    assert before == {path: path.read_bytes() for path in before}
    config.write_text(begun)
    assert snntrain("resume=run", "trainer.epochs=3").status == 0


KEPT = ("config.yaml", "metrics.jsonl", "test.json", "checkpoints/*", "tensorboard/*")


def test_a_run_from_before_a_key_existed_resumes_with_its_default(
    snntrain: Command, finished_run: Path, tmp_path: Path
) -> None:
    shutil.copytree(finished_run, tmp_path / "run")
    config = tmp_path / "run" / "config.yaml"
    lines = config.read_text().splitlines(keepends=True)
    config.write_text("".join(line for line in lines if "max_bad_steps" not in line and "samples" not in line))
    assert snntrain("eval", "run=run").status == 0
    assert snntrain("resume=run", "trainer.epochs=3").status == 0
    assert "max_bad_steps: 10\n" in config.read_text()


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("resume=", "resume=: names no run; give its folder, as in resume=outputs/"),
        ("resume=none", "not a run folder, it has no config.yaml"),
        ("resume=latest", "latest: there are no runs below outputs/ or multirun/ here"),
    ],
)
def test_a_missing_run_is_reported(word: str, message: str, snntrain: Command) -> None:
    outcome = snntrain(word)
    assert (outcome.status, outcome.out, len(outcome.err.splitlines())) == (2, "", 1)
    assert message in outcome.err


SWEEP = ("-m", *SMALL, "seed=0,1,2", "trainer.epochs=3", "hydra.sweep.dir=sweep")


@pytest.mark.slow
def test_a_stopped_sweep_resumes_by_the_same_command(process: Process, snntrain: Command, tmp_path: Path) -> None:
    assert snntrain(*SWEEP[:-1], "hydra.sweep.dir=alone").status == 0
    running = process(*SWEEP)
    while not any((tmp_path / "sweep").glob("1_*/summary.json")):
        assert running.poll() is None, running.communicate()
        time.sleep(0.005)
    running.send_signal(signal.SIGTERM)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 143
    program, *words = shlex.split(err.strip().partition("resume with: ")[2])
    assert (program, sorted(words)) == ("snntrain", sorted(SWEEP))
    (first,), (second,) = ((tmp_path / "sweep").glob(f"{number}_*") for number in (0, 1))
    *_, where, how_many, which = out.splitlines()
    assert where == "report: sweep/report.csv, sweep/report.md, sweep/report.html"
    assert how_many == "1 of 2 jobs that began are completed in sweep"
    assert which.startswith(f"  interrupted: {second.name}")
    assert reported(tmp_path / "sweep") == {first.name: "completed", second.name: "interrupted"}
    written = summary_time(first)
    outcome = snntrain(*words)
    assert outcome.status == 0
    assert "3 of 3 jobs completed in sweep" in outcome.out
    assert "nothing is left to train" in outcome.out
    assert summary_time(first) == written
    for job in (tmp_path / "sweep").glob("*/"):
        assert rows(job) == rows(tmp_path / "alone" / job.name)


@pytest.mark.parametrize(("hook", "seed"), [("on_job_end", 0), ("on_job_start", 1)])
def test_a_sweep_stopped_between_two_jobs_writes_its_report_and_prints_the_resume_command(
    hook: str, seed: int, snntrain: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The signal comes after a job has ended, and when the next one has nothing but a folder."""

    def signalled(self: object, config: DictConfig, **more: Any) -> None:
        if f"seed={seed}" in config.hydra.overrides.task:
            machine.handle(signal.SIGUSR1)

    with monkeypatch.context() as patch:
        fresh(patch)
        patch.setattr(Callbacks, hook, signalled)
        outcome = snntrain(*SWEEP)
    assert outcome.status == 138
    assert outcome.out.endswith("1 of 1 jobs that began are completed in sweep\n")
    (first,) = (tmp_path / "sweep").glob("*/")
    assert reported(tmp_path / "sweep") == {first.name: "completed"}
    said, _, command = outcome.err.strip().partition("; resume with: ")
    assert said == "snntrain: interrupted"
    name, *words = shlex.split(command)
    assert name == "snntrain"
    assert snntrain(*words).status == 0
    assert list(reported(tmp_path / "sweep").values()) == ["completed"] * 3


def fresh(patch: pytest.MonkeyPatch) -> None:
    """Forget at the end that a signal came."""
    patch.setattr(machine, "number", None)
    patch.setattr(machine, "state", State.STARTING)


def reported(sweep: Path) -> dict[str, str]:
    """Return the status of each job in a sweep's report.csv, by the name of its folder."""
    with (sweep / "report.csv").open(encoding="utf-8", newline="") as file:
        return {Path(row["run"]).name: row["status"] for row in csv.DictReader(file)}


def test_the_folder_of_another_sweep_is_refused(snntrain: Command, tmp_path: Path) -> None:
    assert snntrain("-m", *SMALL, "seed=0,1", "hydra.sweep.dir=sweep").status == 0
    outcome = snntrain("-m", *SMALL, "seed=0,2", "hydra.sweep.dir=sweep")
    assert outcome.status == 2
    assert "hydra.sweep.dir=sweep: this folder holds runs of the sweep " in outcome.err
    assert "seed=0,1, which the same command resumes; name another one" in outcome.err


def test_a_folder_with_a_summary_of_another_program_is_left_alone(snntrain: Command, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "summary.json").write_text('{"total": 3}')
    outcome = snntrain(*SMALL, "hydra.run.dir=other")
    assert outcome.status == 2
    assert outcome.err == "snntrain: other: holds a summary.json of another program; name another folder\n"
    assert os.listdir(tmp_path / "other") == ["summary.json"]


@pytest.mark.slow
def test_a_run_that_stopped_on_a_full_disk_resumes(process: Process, snntrain: Command, tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk."""
    running = process(*ENDLESS, "hydra.run.dir=run")
    trained_for(tmp_path / "run", 2, running)
    resource.prlimit(running.pid, resource.RLIMIT_FSIZE, (20_000, 20_000))
    _, err = running.communicate(timeout=60)
    assert running.returncode == 1
    assert "run cannot be written (File too large); saved files are whole: fix that, then resume with: " in err
    assert summary(tmp_path / "run")["status"] == "failed"
    done = len(rows(tmp_path / "run"))
    assert snntrain("resume=run", f"trainer.epochs={done + 2}").status == 0
    assert [row["epoch"] for row in rows(tmp_path / "run")] == list(range(1, done + 3))


def test_a_run_on_a_full_disk_names_the_command_that_resumes_it(
    snntrain: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same command first writes the files of .hydra again."""
    first = snntrain(*SMALL, "trainer.epochs=1", "hydra.run.dir=run")
    assert first.status == 0

    def full(folder: Folder, contents: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder.path))

    with monkeypatch.context() as patch:
        patch.setattr(whole, "write_together", full)
        outcome = snntrain(*SMALL, "trainer.epochs=2", "hydra.run.dir=run")
        new = snntrain(*SMALL, "trainer.epochs=2", "hydra.run.dir=other")
    assert outcome.status == 1
    assert "run cannot be written (No space left on device); saved files are whole" in outcome.err
    assert outcome.err.endswith(": snntrain resume=run\n")
    assert (new.status, "choose another folder with hydra.run.dir=" in new.err) == (2, True)
    assert summary(tmp_path / "run")["status"] == "completed"
