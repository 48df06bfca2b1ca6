"""Every message of the tool says what was given, what is allowed, and what to do next.

The cases are in `tests/messages/`, one per message. A message without a case fails the test: add one there, with the
input that causes the message, and its words that say what was given, what is allowed (or why it is not), and what to
do next.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.messages import (
    of_cache,
    of_configuration,
    of_events,
    of_launchers,
    of_own_data,
    of_processes,
    of_running,
    of_search,
    of_trust,
)
from tests.messages.inventory import brought, messages, parts_of, raised, shown
from tests.messages.world import lines, made

CASES = (
    of_configuration.CASES
    | of_running.CASES
    | of_processes.CASES
    | of_trust.CASES
    | of_search.CASES
    | of_launchers.CASES
    | of_own_data.CASES
    | of_events.CASES
    | of_cache.CASES
)


def test_every_message_shows_the_input_the_allowed_values_and_the_remedy(
    finished_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world = made(finished_run, tmp_path, monkeypatch, capsys)
    every: list[str] = []
    wordless: list[str] = []
    for name, (bring_about, words) in CASES.items():
        said = lines(bring_about, world)
        every += said
        if not any(all(word in line for word in words) for line in said) or not "".join(said).isprintable():
            wordless.append(f"{name}: {' | '.join(words)}: {said}")
    assert not wordless, "messages that do not say what their case has:\n" + "\n".join(wordless)
    missing = [
        f"{where}: {shown(parts)}" for where, parts in messages() if not any(brought(parts, line) for line in every)
    ]
    assert not missing, "messages without a case in CASES:\n" + "\n".join(missing)


def test_a_message_without_a_case_would_be_found() -> None:
    function = ast.parse("def f(x):\n    message = f'{x}: does not exist'\n    raise UserError(message)\n").body[0]
    assert isinstance(function, ast.FunctionDef)
    (said,) = raised(function)
    assert parts_of(said) == (None, ": does not exist")
    assert brought(parts_of(said), "T=0: does not exist")
    assert not brought(parts_of(said), "T=0: is another")
    assert len(list(messages())) > 80
