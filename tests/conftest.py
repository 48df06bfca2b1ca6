"""Settings and fixtures of all tests: one thread, no deadlines, and the command line in this process."""

import logging
import re
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from hypothesis import settings

from snntrain.cli.main import status

# Tests may run side by side, and on machines of every speed.
torch.set_num_threads(1)
# `pytest --hypothesis-profile=many` tries ten times as many examples in tests without their own number.
settings.register_profile("snntrain", deadline=None, max_examples=30)
settings.register_profile("many", deadline=None, max_examples=300)
settings.load_profile("snntrain")

TINY = ("network=mlp", "network.hidden=[16]", "debug=smoke", "trainer.device=cpu", "trainer.precision=fp32")


@dataclass(frozen=True)
class Outcome:
    """The exit status of a command and its output."""

    status: int
    out: str
    err: str


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--part", help="run a part of the tests, as 2/6: the second of six; a test's name decides on it")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the cases beyond a sample as slow. Skip GPU tests on a machine without a GPU. Keep a part, if asked to."""
    _mark_the_rest_of_samples(items)
    _skip_without_gpu(items)
    if part := config.getoption("part"):
        items[:] = part_of(items, part)


def part_of(items: list[pytest.Item], part: str) -> list[pytest.Item]:
    """Return the tests of a part such as 2/6; all six together have each test once."""
    given = re.fullmatch(r"([1-9]\d*)/([1-9]\d*)", part)
    if given is None or int(given[1]) > int(given[2]):
        raise pytest.UsageError(f"--part={part}: must be <number>/<parts>, as 2/6")
    number, parts = map(int, given.groups())
    return [item for item in items if zlib.crc32(item.nodeid.encode()) % parts == number - 1]


def _mark_the_rest_of_samples(items: list[pytest.Item]) -> None:
    """Keep `few` cases of each test marked `sample(few)`, spread evenly, and mark its other cases as slow."""
    cases: dict[str, list[pytest.Item]] = {}
    for item in items:
        if item.get_closest_marker("sample"):
            cases.setdefault(item.nodeid.partition("[")[0], []).append(item)
    for each in cases.values():
        marker = each[0].get_closest_marker("sample")
        assert marker is not None
        (few,) = marker.args
        kept = {round(index * (len(each) - 1) / max(1, few - 1)) for index in range(few)}
        for index, item in enumerate(each):
            if index not in kept:
                item.add_marker(pytest.mark.slow)


def _skip_without_gpu(items: list[pytest.Item]) -> None:
    """Skip tests that need a GPU on a machine without one."""
    if not torch.cuda.is_available():
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="there is no GPU"))


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """Restore the logging settings, because a run sends all messages to its own log file and terminal."""
    loggers = [logging.getLogger(name) for name in (None, "snntrain", "snntrain.file")]
    before = [(logger, logger.handlers[:], logger.level, logger.propagate) for logger in loggers]
    yield
    for logger, handlers, level, propagate in before:
        logger.handlers[:], logger.level, logger.propagate = handlers, level, propagate


def run_in(folder: Path, *argv: str) -> int:
    """Run `snntrain argv` in `folder` like a separate process, and return its exit status."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["snntrain", *argv])
        patch.setattr(sys, "path", sys.path[:])
        patch.setenv("HYDRA_FULL_ERROR", "0")
        return status(argv)


@pytest.fixture
def snntrain(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Return a function that runs the command line in `tmp_path`."""

    def command(*argv: str) -> Outcome:
        capsys.readouterr()
        code = run_in(tmp_path, *argv)
        said = capsys.readouterr()
        return Outcome(code, said.out, said.err)

    return command


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a complete run of two tiny epochs; tests only read it."""
    folder = tmp_path_factory.mktemp("finished")
    assert run_in(folder, *TINY, "trainer.epochs=2", "trainer.ema=0.5", "hydra.run.dir=run") == 0
    return folder / "run"
