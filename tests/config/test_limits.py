"""No key of a configuration can take all time and memory: each number, list and text has a limit."""

import math
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_type_hints

import pytest
from omegaconf import DictConfig, OmegaConf

from snntrain.config import check, schema

# A larger count can only be a mistake; the schema gives the limit of each key.
KEYS = [
    (path, field.name, get_type_hints(declared)[field.name], field.metadata)
    for path, declared in schema.SCHEMAS.items()
    for field in fields(declared)
]


def parts(hint: Any) -> Iterator[Any]:
    """Yield the types that a key may have; for a list, also those of its items."""
    for part in get_args(hint):
        yield from parts(part)
    yield hint


def refused(declared: type, key: str, value: Any) -> bool:
    node = OmegaConf.structured(declared)
    node[key] = value
    config = DictConfig({"group": node})
    return any(where == f"group.{key}" for where, _ in check._wrong_values(config))


@pytest.mark.parametrize(("path", "key", "hint", "metadata"), KEYS, ids=[f"{path}.{key}" for path, key, *_ in KEYS])
def test_every_number_list_and_text_has_an_end(path: str, key: str, hint: Any, metadata: Any) -> None:
    declared, kinds = schema.SCHEMAS[path], set(parts(hint))
    if any(is_dataclass(kind) for kind in kinds) or kinds == {bool}:
        return
    if int in kinds:
        if metadata["choices"]:
            return
        ends = [metadata[name] for name in ("at_most", "below", "most") if metadata[name] is not None]
        assert min(ends) <= schema.GREATEST or key == "split_seed"
        number: Any = 2**63 - 1
        assert min(ends) < schema.GREATEST or key == "split_seed", "say how many there may be, by most="
        if key != "split_seed":
            assert refused(declared, key, [number] if list[int] in kinds else number)
    if float in kinds:
        assert refused(declared, key, [math.inf] if list[float] in kinds else math.inf)
    if str in kinds:
        assert refused(declared, key, ["x" * 10_000] if list[str] in kinds else "x" * 10_000)
    for kind, item in ((list[int], 1), (list[float], 0.5), (list[str], "x")):
        if kind in kinds:
            assert refused(declared, key, [item] * 2_000)
    if hint is Any and path != "config":
        assert refused(declared, key, "x" * 10_000)
        assert refused(declared, key, [1.0] * 2_000)
        assert refused(declared, key, math.inf)


def test_the_limits_of_numbers_are_numbers() -> None:
    assert all(math.isfinite(metadata["most"]) for *_, metadata in KEYS if "most" in metadata)


@pytest.mark.parametrize("group", ["network", "dataset"])
def test_a_subtree_without_a_schema_has_an_end_too(group: str) -> None:
    """Such a subtree belongs to the user's own class, or to a stranger's run with other keys than ours."""
    content = {"_target_": "mine.Class", "hidden": [1] * 2_000, "words": "x" * 10_000, "workers": 10**6, "few": [1, 2]}
    wrong = {where for where, _ in check._wrong_values(DictConfig({group: content}))}
    assert wrong == {f"{group}.hidden", f"{group}.words"} | ({"dataset.workers"} if group == "dataset" else set())
