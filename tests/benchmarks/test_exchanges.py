"""Steps are put together from the calls of several processes, whichever of them comes last."""

from __future__ import annotations

import json

import pytest

from benchmarks.exchanges import Call, steps
from benchmarks.report import Section, table
from tests.docs.documents import ROOT


def calls(*, late: float) -> list[Call]:
    """Return an agreement, two sums that begin `late` seconds late, and an agreement."""
    return [
        Call(True, 16, 0.0, 1.0),
        Call(False, 8, 2.0 + late, 4.0),
        Call(False, 40, 5.0 + late, 9.0),
        Call(True, 16, 10.0, 11.0),
    ]


def test_waiting_ends_when_the_last_process_comes() -> None:
    (step,) = steps([calls(late=0.0), calls(late=1.0)])
    assert step.seconds == 10.0
    assert (step.normalisations.calls, step.normalisations.size) == (1, 8)
    assert step.normalisations.seconds == 1.0
    assert (step.gradients.calls, step.gradients.size, step.gradients.seconds) == (1, 40, 3.0)
    # One process waits a second in each of two calls, the other never.
    assert step.gradients.waited == 0.5
    assert step.waited == 1.0
    assert (step.agreement.seconds, step.agreement.waited) == (1.0, 0.0)


def test_an_epoch_has_a_step_between_each_two_agreements() -> None:
    later = [Call(call.agrees, call.size, call.start + 20, call.end + 20) for call in calls(late=0.0)[1:]]
    process = [*calls(late=0.0), *later, Call(False, 40, 50.0, 51.0)]
    assert [step.seconds for step in steps([process, process])] == [10.0, 20.0]


def test_processes_with_different_calls_are_refused() -> None:
    with pytest.raises(ValueError, match="different calls"):
        steps([calls(late=0.0), calls(late=0.0)[:-1]])


def test_the_page_shows_the_latest_measurement() -> None:
    results = max((ROOT / "benchmarks" / "results").glob("*/all_reduce.json"))
    page = (ROOT / "docs" / "several_devices.md").read_text(encoding="utf-8")
    shown = [table(Section(**section)) for section in json.loads(results.read_text())["sections"]]
    assert len(shown) == 2
    assert [text for text in shown if text not in page] == []
