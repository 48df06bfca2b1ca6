"""The division of a machine into slots: GPUs, threads and the number of jobs at once."""

from __future__ import annotations

import pytest

from snntrain.cli.launchers.slots import Machine, Slot, divided
from snntrain.errors import UserError

GPUS = ("0", "1", "2", "3")


def gpus(machine: Machine, workers: int | str, per_job: float, jobs: int = 100) -> list[tuple[str, ...] | None]:
    """Return the GPUs of each slot."""
    return [slot.gpus for slot in divided(machine, workers, per_job, jobs)]


@pytest.mark.parametrize(
    ("cores", "workers", "jobs", "threads"),
    [
        (2, "auto", 9, [2]),
        (16, "auto", 9, [4, 4, 4, 4]),
        (16, "auto", 3, [5, 5, 5]),
        (2, 4, 9, [1, 1, 1, 1]),
        (8, 2, 9, [4, 4]),
        (8, 5, 1, [8]),
    ],
)
def test_a_cpu_is_divided_by_its_cores(cores: int, workers: int | str, jobs: int, threads: list[int]) -> None:
    assert divided(Machine(cores), workers, 1, jobs) == [Slot(count) for count in threads]


@pytest.mark.parametrize(
    ("workers", "per_job", "expected"),
    [
        ("auto", 1, [("0",), ("1",), ("2",), ("3",)]),
        (2, 1, [("0",), ("1",)]),
        ("auto", 2, [("0", "1"), ("2", "3")]),
        ("auto", 3, [("0", "1", "2")]),
        (6, 0.5, [("0",), ("1",), ("2",), ("3",), ("0",), ("1",)]),
        ("auto", 0.33, [(name,) for name in GPUS * 3]),
        ("auto", 0.7, [(name,) for name in GPUS]),
        (3, 0, [(), (), ()]),
    ],
)
def test_gpus_are_divided_among_the_jobs(workers: int | str, per_job: float, expected: list[tuple[str, ...]]) -> None:
    assert gpus(Machine(32, GPUS), workers, per_job) == expected


def test_no_more_slots_than_jobs_and_all_cores_are_shared() -> None:
    assert divided(Machine(32, GPUS), "auto", 1, 2) == [Slot(16, ("0",)), Slot(16, ("1",))]


@pytest.mark.parametrize(("workers", "per_job"), [(5, 1), (3, 2), ("auto", 5), (9, 0.5)])
def test_more_than_there_is_is_refused(workers: int | str, per_job: float) -> None:
    with pytest.raises(UserError, match=r"there are 4 GPUs \(0, 1, 2, 3\), on which \d jobs? fits? at once"):
        divided(Machine(32, GPUS), workers, per_job, 100)


def test_a_process_gets_its_gpus_and_threads() -> None:
    found = Slot(3, ("GPU-a", "GPU-b")).environment({"HOME": "/h", "MKL_NUM_THREADS": "7"})
    assert found == {
        "HOME": "/h",
        "OMP_NUM_THREADS": "3",
        "MKL_NUM_THREADS": "7",
        "OPENBLAS_NUM_THREADS": "3",
        "NUMBA_NUM_THREADS": "3",
        "CUDA_VISIBLE_DEVICES": "GPU-a,GPU-b",
    }


def test_threads_that_the_user_has_set_and_gpus_without_slots_are_left_alone() -> None:
    own = {"OMP_NUM_THREADS": "2", "CUDA_VISIBLE_DEVICES": "1"}
    assert Slot(3).environment(own) == own
