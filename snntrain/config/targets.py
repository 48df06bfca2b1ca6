"""`_target_`: which objects a configuration may name, and how one is built from its subtree.

A configuration is data and may come from a stranger, so it cannot name what it likes: only this project's own
objects and the layers, optimizers and schedules of torch and torchvision, besides the prefixes that the command line
allows.
"""

import importlib
import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf

from snntrain.config.explain import first_line
from snntrain.errors import UserError

TRUSTED = ("snntrain.", "torch.", "torchvision.")
# Keys by which Hydra and logging.config build objects of their own.
FACTORY_KEYS = ("_target_", "()", "class")
HYDRA_TRUSTED = (
    *("snntrain.cli.sweep.", "hydra._internal.core_plugins.", "hydra.experimental.", "hydra_plugins."),
    *("logging.StreamHandler", "logging.FileHandler", "logging.Formatter"),
)


def forbidden(config: DictConfig, allowed: Sequence[str]) -> list[str]:
    """A line for every `_target_` in `config` that is not under a trusted or an allowed prefix."""
    lines = []
    for key, value in _factories(config):
        trusted = HYDRA_TRUSTED if key.startswith("hydra.") else TRUSTED
        if not _under(value, (*trusted, *allowed)):
            prefix = value.split(".")[0]
            lines.append(
                f"{key}={value}: may name only {', '.join(trusted)} objects; "
                f"if you trust it, add allow_targets=[{prefix}] to the command line"
            )
    return lines


def _factories(node: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(node, DictConfig) and not node._is_none():
        for key in map(str, node):
            where = f"{path}.{key}" if path else key
            if OmegaConf.is_missing(node, key):
                continue
            if OmegaConf.is_interpolation(node, key):
                # Where it leads to may be somewhere else by the time that the object is built.
                if key in FACTORY_KEYS:
                    yield where, str(node._get_node(key))
                continue
            if key in FACTORY_KEYS and isinstance(node[key], str):
                yield where, node[key]
            yield from _factories(node._get_node(key), where)
    elif isinstance(node, ListConfig) and not node._is_none():
        for index in range(len(node)):
            yield from _factories(node._get_node(index), f"{path}[{index}]")


def _under(name: str, prefixes: Sequence[str]) -> bool:
    return any(name == prefix.rstrip(".") or name.startswith(prefix.rstrip(".") + ".") for prefix in prefixes)


def locate(target: str, allowed: Sequence[str] = ()) -> Callable[..., Any]:
    """The class or function that `target` names.

    Raises:
        UserError: it does not exist, or it is nothing that a configuration may build.
    """
    if not _under(target, (*TRUSTED, *allowed)):
        raise UserError(f"_target_={target} is not under {', '.join((*TRUSTED, *allowed))}")
    found = _import(target)
    if not _under(target, allowed) and not _is_component(found):
        raise UserError(f"_target_={target} is nothing to build from a config: name a class of a layer, optimizer, …")
    return found


def _import(target: str) -> Callable[..., Any]:
    if "" not in sys.path:
        sys.path.insert(0, "")  # A user's own module lies in the folder the command is given in.
    parts = target.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        module_name = ".".join(parts[:cut])
        try:
            found: Any = importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            if error.name is not None and (module_name + ".").startswith(error.name + "."):
                continue
            raise _not_imported(target, module_name, error) from error
        except Exception as error:  # A user's own module may raise anything.
            raise _not_imported(target, module_name, error) from error
        for name in parts[cut:]:
            found = getattr(found, name, None)
        if callable(found):
            target_object: Callable[..., Any] = found
            return target_object
        break
    raise UserError(f"_target_={target}: there is no such class or function; is the name right, is it installed?")


def _not_imported(target: str, module_name: str, error: Exception) -> UserError:
    told = first_line(error)
    return UserError(f"_target_={target}: importing {module_name} failed: {type(error).__name__}: {told}")


def _is_component(found: Any) -> bool:
    """Whether `found` was made to be built from a config: by where it is defined, not by how it is reached."""
    from torch.nn import Module
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler

    module = getattr(found, "__module__", None) or ""
    if module.startswith("snntrain."):
        return True
    return inspect.isclass(found) and _under(module, TRUSTED) and issubclass(found, Module | Optimizer | LRScheduler)


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
    except TypeError as error:
        return f"_target_={node._target_}: {error}; it takes ({', '.join(signature.parameters)})"
    return None


def build(node: DictConfig, *given: Any, allowed: Sequence[str] = (), **also: Any) -> Any:
    """Calls the subtree's `_target_` with the arguments `given`, its own keys, and `also`.

    Raises:
        UserError: what `locate` raises, or the target's own ValueError or TypeError.
    """
    target = locate(node._target_, allowed)
    try:
        return target(*given, **arguments(node), **also)
    except (ValueError, TypeError) as error:
        raise UserError(f"{target.__name__}: {error}") from error
