"""Every message that the package's code holds."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import snntrain

PACKAGE = Path(snntrain.__file__).parent
# So many letters of its own does a message have at least; what passes on another's text has fewer.
FEWEST_LETTERS = 8

# A message as its parts: texts of its own, and None where it shows a value.
Parts = tuple[str | None, ...]


def messages() -> Iterator[tuple[str, Parts]]:
    """Every message that the package's code holds, and where."""
    for file in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
            for said in told(function, config=file.parent.name == "config"):
                parts = parts_of(said)
                if sum(len(re.findall(r"[^\W\d_]", part)) for part in parts if part) >= FEWEST_LETTERS:
                    yield f"{file.relative_to(PACKAGE)}:{said.lineno} {function.name}", parts


def told(function: ast.FunctionDef, config: bool = False) -> Iterator[ast.expr]:
    """What a function raises and, of the checks of a configuration, gathers in `lines` or yields."""
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
            if called in ("UserError", "RunFailed", "Unavailable", "damaged") or (config and called == "lines.append"):
                for argument in node.args[1:] if called == "damaged" else node.args:
                    yield named.get(argument.id, argument) if isinstance(argument, ast.Name) else argument
        elif config and isinstance(node, ast.Yield | ast.YieldFrom) and node.value is not None:
            yield from (part for part in ast.walk(node.value) if isinstance(part, ast.JoinedStr) and _is_line(part))


def _is_line(told: ast.JoinedStr) -> bool:
    return any(isinstance(part, ast.Constant) and " " in str(part.value) for part in told.values)


def parts_of(told: ast.expr) -> Parts:
    if isinstance(told, ast.JoinedStr):
        return tuple(str(part.value) if isinstance(part, ast.Constant) else None for part in told.values)
    return (told.value,) if isinstance(told, ast.Constant) and isinstance(told.value, str) else (None,)


def brought(parts: Parts, line: str) -> bool:
    """Whether a line that was said is this message."""
    return bool(re.search("".join(".*" if part is None else re.escape(part) for part in parts), line))


def shown(parts: Parts) -> str:
    return "".join("…" if part is None else part for part in parts)
