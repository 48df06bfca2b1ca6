"""Processes that torchrun or srun has started: one run, and one end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from chaos import compare
from snntrain.cli.ranks.joined import first_node, start
from snntrain.errors import UserError
from tests.cli.ranks.conftest import Start
from tests.cli.ranks.programs import LONG, ROOT, SHORT, SMALL, Program, left_behind
from tests.conftest import Outcome

slow = pytest.mark.slow
RUN = (*SMALL, "hydra.run.dir=run")
OF_TORCHRUN = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "LOCAL_WORLD_SIZE": "2"}
OF_SRUN = {
    **{"SLURM_STEP_NUM_TASKS": "2", "SLURM_JOB_ID": "7", "SLURM_STEP_ID": "0"},
    **{"SLURM_STEP_NODELIST": "localhost", "GLOO_SOCKET_IFNAME": "lo"},
}
Started = Callable[..., list[Program]]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@pytest.fixture
def by_srun(command: Start) -> Started:
    """Return a function that starts a command twice, with the variables of srun."""
    port = str(free_port())

    def started(*argv: str, **more: str) -> list[Program]:
        places = ({"SLURM_PROCID": str(rank), "SLURM_LOCALID": str(rank)} for rank in range(2))
        return [command(*argv, environment=OF_SRUN | {"MASTER_PORT": port} | place | more) for place in places]

    return started


@pytest.fixture
def by_cluster(command: Start) -> Started:
    """Return a function that starts a command twice, with the variables of torchrun but no store of its own."""
    port = str(free_port())

    def started(*argv: str) -> list[Program]:
        places = ({"RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(2))
        return [command(*argv, environment=OF_TORCHRUN | {"MASTER_PORT": port} | place) for place in places]

    return started


def torchrun(folder: Path, *argv: str) -> subprocess.Popen[str]:
    """Start torchrun, and it starts two new processes."""
    words = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "--no-python"]
    return subprocess.Popen(
        [sys.executable, *words, sys.executable, "-m", "snntrain", *argv],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@slow
def test_two_processes_of_srun_train_one_run(by_srun: Started, folder: Path) -> None:
    first, second = by_srun(*RUN, *SHORT)
    assert (first.wait(), second.wait()) == (0, 0), first.shown() + second.shown()
    assert "cpu, 2 processes, fp32" in first.out.read_text()
    assert first.out.read_text().count("run=run") == 1
    assert (first.lines(), second.shown()) == ([], "")
    assert [path.name for path in folder.iterdir() if path.is_dir()] == ["run"]


@slow
def test_the_bits_are_those_of_the_processes_that_the_command_starts_itself(
    by_cluster: Started, folder: Path, undisturbed: Path
) -> None:
    programs = by_cluster(*RUN, *LONG, "trainer.devices=2")
    assert [program.wait() for program in programs] == [0, 0], programs[0].shown()
    assert compare.differences(folder / "run", undisturbed) == []


@slow
@pytest.mark.parametrize(
    ("argv", "line"),
    [
        ((*RUN, "T=0"), "T=0: must be >= 1"),
        ((*RUN, "trainer.devices=3"), "trainer.devices=3: srun has started 2 processes; leave the key out"),
        ((*RUN, "trainer.batch_size=1"), "srun has started 2 processes: a batch of trainer.batch_size=1 cannot be"),
        (
            (*RUN, "network._target_=faulty.Absent", "allow_targets=[faulty]"),
            "_target_=faulty.Absent: there is no such",
        ),
    ],
)
def test_a_users_mistake_is_one_line_of_process_0(
    argv: tuple[str, ...], line: str, by_srun: Started, folder: Path
) -> None:
    first, second = by_srun(*argv)
    assert (first.wait(), second.wait()) == (2, 2)
    (said,) = first.lines()
    assert line in said
    assert second.shown() == ""
    assert not (folder / "run").exists()


@slow
def test_a_failure_of_another_process_is_reported_by_process_0(by_srun: Started, folder: Path) -> None:
    first, second = by_srun(*RUN, *SHORT, "loss._target_=faulty.Faulty", "allow_targets=[faulty]")
    assert (first.wait(), second.wait()) == (1, 1)
    (line,) = first.lines()
    assert line.startswith("snntrain: the run failed: process 1: no such luck (traceback in ")
    assert second.shown() == ""
    assert "process 1 of 2 failed\nTraceback" in (folder / "run" / "train.log").read_text()


@slow
@pytest.mark.parametrize("killed", [0, 1])
def test_a_killed_process_ends_the_other(killed: int, by_srun: Started, folder: Path, undisturbed: Path) -> None:
    programs = by_srun(*RUN, *LONG)
    programs[0].trains()
    programs[0].until((folder / "run" / "checkpoints" / "last.pt").exists)
    programs[killed].send(signal.SIGKILL)
    assert programs[1 - killed].wait(60) == 1
    assert len(programs[1 - killed].lines()) == 1, programs[1 - killed].shown()
    assert not left_behind(folder)
    assert [program.wait() for program in by_srun(*RUN, *LONG, "trainer.devices=2")] == [0, 0]
    assert compare.differences(folder / "run", undisturbed) == []


@slow
def test_a_signal_to_one_process_stops_both(by_srun: Started) -> None:
    first, second = by_srun(*RUN, *LONG)
    first.trains()
    second.send(signal.SIGTERM)
    assert (first.wait(), second.wait()) == (143, 143)
    assert first.lines() == ["snntrain: interrupted; resume with: snntrain resume=run"]


@slow
def test_the_jobs_of_a_sweep_are_work_for_all(by_srun: Started, folder: Path) -> None:
    losses = "loss._target_=faulty.Faulty,snntrain.training.loss.MSERate"
    programs = by_srun(*SMALL, *SHORT, "-m", losses, "allow_targets=[faulty]", "hydra.sweep.dir=sweep")
    assert [program.wait() for program in programs] == [1, 1]
    assert programs[0].lines()[-1].startswith("snntrain: 1 of 2 jobs")
    assert len(list(folder.glob("sweep/*/test.json"))) == 1


@slow
def test_a_port_that_is_taken_is_one_line(by_srun: Started, folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        first, second = by_srun(*RUN, *SHORT, MASTER_PORT=port)
        assert first.wait() == 2
        second.send(signal.SIGTERM)
        assert second.wait() == 143
    (line,) = first.lines()
    assert line.startswith(f"snntrain: MASTER_PORT={port}: process 0 of 2 cannot listen there")
    assert "set MASTER_PORT to a free port, the same for all processes" in line
    assert second.lines() == ["snntrain: interrupted"]


@slow
def test_torchrun_trains_one_run(folder: Path) -> None:
    program = torchrun(folder, *RUN, *SHORT)
    out, err = program.communicate(timeout=200)
    assert program.returncode == 0, err
    assert out.count("run=run") == 1
    assert [path.name for path in folder.iterdir() if path.is_dir()] == ["run"]


@slow
def test_torchrun_shows_a_users_mistake_once(folder: Path) -> None:
    program = torchrun(folder, *RUN, "T=0")
    _, err = program.communicate(timeout=200)
    assert err.count("snntrain: ") == 1
    assert "exitcode  : 2" in err


@slow
def test_torchrun_shows_a_failure_once(folder: Path) -> None:
    program = torchrun(folder, *RUN, *SHORT, "loss._target_=faulty.Faulty", "allow_targets=[faulty]")
    _, err = program.communicate(timeout=200)
    assert program.returncode == 1
    assert err.count("snntrain: the run failed: process 1: no such luck") == 1


@slow
def test_torchrun_forwards_a_signal_and_the_same_command_resumes(folder: Path, undisturbed: Path) -> None:
    program = torchrun(folder, *RUN, *LONG)
    assert program.stdout is not None
    for line in program.stdout:
        if line.startswith("epoch  1/"):
            break
    program.send_signal(signal.SIGTERM)
    _, err = program.communicate(timeout=200)
    assert err.count("snntrain: interrupted; resume with: ") == 1
    assert not left_behind(folder)
    again = torchrun(folder, *RUN, *LONG, "trainer.devices=2")
    _, err = again.communicate(timeout=200)
    assert again.returncode == 0, err
    assert compare.differences(folder / "run", undisturbed) == []


TORCHRUN = OF_TORCHRUN | {"RANK": "1", "LOCAL_RANK": "1", "MASTER_PORT": "29500"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"RANK": ""}, "WORLD_SIZE=2 without RANK: torchrun sets them all"),
        ({"RANK": "2"}, "RANK=2 MASTER_PORT=29500: a rank lies between 0 and 1"),
        ({"RANK": "-1"}, "RANK=-1"),
        ({"MASTER_PORT": "0"}, "MASTER_PORT=0: a rank lies between 0 and 1, a port between 1 and 65535"),
        ({"MASTER_PORT": "here"}, "MASTER_PORT=here"),
        ({"MASTER_ADDR": "", "RANK": ""}, "WORLD_SIZE=2 without RANK and MASTER_ADDR"),
    ],
)
def test_a_place_that_cannot_be_is_refused(
    change: dict[str, str],
    words: str,
    snntrain: Callable[..., Outcome],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in (TORCHRUN | change).items():
        monkeypatch.setenv(name, value)
    outcome = snntrain(*RUN)
    assert outcome.status == 2
    assert words in outcome.err
    assert outcome.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("nodes", "first"),
    [
        *(("node7", "node7"), ("node[07-12,15]", "node07"), ("gpu-a[1,3],login", "gpu-a1"), ("a,b", "a")),
        ("10.0.0.1", "10.0.0.1"),
    ],
)
def test_the_first_node_of_a_list_is_found(nodes: str, first: str) -> None:
    assert first_node(nodes) == first


def test_all_processes_of_a_step_compute_one_port_and_another_step_another() -> None:
    def port(step: str, rank: str) -> int:
        found = start(OF_SRUN | {"SLURM_PROCID": rank, "SLURM_STEP_ID": step})
        assert found is not None
        return found.port

    assert port("0", "0") == port("0", "1") != port("1", "0")


def test_one_process_of_a_cluster_is_not_one_of_several() -> None:
    assert start({"WORLD_SIZE": "1", "RANK": "0"}) is None
    assert start({"SLURM_STEP_NUM_TASKS": "1", "SLURM_PROCID": "0"}) is None
    with pytest.raises(UserError, match="WORLD_SIZE=8 without RANK"):
        start({"WORLD_SIZE": "8"})
