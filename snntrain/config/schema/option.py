"""The declaration of a key: its type, its meaning and its bounds."""

import sys
from dataclasses import field
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from omegaconf import MISSING

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    T = TypeVar("T")
    # The settings of a part: an instance of a class below, or the keys of a user's own class.
    Part = DataclassInstance | dict[str, Any]
    Checked = Annotated[T, "Any for OmegaConf, which takes no union of classes; `config.check` finds another type"]
else:
    Part = Any

    class Checked:
        """`Checked[T]` is T for a type checker, and Any for OmegaConf, which takes no union of classes."""

        def __class_getitem__(cls, declared: Any) -> Any:
            return Any


# The limits of a key that declares no limits. A number that counts something has its own.
GREATEST, MOST_ITEMS, LONGEST = sys.float_info.max, 1000, 1000


def option(
    meaning: str,
    *,
    at_least: float | None = None,
    above: float | None = None,
    at_most: float | None = None,
    below: float | None = None,
    choices: tuple[str, ...] | tuple[int, ...] = (),
    most: float = GREATEST,
    most_items: int = MOST_ITEMS,
    longest: int = LONGEST,
    nested: bool = False,
    default: Any = MISSING,
) -> Any:
    """Declare a documented key; the bounds hold for a number and for every number of a list.

    `most`, `most_items` and `longest` are not part of the meaning of a key. They are far beyond any real training, and
    prevent that the configuration of a stranger's run takes unlimited time and memory.

    Args:
        meaning: text in the help.
        at_least, above, at_most, below, choices: the allowed values.
        most: the greatest absolute value of a number.
        most_items: the maximum number of items of a list.
        longest: the maximum number of characters of a text.
        nested: whether a list may hold lists of numbers, to which the bounds then apply.
        default: the value if no file of conf/ gives one, for a key of which many files would give the same value.
    """
    bounds = {"at_least": at_least, "above": above, "at_most": at_most, "below": below, "choices": choices}
    limits = {"most": most, "most_items": most_items, "longest": longest, "nested": nested}
    return field(default=default, metadata={"meaning": meaning, **bounds, **limits})
