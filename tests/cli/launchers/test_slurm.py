"""The jobs of a sweep on a SLURM of this machine: arrays, deaths, requeues, and a sweep that is interrupted."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from chaos.compare import differences
from snntrain.cli.launchers.slurm import queue
from tests.cli.launchers.commands import (
    Started,
    epochs,
    interrupt,
    jobs,
    left_behind,
    own_neuron,
    summaries,
    sweep,
    wait_until,
)
from tests.cli.launchers.fake_slurm import COMMANDS, ask, installed, tasks
from tests.conftest import Outcome

pytest.importorskip("submitit", reason="the extra snntrain[slurm] is not installed")

SLURM = "hydra/launcher=submitit_slurm"


class Cluster:
    """A fake SLURM, and sweeps that use it from the folder `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.commands = installed(folder / "slurm")
        self.state = folder / "slurm" / "state"
        self.environment = {
            "FAKE_SLURM": str(self.state),
            "PATH": f"{self.commands}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join(filter(None, [str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH")])),
        }

    def start(self, *argv: str, environment: Mapping[str, str] | None = None) -> Started:
        """Start a sweep."""
        return Started(self.folder, self.environment | dict(environment or {}), (*argv, SLURM))

    def run(self, *argv: str) -> tuple[int, str, str]:
        """Run a sweep to its end, and return its exit status and output."""
        return self.start(*argv).ended()

    def states(self) -> list[str]:
        """Return the state of each task."""
        return [task["state"] for task in tasks(self.state).values()]

    def is_empty(self) -> bool:
        """Return whether no process is left, not even a controller."""
        return not left_behind(str(self.state))


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Return a cluster; at the end no process of it may be left."""
    cluster = Cluster(tmp_path)
    yield cluster
    wait_until(cluster.is_empty)


def test_the_jobs_are_one_array_and_a_failed_one_is_listed(cluster: Cluster) -> None:
    given = sweep("trainer.device=cpu,cuda:99", "hydra.launcher.gpus_per_task=1", "hydra.launcher.qos=high")
    status, out, err = cluster.run(*given)
    assert (status, err) == (1, "snntrain: 1 of 2 jobs of the sweep failed; each folder's summary.json says why\n")
    assert "2 jobs submitted to SLURM as 1; their output: sweep/.slurm/snntrain-" in out
    assert "\njob 0 trainer.device=cpu: val_accuracy=" in out
    assert "\njob 1 trainer.device=" in out
    assert ": failed: trainer.device=cuda:99: PyTorch finds no such GPU here" in out
    first, _ = tasks(cluster.state).values()
    wanted = {"array": "0-1%2", "gpus-per-task": "1", "ntasks-per-node": "1", "qos": "high", "requeue": ""}
    assert wanted.items() <= first["options"].items()
    wait_until(lambda: cluster.states() == ["COMPLETED", "COMPLETED"])
    assert [summary["status"] for summary in summaries(cluster.folder).values()] == ["completed", "failed"]


@pytest.mark.slow
def test_eight_jobs_of_which_one_fails_and_one_is_killed_are_complete_after_the_same_command_again(
    cluster: Cluster,
) -> None:
    given = sweep(
        *own_neuron(cluster.folder),
        "neuron.harm=none,fails,'is killed',nothing",
        "seed=0,1",
        "hydra.launcher.array_parallelism=2",
    )
    (cluster.folder / "hurts").touch()
    status, out, err = cluster.run(*given)
    assert status == 1
    assert "4 of 8 jobs completed in sweep\n" in out
    assert out.count("failed: of its own (traceback in ") == 2
    assert out.count("failed: ended without a result: SLURM's state FAILED (output in sweep/.slurm/") == 2
    assert "4 of 8 jobs of the sweep failed" in err
    ended = {number: (each["status"], each["error"]) for number, each in summaries(cluster.folder).items()}
    assert [ending[0] for ending in ended.values()] == ["completed"] * 2 + ["failed"] * 4 + ["completed"] * 2
    assert str(ended[4][1]).startswith("ended without a result: SLURM's state FAILED")
    written = (jobs(cluster.folder)[0] / "summary.json").stat().st_mtime_ns
    (cluster.folder / "hurts").unlink()
    status, out, err = cluster.run(*given)
    assert (status, err) == (0, "")
    assert "4 jobs submitted to SLURM as 2" in out
    assert "8 of 8 jobs completed in sweep\n" in out
    assert (jobs(cluster.folder)[0] / "summary.json").stat().st_mtime_ns == written


@pytest.mark.slow
def test_a_job_whose_time_is_nearly_up_is_requeued_and_ends_as_if_it_had_not_been(cluster: Cluster) -> None:
    given = sweep("seed=3", epochs=25)
    started = cluster.start(*given)
    for count in (1, 2):
        wait_until(lambda count=count: epochs(cluster.folder, 0) >= 5 * count)
        ask(cluster.state, "1", "warn")
        wait_until(lambda count=count: tasks(cluster.state)["1"]["restarts"] == count)
    status, out, err = started.ended()
    assert (status, err) == (0, "")
    assert "1 of 1 jobs completed in sweep\n" in out
    (resumed,) = jobs(cluster.folder).values()
    disturbed = Path(shutil.move(cluster.folder / "sweep", cluster.folder / "first"))
    assert cluster.run(*given)[0] == 0
    (alone,) = jobs(cluster.folder).values()
    assert (disturbed / resumed.name / "metrics.jsonl").read_text().count("\n") == 25
    assert differences(disturbed / resumed.name, alone) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("key", "environment", "why"),
    [
        ("max_num_timeout=0", {}, "after hydra.launcher.max_num_timeout=0 requeues"),
        (
            "qos=low",
            {"FAKE_SLURM_REQUEUE": "no"},
            "SLURM does not requeue it (Requested operation is presently disabled)",
        ),
    ],
)
def test_a_job_that_is_not_requeued_is_saved_and_listed(
    key: str, environment: dict[str, str], why: str, cluster: Cluster
) -> None:
    started = cluster.start(*sweep("seed=3", f"hydra.launcher.{key}", epochs=200), environment=environment)
    wait_until(lambda: epochs(cluster.folder, 0) >= 2)
    ask(cluster.state, "1", "warn")
    status, out, _ = started.ended()
    assert status == 1
    assert why in out
    assert [each["status"] for each in summaries(cluster.folder).values()] == ["interrupted"]
    assert "  interrupted: 0_" in out
    assert ": resume with: " in out


@pytest.mark.slow
def test_an_interrupted_sweep_cancels_its_jobs_and_the_same_command_resumes_them(cluster: Cluster) -> None:
    given = sweep("seed=0,1,2", "hydra.launcher.array_parallelism=2", epochs=60)
    started = cluster.start(*given)
    wait_until(lambda: min(epochs(cluster.folder, 0), epochs(cluster.folder, 1)) >= 2)
    interrupt(started)
    code, out, err = started.ended()
    assert code == 130
    assert "snntrain: interrupted; resume with: " in err
    assert "hydra.sweep.dir=sweep" in err
    assert "jobs are cancelled; waiting until they are saved\n" in out
    assert set(cluster.states()) == {"CANCELLED"}
    assert [each["status"] for each in summaries(cluster.folder).values()] == ["interrupted"] * 2
    trained = epochs(cluster.folder, 0)
    wait_until(cluster.is_empty)
    code, out, _ = cluster.run(*given)
    assert code == 0
    assert "3 of 3 jobs completed in sweep\n" in out
    assert 2 <= trained < epochs(cluster.folder, 0) == 60


@pytest.mark.slow
def test_a_sweep_that_was_killed_waits_for_its_jobs_at_the_next_start(cluster: Cluster) -> None:
    given = sweep("seed=0,1", epochs=25)
    started = cluster.start(*given)
    wait_until(lambda: epochs(cluster.folder, 0) >= 1)
    started.process.kill()
    started.ended()
    code, out, err = cluster.run(*given)
    assert (code, err) == (0, "")
    assert "waiting for " in out
    assert "submitted to SLURM" not in out
    assert "2 of 2 jobs completed in sweep\n" in out
    wait_until(lambda: cluster.states() == ["COMPLETED", "COMPLETED"])


@pytest.mark.slow
@pytest.mark.parametrize("accounting", ["yes", "no"])
def test_a_job_that_slurm_kills_is_listed_with_its_state(accounting: str, cluster: Cluster) -> None:
    started = cluster.start(*sweep("seed=0", epochs=200), environment={"FAKE_SLURM_ACCOUNTING": accounting})
    wait_until(lambda: epochs(cluster.folder, 0) >= 1)
    ask(cluster.state, "1", "OUT_OF_MEMORY")
    status, out, _ = started.ended()
    assert status == 1
    why = "SLURM's state OUT_OF_MEMORY" if accounting == "yes" else "SLURM does not know it any more"
    assert f"job 0: failed: ended without a result: {why} (output in sweep/.slurm/" in out
    (summary,) = summaries(cluster.folder).values()
    assert summary["status"] == "failed"
    assert summary["error"].startswith(f"ended without a result: {why}")


def test_jobs_that_slurm_refuses_are_reported_in_one_line(
    cluster: Cluster, snntrain: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in cluster.environment.items():
        monkeypatch.setenv(name, value)
    outcome = snntrain(*sweep("seed=0,1", SLURM, "hydra.launcher.partition=nowhere"))
    assert outcome.status == 2
    assert outcome.err.startswith(
        "snntrain: hydra/launcher=submitit_slurm: sbatch refuses the jobs (Batch job submission failed: Invalid "
        "partition name specified); change hydra.launcher.partition"
    )
    assert outcome.err.count("\n") == 1
    assert not list((cluster.folder / "sweep" / ".slurm").iterdir())


def test_without_the_commands_of_slurm_nothing_is_written(
    snntrain: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    outcome = snntrain(*sweep("seed=0,1", SLURM))
    assert (outcome.status, outcome.out) == (2, "")
    assert outcome.err.startswith(
        "snntrain: hydra/launcher=submitit_slurm: there is no sbatch in PATH; start the sweep"
    )
    assert not list(tmp_path.iterdir())


def test_a_queue_is_read_as_slurm_prints_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in {
        "squeue": "17_3 PENDING snntrain-1\\n18 RUNNING another job\\n17_4 COMPLETING snntrain-1\\n",
        "sacct": "17_0|CANCELLED by 1000\\n17_0.batch|CANCELLED\\n17_1|NODE_FAIL\\n",
    }.items():
        (tmp_path / name).write_text(f"#!/bin/sh\nprintf '{text}'\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert queue.queued(["snntrain-1"]) == {"17_3": "PENDING", "17_4": "COMPLETING"}
    assert queue.ended(["17"]) == {"17_0": "CANCELLED by 1000", "17_1": "NODE_FAIL"}
    assert queue.missing() == "sbatch"
    (tmp_path / "squeue").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "sacct").unlink()
    assert queue.queued(["snntrain-1"]) is None
    assert queue.ended(["17"]) == {}


def test_the_names_of_the_commands_are_those_that_a_cluster_has() -> None:
    assert set(queue.NEEDED) <= set(COMMANDS)
