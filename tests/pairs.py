"""Fewer cases than a full product: each pair of values, or each value, occurs in one of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import product
from typing import Any

import pytest


def every_pair(*factors: pytest.MarkDecorator) -> pytest.MarkDecorator:
    """Combine `parametrize` marks of one argument each, so that each pair of their values occurs."""
    return _combined(factors, pairwise(tuple(len(factor.args[1]) for factor in factors)))


def every_value(*factors: pytest.MarkDecorator) -> pytest.MarkDecorator:
    """Combine `parametrize` marks of one argument each into as many cases as the longest has values."""
    sizes = [len(factor.args[1]) for factor in factors]
    return _combined(factors, [tuple(number % size for size in sizes) for number in range(max(sizes))])


def _combined(factors: Sequence[pytest.MarkDecorator], cases: Sequence[tuple[int, ...]]) -> pytest.MarkDecorator:
    values = [list(factor.args[1]) for factor in factors]
    labels = [_labels(given, **factor.kwargs) for given, factor in zip(values, factors, strict=True)]
    return pytest.mark.parametrize(
        [factor.args[0] for factor in factors],
        [[given[index] for given, index in zip(values, case, strict=True)] for case in cases],
        ids=["-".join(label[index] for label, index in zip(labels, case, strict=True)) for case in cases],
    )


def _labels(values: Sequence[Any], ids: Any = str) -> list[str]:
    return [ids(value) for value in values] if callable(ids) else list(ids)


@cache
def pairwise(sizes: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Return index tuples that hold each pair of values of any two factors with these numbers of values."""
    order = sorted(range(len(sizes)), key=lambda factor: -sizes[factor])
    # The full product of the two largest factors; each other factor takes the value with the most new pairs.
    cases = [list(case) for case in product(*(range(sizes[factor]) for factor in order[:2]))]
    for column in range(2, len(order)):
        size = sizes[order[column]]
        missing = {(at, a, b) for at in range(column) for a in range(sizes[order[at]]) for b in range(size)}
        for number, case in enumerate(cases):
            gains = [sum((at, case[at], b) in missing for at in range(column)) for b in range(size)]
            case.append(max(range(size), key=lambda b: (gains[b], (b - number) % size)))
            missing -= {(at, case[at], case[column]) for at in range(column)}
        while missing:
            at, a, b = min(missing)
            case = [(len(cases) + factor) % sizes[order[factor]] for factor in range(column + 1)]
            case[at], case[column] = a, b
            cases.append(case)
            missing -= {(at, case[at], b) for at in range(column)}
    return [tuple(case[order.index(factor)] for factor in range(len(sizes))) for case in cases]
