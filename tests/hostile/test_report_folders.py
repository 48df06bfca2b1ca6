"""Folders for a report that lead elsewhere or have no end: no other runs are shown, and a line reports it."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from snntrain.errors import UserError
from snntrain.report.files import write
from snntrain.report.report import make
from snntrain.runs import find
from tests.conftest import Outcome
from tests.report.folders import write_run

from .fuzz import Tried, is_readable


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """Return a folder with a run; elsewhere there are runs of somebody else and a sweep of the user."""
    write_run(tmp_path / "top" / "run")
    for number in range(2):
        write_run(tmp_path / "elsewhere" / "home" / str(number))
        write_run(tmp_path / "elsewhere" / "sweep" / f"{number}_seed={number}", seed=number)
    (tmp_path / "elsewhere" / "sweep" / "multirun.yaml").touch()
    return tmp_path / "top"


@pytest.mark.parametrize("target", ["elsewhere", "elsewhere/home", "/", "top", "."])
def test_a_link_to_anything_is_not_followed(target: str, top: Path) -> None:
    Tried.cases += 1
    (top / "link").symlink_to(top.parent / target)
    (top / "run" / "link").symlink_to(top.parent / target)
    assert find.find([top]) == [top / "run"]


def test_a_link_to_a_run_or_a_sweep_is_followed_and_named(top: Path, snntrain: Callable[..., Outcome]) -> None:
    elsewhere = top.parent / "elsewhere"
    (top / "one").symlink_to(elsewhere / "home" / "0")
    (top / "swept").symlink_to(elsewhere / "sweep")
    jobs = [top / "swept" / f"{number}_seed={number}" for number in range(2)]
    assert find.find([top]) == [top / "one", top / "run", *jobs]
    outcome = snntrain("report", "top")
    assert outcome.status == 0
    page = (top / "report.html").read_text()
    markdown = (top / "report.md").read_text()
    for name, place in (("one", elsewhere / "home" / "0"), ("swept", elsewhere / "sweep")):
        line = f"top/{name} is a link and leads to {place}"
        assert line in outcome.out
        assert line in page
        assert "is a link and leads to" in markdown
    assert "top/run is" not in outcome.out


def test_the_folder_that_is_named_may_be_a_link(top: Path) -> None:
    (top.parent / "link").symlink_to(top.parent / "elsewhere")
    found = find.find([top.parent / "link"])
    assert len(found) == 4
    assert not make([top.parent / "link"], "test_accuracy", 0.0).linked


def test_many_links_are_counted_and_not_listed(top: Path, snntrain: Callable[..., Outcome]) -> None:
    for number in range(30):
        write_run(top.parent / "disk" / str(number))
        (top / f"link{number:02}").symlink_to(top.parent / "disk" / str(number))
    out = snntrain("report", "top").out
    assert out.count("is a link and leads to") == 20
    assert "and 10 more links" in out


def test_too_many_folders_are_reported(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(find, "MOST_FOLDERS", 50)
    assert find.find([top])
    for number in range(60):
        (top / str(number)).mkdir()
    with pytest.raises(UserError, match="more than 50 folders; name the folders of runs") as caught:
        find.find([top])
    assert is_readable(caught.value)


def test_folders_nested_as_deep_as_can_be_are_walked(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(top)
    for _ in range(1500):
        os.mkdir("d")
        os.chdir("d")
    os.chdir(top)
    try:
        assert find.find([top]) == [top / "run"]
    finally:
        # Python itself nests its calls as deeply as the folders.
        subprocess.run(["rm", "-r", "d"], check=True)


@pytest.mark.slow
def test_a_thousand_runs_and_metrics_without_end_are_reported(top: Path, tmp_path: Path) -> None:
    for number in range(1000):
        write_run(top / f"{number}", seed=number)
    lines = [json.dumps({"epoch": epoch, "val_accuracy": 0.5}) for epoch in range(20_000)]
    hostile = ["[" * 100_000, '{"epoch": ' + "9" * 100_000 + "}", '{"epoch": 1e999, "val_accuracy": {}}', "\0" * 10**6]
    (top / "1" / "metrics.jsonl").write_text("\n".join([*hostile, *lines]))
    with (top / "2" / "metrics.jsonl").open("wb") as file:
        file.truncate(3 * 10**12)
    (top / "3" / "metrics.jsonl").unlink(missing_ok=True)
    os.mkfifo(top / "3" / "metrics.jsonl")
    report = make([top], "test_accuracy", 0.0)
    assert len(report.comparison.rows) == 1001
    written = write(report, tmp_path / "out")
    assert max(path.stat().st_size for path in written) < 20_000_000
