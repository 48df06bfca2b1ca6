"""Objects built from the subtrees of a configuration, by the class or function that `_target_` names."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf

from snntrain.config.trust.targets import locate
from snntrain.errors import UserError


def arguments(node: DictConfig) -> dict[str, Any]:
    """The subtree's keys besides `_target_`, as plain Python values."""
    container = OmegaConf.to_container(node, resolve=True)
    assert isinstance(container, dict)
    return {str(key): value for key, value in container.items() if key != "_target_"}


def misfit(node: DictConfig, given: int = 0, also: Sequence[str] = (), allowed: Sequence[str] = ()) -> str | None:
    """Why the subtree's `_target_` cannot be called with its keys, `given` values and the arguments `also`.

    Raises:
        UserError: what `locate` raises.
    """
    target = locate(node._target_, allowed)
    signature = inspect.signature(target)
    try:
        signature.bind(*[None] * given, **arguments(node), **dict.fromkeys(also))
    except (TypeError, ValueError) as error:
        return f"_target_={node._target_}: {error}; it takes ({', '.join(signature.parameters)})"
    return None


def build(
    node: DictConfig,
    *given: Any,
    allowed: Sequence[str] = (),
    variant: Callable[[Callable[..., Any]], Callable[..., Any]] | None = None,
    **also: Any,
) -> Any:
    """Calls the subtree's `_target_`, or a `variant` of it, with the arguments `given`, its own keys, and `also`.

    Raises:
        UserError: what `locate` raises, or the target's own ValueError or TypeError.
    """
    target = locate(node._target_, allowed)
    if variant is not None:
        target = variant(target)
    try:
        return target(*given, **arguments(node), **also)
    except (ValueError, TypeError) as error:
        raise UserError(f"{target.__name__}: {error}") from error
