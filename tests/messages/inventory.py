"""The messages in the package's code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import snntrain

PACKAGE = Path(snntrain.__file__).parent
# A message has at least this many letters of its own; one that only passes on another text has fewer.
FEWEST_LETTERS = 8
# The calls that make a message, and the place of its first part among their arguments.
CALLS = {"UserError": 0, "RunFailed": 0, "Unavailable": 0, "damaged": 1, "BadRecording": 1}

# A message as its parts: its own texts, and None for a value that it shows.
Parts = tuple[str | None, ...]


def messages() -> Iterator[tuple[str, Parts]]:
    """Yield every message in the package's code, with its place."""
    for file in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
            for said in raised(function, config=file.parent.name == "config"):
                parts = parts_of(said)
                if sum(len(re.findall(r"[^\W\d_]", part)) for part in parts if part) >= FEWEST_LETTERS:
                    yield f"{file.relative_to(PACKAGE)}:{said.lineno} {function.name}", parts


def raised(function: ast.FunctionDef, config: bool = False) -> Iterator[ast.expr]:
    """Yield the messages that a function raises and, in the checks of a configuration, gathers in `lines` or yields."""
    named = {
        target.id: node.value
        for node in ast.walk(function)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(function):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in CALLS or (config and called == "lines.append"):
                for argument in node.args[CALLS.get(called, 0) :]:
                    yield named.get(argument.id, argument) if isinstance(argument, ast.Name) else argument
        elif config and isinstance(node, ast.Yield | ast.YieldFrom) and node.value is not None:
            yield from (part for part in ast.walk(node.value) if isinstance(part, ast.JoinedStr) and _is_line(part))


def _is_line(node: ast.JoinedStr) -> bool:
    return any(isinstance(part, ast.Constant) and " " in str(part.value) for part in node.values)


def parts_of(node: ast.expr) -> Parts:
    if isinstance(node, ast.JoinedStr):
        return tuple(str(part.value) if isinstance(part, ast.Constant) else None for part in node.values)
    return (node.value,) if isinstance(node, ast.Constant) and isinstance(node.value, str) else (None,)


def brought(parts: Parts, line: str) -> bool:
    """Return whether a printed line is this message."""
    return bool(re.search("".join(".*" if part is None else re.escape(part) for part in parts), line))


def shown(parts: Parts) -> str:
    return "".join("…" if part is None else part for part in parts)
