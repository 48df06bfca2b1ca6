"""The parts of the test suite, as in `pytest --part 2/6`."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from tests.conftest import part_of

TESTS = cast(list[pytest.Item], [SimpleNamespace(nodeid=f"tests/test_a.py::test_b[{number}]") for number in range(200)])


def test_all_parts_together_have_each_test_once() -> None:
    parts = [part_of(TESTS, f"{number}/6") for number in range(1, 7)]
    assert sorted(item.nodeid for part in parts for item in part) == sorted(item.nodeid for item in TESTS)
    assert all(len(part) > 15 for part in parts)


@pytest.mark.parametrize("part", ["0/6", "7/6", "6", "1/0", "a/b", "1/6/2"])
def test_a_part_that_does_not_exist_is_refused(part: str) -> None:
    with pytest.raises(pytest.UsageError, match=r"must be <number>/<parts>"):
        part_of(TESTS, part)
