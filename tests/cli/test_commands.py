"""One table of commands, read by the program, its help and the tab key."""

from __future__ import annotations

import importlib
from collections.abc import Callable

import pytest

from snntrain.cli.commands import COMMANDS, TRAIN, Command
from snntrain.cli.complete import completions
from snntrain.cli.help import help_text
from tests.conftest import Outcome

EVERY = pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)


@pytest.fixture(scope="module")
def text() -> str:
    return help_text()


@EVERY
def test_the_help_shows_the_usage_of_a_command(command: Command, text: str) -> None:
    lines = text.splitlines()
    for usage, meaning in command.usage:
        (line,) = (n for n, line in enumerate(lines) if line.startswith(f"  snntrain {usage}"))
        assert meaning in " ".join(lines[line : line + 2])


@EVERY
def test_the_tab_key_offers_a_command_and_its_own_words(command: Command) -> None:
    if command is not TRAIN:
        assert command.name in completions(f"snntrain {command.name[:2]}")
    for word in command.words:
        assert word in completions(f"snntrain {command.name} {word[:2]}")


@EVERY
def test_a_command_has_a_module_that_runs_it(command: Command) -> None:
    assert callable(importlib.import_module(f"snntrain.cli.{command.module}").command)


@EVERY
def test_a_wrong_flag_is_refused_by_every_command(command: Command, snntrain: Callable[..., Outcome]) -> None:
    outcome = snntrain(command.name, "--nonsense")
    assert (outcome.status, outcome.out) == (2, "")
    assert outcome.err == "snntrain: --nonsense: there is no such flag; snntrain --help lists the flags\n"
