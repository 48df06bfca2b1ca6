"""The object that the settings of a part describe: a call of the class or function in `_target_`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from snntrain.config.schema import Part
from snntrain.config.trust.targets import locate
from snntrain.config.values import values_of
from snntrain.errors import UserError


@dataclass(frozen=True)
class Component:
    """The name of a class or function, and its arguments from the settings."""

    target: str
    arguments: dict[str, Any]

    @classmethod
    def of(cls, part: Part, leave_out: Collection[str] = ()) -> Component:
        """Return the component that a part's settings describe, without the keys that are not arguments."""
        values = values_of(part)
        target = str(values.pop("_target_"))
        return cls(target, {key: value for key, value in values.items() if key not in leave_out})


def misfit(component: Component, given: int = 0, also: Sequence[str] = (), allowed: Sequence[str] = ()) -> str | None:
    """Return why a target cannot be called with its arguments, `given` positional ones and `also` by name; or None.

    Raises:
        UserError: as `locate`.
    """
    target = locate(component.target, allowed)
    signature = inspect.signature(target)
    try:
        signature.bind(*[None] * given, **component.arguments, **dict.fromkeys(also))
    except (TypeError, ValueError) as error:
        return f"_target_={component.target}: {error}; it takes ({', '.join(signature.parameters)})"
    return None


def build(
    component: Component,
    *given: Any,
    allowed: Sequence[str] = (),
    variant: Callable[[Callable[..., Any]], Callable[..., Any]] | None = None,
    **also: Any,
) -> Any:
    """Call a target, or its `variant`, with the arguments `given`, those of the settings, and `also`.

    Raises:
        UserError: as `locate`, or for a ValueError or TypeError of the target.
    """
    target = locate(component.target, allowed)
    if variant is not None:
        target = variant(target)
    try:
        return target(*given, **component.arguments, **also)
    except (ValueError, TypeError) as error:
        raise UserError(f"{target.__name__}: {error}") from error
