"""A last line of the test run with the number of hostile cases that were tried."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .fuzz import Tried


@pytest.fixture(autouse=True)
def _cases_are_counted(record_property: Callable[[str, Any], None]) -> Iterator[None]:
    Tried.cases = 0
    yield
    record_property("hostile_cases", Tried.cases)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    counted: Counter[str] = Counter()
    for report in terminalreporter.stats.get("", []):
        if getattr(report, "when", "") == "teardown":
            test = report.nodeid.partition("[")[0].partition("hostile/")[2]
            counted[test] += dict(report.user_properties).get("hostile_cases", 0)
    if total := counted.total():
        terminalreporter.write_line(f"hostile input: {total:,} cases tried")
        for test, count in (+counted).items():
            terminalreporter.write_line(f"  {count:>9,}  {test}")


@pytest.fixture
def canary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the path of a file that hostile code would create, and check at the end that it does not exist."""
    file = tmp_path / "executed"
    monkeypatch.chdir(tmp_path)
    yield file
    assert not file.exists()
