"""The available data sets, the place of the runs, and the free space."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from snntrain.config.schema import Part
from snntrain.config.values import value_at
from snntrain.data import vision
from snntrain.data.cache.listing import caches
from snntrain.data.root import chosen_by, data_root
from snntrain.doctor.finding import Finding, in_short
from snntrain.doctor.folders import GB, can_be_written, free_bytes, shown

OURS = "snntrain.data.vision."
EMBEDDED = "snntrain.data.digits.load"
OF_THE_USER = "snntrain.data.own."
# The size of a sweep of a few hundred runs.
LITTLE = 2 * GB


def data_sets(options: Mapping[str, Mapping[str, Any]], wanted: Part) -> Iterator[Finding]:
    """Report the data sets below the data root.

    Args:
        options: the values of each option of the group dataset, by name.
        wanted: the data set that a run would use.
    """
    # Of the user's own data nothing is known.
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
    for label in ("complete", "absent"):
        names = [name for name, (state, _) in states.items() if state == label]
        note = " (downloaded at the first use)" if label == "absent" else ""
        if names:
            yield Finding(label, ", ".join(names) + note)
    for name, (state, detail) in states.items():
        if state not in ("complete", "absent"):
            yield Finding(state, f"{name}: {detail}")
    state, _ = _state(wanted, root)
    if state in ("absent", "incomplete"):
        name = str(value_at(wanted, "_target_")).rpartition(".")[2]
        way = "name another dataset.root" if writable else "the first run downloads what is missing"
        yield Finding("wanted", f"dataset={name}, {state}", f"dataset={name} is {state}: {way}")
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


def _state(option: Any, root: Path) -> tuple[str, str]:
    """Return 'complete', 'absent', 'incomplete' or 'unknown', with details for the last two."""
    target = str(value_at(option, "_target_") or "")
    if target == EMBEDDED:
        return "complete", ""
    try:
        source = vision.source(target.removeprefix(OURS), value_at(option, "split") or "balanced")
    except Exception as error:  # torchvision lists the files of some sets, and may fail in any way.
        return "unknown", in_short(error)
    if source is None or not target.startswith(OURS):
        return "unknown", f"{target} finds its data itself"
    missing = source.missing(source.data_root_of(root))
    if not missing:
        return "complete", ""
    return ("absent", "") if len(missing) == len(source.files) else ("incomplete", f"lacks {', '.join(missing)}")


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
