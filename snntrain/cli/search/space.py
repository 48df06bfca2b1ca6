"""The space of a search: its dimensions, each a key with choices or a range of numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product

from snntrain.errors import UserError

# The value of a dimension: the text of a choice, or a number.
Value = str | int | float
# A grid with more values of one key is a mistake.
MOST_VALUES = 10_000


@dataclass(frozen=True)
class Choice:
    """A key with a list of values, each as the text of an override."""

    key: str
    texts: tuple[str, ...]

    @property
    def shown(self) -> str:
        """The dimension as a person types it."""
        return f"[{','.join(self.texts)}]"

    def ends(self) -> tuple[str, ...]:
        """Return the texts to check before the search begins: all of them."""
        return self.texts

    def every(self) -> Sequence[Value]:
        """Return all values."""
        return self.texts

    def holds(self, value: object) -> bool:
        """Return whether a value belongs to the dimension."""
        return isinstance(value, str) and value in self.texts

    def text(self, value: Value) -> str:
        """Return a value as the text of an override."""
        return str(value)


@dataclass(frozen=True)
class Range:
    """A key with a range of numbers, both ends included.

    Args:
        key: the key.
        low, high: the ends.
        log: whether the logarithm of the number is drawn evenly.
        step: distance of two neighbours, from `low` on; None for no grid.
        whole: whether only whole numbers are drawn.
    """

    key: str
    low: float
    high: float
    log: bool = False
    step: float | None = None
    whole: bool = False

    @property
    def shown(self) -> str:
        """The dimension as a person types it."""
        step = "" if self.step is None else f",step={self._number(self.step)}"
        ends = f"{self._number(self.low)},{self._number(self.high)}"
        if self.whole:
            return f"int({ends}{',log' if self.log else ''}{step})"
        return f"{'log' if self.log else 'uniform'}({ends}{step})"

    def ends(self) -> tuple[str, ...]:
        """Return the texts to check before the search begins: both ends."""
        # A key that takes whole numbers only refuses 2.0.
        low, high = (str(int(end)) if end.is_integer() else repr(end) for end in (float(self.low), float(self.high)))
        return low, high

    def every(self) -> Sequence[Value] | None:
        """Return all values; None if there is no end to them."""
        step = self.step or (1 if self.whole and not self.log else None)
        if step is None:
            return range(int(self.low), int(self.high) + 1) if self.whole else None
        count = math.floor((self.high - self.low) / step + 1e-9) + 1
        values = (self.low + index * step for index in range(min(count, MOST_VALUES + 1)))
        return [int(value) if self.whole else value for value in values]

    def holds(self, value: object) -> bool:
        """Return whether a value belongs to the dimension."""
        right = type(value) is int if self.whole else type(value) in (int, float)
        return right and isinstance(value, int | float) and self.low <= value <= self.high

    def text(self, value: Value) -> str:
        """Return a value as the text of an override: all digits, so that the same number is read."""
        return self._number(float(value))

    def _number(self, value: float) -> str:
        return str(int(value)) if self.whole else repr(float(value))


Dimension = Choice | Range
Values = Mapping[str, Value]


@dataclass(frozen=True)
class Space:
    """All dimensions of a search.

    Args:
        dimensions: choices of groups first: other keys may depend on them.
        only_with: for a key that only some options of a searched group have, the group and these options; the key has
            a value only in trials with one of them.
    """

    dimensions: tuple[Dimension, ...]
    only_with: Mapping[str, tuple[str, frozenset[str]]] = field(default_factory=dict)

    def applies(self, key: str, values: Values) -> bool:
        """Return whether a key has a value in a trial with these values of the groups."""
        if key not in self.only_with:
            return True
        group, options = self.only_with[key]
        return values.get(group) in options

    def overrides(self, values: Values) -> list[str]:
        """Return the values of a trial as overrides.

        Raises:
            UserError: the values are not of this space, as in the damaged journal of somebody else.
        """
        wanted = [each for each in self.dimensions if self.applies(each.key, values)]
        if {each.key for each in wanted} != set(values) or not all(each.holds(values[each.key]) for each in wanted):
            raise UserError(
                f"the journal of the search has a trial with the values {dict(values)}, which are not in "
                "its space; it is damaged: name another folder with hydra.sweep.dir=…"
            )
        return [f"{each.key}={each.text(values[each.key])}" for each in wanted]

    def name(self, values: Values) -> str:
        """Return the values of a trial as a short text for the name of its folder."""
        parts = []
        for each in self.dimensions:
            if each.key in values:
                value = values[each.key]
                shown = f"{value:.4g}" if isinstance(value, float) else str(value)
                parts.append(f"{each.key}={shown}")
        return ",".join(parts).replace("$", "-")

    def grid(self) -> Iterator[Values]:
        """Yield every combination, the last key changing fastest."""
        lists = [each.every() or () for each in self.dimensions]
        for combination in product(*lists):
            values = {each.key: value for each, value in zip(self.dimensions, combination, strict=True)}
            applying = {key: value for key, value in values.items() if self.applies(key, values)}
            firsts = {each.key: every[0] for each, every in zip(self.dimensions, lists, strict=True)}
            # A key that does not apply would repeat the trial for each of its values.
            if all(value == firsts[key] for key, value in values.items() if key not in applying):
                yield applying

    def size(self) -> float:
        """Return the number of combinations; infinite if a key takes any number of a range."""
        sizes = [math.inf if (every := each.every()) is None else len(every) for each in self.dimensions]
        if math.isinf(total := math.prod(sizes)) or total > MOST_VALUES:
            return math.inf
        return sum(1 for _ in self.grid())

    def with_whole_numbers(self, keys: Sequence[str]) -> Space:
        """Return the space with ranges of whole numbers for keys that take no others."""
        return replace(
            self,
            dimensions=tuple(
                replace(each, whole=True)
                if isinstance(each, Range) and each.key in keys and _is_whole(each.low, each.high, each.step)
                else each
                for each in self.dimensions
            ),
        )


def _is_whole(*numbers: float | None) -> bool:
    return all(number is None or float(number).is_integer() for number in numbers)
