"""The jobs of a sweep on a Ray cluster of two nodes: deaths of jobs and nodes, and a sweep that is interrupted."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

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
from tests.conftest import Outcome

pytest.importorskip("ray", reason="the extra snntrain[ray] is not installed")

RAY = "hydra/launcher=ray"
ROOT = str(Path(__file__).parents[3])
# Bytes of each node's object store, which jobs hardly use.
STORE = 80 * 2**20


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return a cluster of two nodes with a core each; the second has a GPU, as far as Ray knows."""
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [ROOT, os.environ.get("PYTHONPATH")])))
    monkeypatch.chdir("/")
    given = {"num_cpus": 1, "object_store_memory": STORE, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=given)
    cluster.add_node(num_cpus=1, num_gpus=1, object_store_memory=STORE)
    yield cluster
    cluster.shutdown()


def started(folder: Path, cluster: Any, *argv: str) -> Started:
    """Start a sweep; its processes have the folder in their environment."""
    environment = {"SWEEP_OF": str(folder)}
    return Started(folder, environment, (*argv, RAY, f"hydra.launcher.address={cluster.address}"))


def workers(folder: Path) -> list[int]:
    """Return the processes that train in the jobs of the sweep, from their locks."""
    found = [(path / "run.lock").read_text() for path in jobs(folder).values() if (path / "run.lock").exists()]
    return [int(text.partition('"pid": ')[2].partition("}")[0]) for text in found if text]


@pytest.mark.slow
def test_eight_jobs_of_which_one_fails_and_one_is_killed_are_complete_after_the_same_command_again(
    nodes: Any, tmp_path: Path
) -> None:
    given = sweep(*own_neuron(tmp_path), "neuron.harm=none,fails,'is killed',nothing", "seed=0,1")
    status, out, _ = started(tmp_path, nodes, *given).ended()
    assert status == 1
    assert "4 of 8 jobs completed in sweep\n" in out
    assert out.count("failed: of its own (traceback in ") == 2
    assert out.count("failed: ended without a result: WorkerCrashedError") == 2
    assert [each["status"] for each in summaries(tmp_path).values()] == ["completed"] * 2 + ["failed"] * 4 + [
        "completed"
    ] * 2
    assert "epoch 1/1" not in out
    (tmp_path / "hurts").unlink()
    written = (jobs(tmp_path)[0] / "summary.json").stat().st_mtime_ns
    status, out, err = started(tmp_path, nodes, *given).ended()
    assert (status, err) == (0, "")
    assert "8 of 8 jobs completed in sweep\n" in out
    assert (jobs(tmp_path)[0] / "summary.json").stat().st_mtime_ns == written


@pytest.mark.slow
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_sweep_saves_its_jobs_and_the_same_command_resumes_them(
    number: int, status: int, nodes: Any, tmp_path: Path
) -> None:
    given = sweep("seed=0,1,2", epochs=60)
    command = started(tmp_path, nodes, *given)
    wait_until(lambda: min(epochs(tmp_path, 0), epochs(tmp_path, 1)) >= 2)
    interrupt(command, number)
    code, out, err = command.ended()
    assert code == status
    assert "snntrain: interrupted; resume with: " in err
    assert "the jobs are cancelled; waiting until they are saved\n" in out
    assert [each["status"] for each in summaries(tmp_path).values()] == ["interrupted"] * 2
    assert not workers(tmp_path)
    assert not left_behind(f"SWEEP_OF={tmp_path}")
    code, out, _ = started(tmp_path, nodes, *given).ended()
    assert code == 0
    assert "3 of 3 jobs completed in sweep\n" in out
    assert epochs(tmp_path, 0) == 60


@pytest.mark.slow
def test_the_job_of_a_node_that_dies_is_listed_and_resumed(nodes: Any, tmp_path: Path) -> None:
    given = sweep("seed=0", "hydra.launcher.num_gpus=1", epochs=60)
    command = started(tmp_path, nodes, *given)
    wait_until(lambda: epochs(tmp_path, 0) >= 2)
    (gone,) = nodes.worker_nodes
    nodes.remove_node(gone, allow_graceful=False)
    code, out, _ = command.ended()
    assert code == 1
    assert "(raylet)" not in out
    assert "job 0: failed: ended without a result: " in out
    (summary,) = summaries(tmp_path).values()
    assert summary["status"] == "failed"
    nodes.add_node(num_cpus=1, num_gpus=1, object_store_memory=STORE)
    code, out, _ = started(tmp_path, nodes, *given).ended()
    assert code == 0
    assert epochs(tmp_path, 0) == 60


@pytest.mark.slow
def test_jobs_that_fit_no_machine_are_refused_before_they_start(nodes: Any, tmp_path: Path) -> None:
    code, _, err = started(tmp_path, nodes, *sweep("seed=0,1", "hydra.launcher.num_gpus=2")).ended()
    assert code == 2
    assert err == (
        "snntrain: hydra.launcher.num_cpus=1 num_gpus=2: no machine of the Ray cluster has that much, at most 1 CPU "
        "cores and 1 GPUs; give less\n"
    )
    assert not jobs(tmp_path)


@pytest.mark.slow
def test_without_an_address_a_cluster_of_this_machine_is_started_and_ended(tmp_path: Path) -> None:
    environment = {"SWEEP_OF": str(tmp_path), "PYTHONPATH": os.pathsep.join([ROOT, os.environ.get("PYTHONPATH", "")])}
    # The working directory is on no search path of a worker.
    (tmp_path / "numba.py").write_text("raise SystemExit('a file of the working directory is imported')\n")
    code, out, err = Started(tmp_path, environment, (*sweep("seed=0,1"), RAY)).ended()
    assert (code, err) == (0, "")
    assert "2 of 2 jobs completed in sweep\n" in out
    # Idle workers end when they notice that their cluster has ended.
    wait_until(lambda: not left_behind(f"SWEEP_OF={tmp_path}"))


def test_a_cluster_that_does_not_answer_is_reported_in_one_line(
    snntrain: Callable[..., Outcome], tmp_path: Path
) -> None:
    outcome = snntrain(*sweep("seed=0,1", RAY, "hydra.launcher.address=127.0.0.1:1"))
    assert outcome.status == 2
    assert outcome.err.startswith("snntrain: hydra.launcher.address=127.0.0.1:1: Ray does not answer (")
