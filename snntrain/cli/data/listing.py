"""`snntrain data list`: all data sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from snntrain.cli.arguments import Arguments
from snntrain.cli.data.settings import named_root, of_sets, split_words
from snntrain.data import catalogue
from snntrain.data.cache import caches
from snntrain.data.catalogue import KNOWN, State, state_of
from snntrain.data.root import chosen_by, data_root
from snntrain.errors import UserError
from snntrain.files.paths import shown

HEAD = ("data set", "samples", "shape", "classes", "licence", "here", "converted", "source")
RIGHT = ("classes", "converted")
WORDS = {catalogue.COMPLETE: "yes", catalogue.ABSENT: "no"}
MB, GB = 1e6, 1e9


def run(arguments: Arguments, words: Sequence[str]) -> None:
    """Print a table of the data sets.

    Raises:
        UserError: words other than dataset.root=<folder>.
    """
    names, overrides = split_words(words)
    if names:
        raise UserError(f"data list {names[0]}: list takes no name; it shows all data sets")
    named = named_root("list", overrides)
    root = data_root(named)
    options = of_sets(arguments, [])
    sizes: dict[str, int] = {}
    for cache in caches(root):
        sizes[cache.name] = sizes.get(cache.name, 0) + cache.nbytes
    rows = [_row(name, option, root, sizes.get(name, 0)) for name, option in options.items()]
    print(f"data root: {shown(root)} ({chosen_by(named)})\n")
    print(_table([HEAD, *rows]))
    print("\nsnntrain data get <set> fetches one; a run fetches what it needs.")
    print("samples: to train on + to test on; three numbers have validation samples in the middle.")


def _row(name: str, option: Mapping[str, Any], root: Path, converted: int) -> tuple[str, ...]:
    target = str(option.get("_target_") or "")
    state = state_of(target, option, root)
    size = "" if not converted else in_words(converted)
    known = KNOWN.get(target)
    if known is None:
        return (name, "", "", "", "", "your own", size, target)
    samples = " + ".join(f"{count:,}" for count in known.samples)
    return (name, samples, known.shape, str(known.classes), known.licence, _here(state), size, known.page)


def _here(state: State) -> str:
    word = WORDS.get(state.word, state.detail or state.word)
    return "no, by hand" if state.word == catalogue.ABSENT and state.by_hand else word


def in_words(nbytes: int) -> str:
    """Return a size in words."""
    return f"{nbytes / GB:,.2f} GB" if nbytes >= GB else f"{nbytes / MB:,.1f} MB"


def _table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    right = [title in RIGHT for title in HEAD]
    lines = (
        "  ".join(
            cell.rjust(width) if is_right else cell.ljust(width)
            for cell, width, is_right in zip(row, widths, right, strict=True)
        )
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)
