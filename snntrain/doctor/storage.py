"""The available data sets, the place of the runs, and the free space."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from snntrain.config.schema import Part
from snntrain.config.values import value_at, values_of
from snntrain.data import catalogue
from snntrain.data.cache.listing import caches
from snntrain.data.root import chosen_by, data_root
from snntrain.doctor.finding import Finding
from snntrain.doctor.folders import GB, can_be_written, free_bytes, shown

OF_THE_USER = "snntrain.data.own."
# The size of a sweep of a few hundred runs.
LITTLE = 2 * GB


def data_sets(options: Mapping[str, Mapping[str, Any]], wanted: Part) -> Iterator[Finding]:
    """Report the data sets below the data root.

    Args:
        options: the values of each option of the group dataset, by name.
        wanted: the data set that a run would use.
    """
    # Nothing is known of the user's own data.
    options = {
        name: option
        for name, option in options.items()
        if not str(value_at(option, "_target_")).startswith(OF_THE_USER)
    }
    named = value_at(wanted, "root")
    root = data_root(named)
    writable = "" if can_be_written(root) else ", cannot be written"
    yield Finding("data root", f"{shown(root)} ({chosen_by(named)}), {_space(root)}{writable}")
    states = {name: _state(option, root) for name, option in options.items()}
    for label in (catalogue.COMPLETE, catalogue.ABSENT):
        names = [name for name, state in states.items() if state.word == label]
        by_hand = ", ".join(name for name in names if states[name].by_hand)
        note = f" (downloaded at the first use{f'; by hand: {by_hand}' if by_hand else ''})"
        if names:
            yield Finding(label, ", ".join(names) + (note if label == catalogue.ABSENT else ""))
    for name, state in states.items():
        if state.word not in (catalogue.COMPLETE, catalogue.ABSENT):
            yield Finding(state.word, f"{name}: {state.detail}")
    state = _state(wanted, root)
    if state.word in (catalogue.ABSENT, catalogue.INCOMPLETE):
        name = str(value_at(wanted, "_target_")).rpartition(".")[2]
        way = "name another dataset.root" if writable else "the first run downloads what is missing"
        if state.by_hand and not writable:
            way = f"snntrain data get {name} says what to download"
        yield Finding("wanted", f"dataset={name}, {state.word}", f"dataset={name} is {state.word}: {way}")
    yield from converted(root)


def converted(root: Path) -> Iterator[Finding]:
    """Report the caches of converted recordings, and what cannot be used of them."""
    found = caches(root)
    sizes: dict[Path, dict[str, int]] = {}
    for cache in found:
        if not cache.fault:
            names = sizes.setdefault(cache.path.parent, {})
            names[cache.name] = names.get(cache.name, 0) + cache.nbytes
    for folder, names in sizes.items():
        listed = ", ".join(f"{name} {_size(nbytes)}" for name, nbytes in sorted(names.items()))
        yield Finding("caches", f"{listed}, in {shown(folder)}")
    for cache in found:
        if cache.fault:
            hint = f"{shown(cache.path)} cannot be used and takes {_size(cache.nbytes)}: delete it"
            yield Finding("not usable", f"{cache.path.name}: {cache.fault}", hint)


def _state(option: Any, root: Path) -> catalogue.State:
    keys = option if isinstance(option, Mapping) else values_of(option)
    return catalogue.state_of(str(value_at(option, "_target_") or ""), keys, root)


def runs() -> Iterator[Finding]:
    """Report whether runs can be written in the default place."""
    folder = Path("outputs")
    writable = can_be_written(folder)
    hint = ""
    if not writable:
        hint = "runs cannot be written into this folder: give commands in another one, or hydra.run.dir=…"
    elif free_bytes(folder) < LITTLE:
        hint = f"{_space(folder)} for runs: checkpoints and events may fill the disk"
    yield Finding(
        "runs", f"{shown(folder.absolute())}, {_space(folder)}{'' if writable else ', cannot be written'}", hint
    )


def _size(nbytes: int) -> str:
    return f"{nbytes / GB:.2f} GB" if nbytes >= GB / 100 else f"{nbytes / 1e6:.2f} MB"


def _space(folder: Path) -> str:
    return f"{free_bytes(folder) / GB:.1f} GB free"
