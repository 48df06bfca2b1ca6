"""`_target_`: which objects a configuration may name, and how one is built from its subtree.

A configuration is data and may come from a stranger, so it cannot name what it likes: in each group only what is meant
to be built there, of this project or of torch and torchvision, besides the prefixes that the command line allows. Where
a name leads is checked again when it is imported, since any module can be reached through another.
"""

import importlib
import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, get_type_hints

from omegaconf import DictConfig, ListConfig, OmegaConf

from snntrain.config.explain import first_line
from snntrain.errors import UserError

TRUSTED = {
    "neuron": ("snntrain.neuron.",),
    "surrogate": ("snntrain.neuron.surrogate.",),
    "dataset": ("snntrain.data.",),
    "encoder": ("snntrain.data.encoder.",),
    "network": ("snntrain.network.", "torch.nn.", "torchvision.models."),
    "loss": ("snntrain.training.loss.", "torch.nn."),
    "optimizer": ("torch.optim.",),
    "scheduler": ("snntrain.training.schedule.", "torch.optim.lr_scheduler."),
}
PREFIXES = tuple(dict.fromkeys(prefix for prefixes in TRUSTED.values() for prefix in prefixes))
# Keys by which Hydra and logging.config build objects of their own.
FACTORY_KEYS = ("_target_", "()", "class")
HYDRA_TRUSTED = (
    *("snntrain.cli.sweep.", "hydra._internal.core_plugins.", "hydra.experimental.", "hydra_plugins."),
    *("logging.StreamHandler", "logging.FileHandler", "logging.Formatter"),
)


def forbidden(config: DictConfig, allowed: Sequence[str]) -> list[str]:
    """A line for every `_target_` in `config` that is not under an allowed prefix, or one trusted in its group."""
    lines = []
    for key, value in _factories(config):
        trusted = HYDRA_TRUSTED if key.startswith("hydra.") else TRUSTED.get(key.partition(".")[0], ())
        if not _under(value, (*trusted, *allowed)):
            may = f"may name only {', '.join(trusted)} objects" if trusted else "nothing is built here"
            prefix = value.split(".")[0]
            lines.append(f"{key}={value}: {may}; if you trust it, add allow_targets=[{prefix}] to the command line")
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
    if not _under(target, (*PREFIXES, *allowed)):
        raise UserError(f"_target_={target}: must be under {', '.join((*PREFIXES, *allowed))}")
    found = _import(target)
    if not _under(target, allowed) and not _is_component(found):
        raise UserError(
            f"_target_={target}: is nothing to build from a config, as layers, losses and optimizers are; "
            f"if you trust it, add allow_targets=[{target.split('.')[0]}] to the command line"
        )
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
    return UserError(f"_target_={target}: importing {module_name} failed: {type(error).__name__}: {told}; mend it")


def _is_component(found: Any) -> bool:
    """Whether `found` was made to be built from a config: by what it is and where, not by how it is reached.

    A class says so by what it is derived from, a function of ours by what it says to return. None of these does more
    than to compute, to allocate memory, and to read or download a data set.
    """
    from torch.nn import Module
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler

    from snntrain.data.dataset import Data
    from snntrain.neuron.surrogate import Surrogate

    if not _under(getattr(found, "__module__", None) or "", PREFIXES):
        return False
    if inspect.isfunction(found) and found.__module__.startswith("snntrain."):
        try:
            found = get_type_hints(found).get("return")
        except NameError:  # A type that only a type checker imports.
            return False
    return inspect.isclass(found) and issubclass(found, Module | Surrogate | Optimizer | LRScheduler | Data)


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
