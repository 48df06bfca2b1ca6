"""The classes and functions that `_target_` may name: a closed list, and those that the command line allows.

A configuration is data. Each group may name classes of this project, of torch or of torchvision that one of the listed
modules defines, or lists in its `__all__`. A dotted name must not lead through any other module, and the object at its
end is checked again before it is called.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any, get_type_hints

from snntrain.errors import UserError, first_line
from snntrain.process.working_directory import importing

# The networks of `snntrain.network.vision`.
VISION = ("sew_resnet", "sew_resnet_events", "ms_resnet", "spiking_resnet19", "vgg", "spikformer", "qkformer")
# The modules of each group.
TRUSTED = {
    "neuron": ("snntrain.neuron",),
    "surrogate": ("snntrain.neuron.surrogate",),
    "dataset": (
        *("snntrain.data.digits", "snntrain.data.vision"),
        *("snntrain.data.sets.nmnist", "snntrain.data.sets.ncaltech101", "snntrain.data.sets.dvs128_gesture"),
        *("snntrain.data.sets.cifar10_dvs", "snntrain.data.sets.heidelberg"),
        *("snntrain.data.own.image_folder", "snntrain.data.own.event_folder", "snntrain.data.own.tensors"),
    ),
    "encoder": ("snntrain.data.encoder",),
    "network": (
        *("snntrain.network.mlp", "snntrain.network.csnn", "snntrain.network.rsnn", "snntrain.network.grammar"),
        *(f"snntrain.network.vision.{name}" for name in VISION),
        *("torch.nn", "torchvision.models"),
    ),
    "readout": tuple(f"snntrain.network.readout.{name}" for name in ("rate", "membrane", "sum_softmax", "current")),
    "loss": ("snntrain.training.loss", "torch.nn"),
    "optimizer": ("torch.optim",),
    "scheduler": ("snntrain.training.schedule", "torch.optim.lr_scheduler"),
}
MODULES = tuple(dict.fromkeys(module for modules in TRUSTED.values() for module in modules))
# Hydra's own; launchers and sweepers of installed plugins are chosen by their names.
HYDRA = (
    "hydra._internal.core_plugins.basic_launcher.BasicLauncher",
    "hydra._internal.core_plugins.basic_sweeper.BasicSweeper",
)
HYDRA_PLUGINS = "hydra_plugins"
# A key without a value, as OmegaConf writes it.
MISSING = "???"
# Keys by which Hydra and logging.config build objects of their own.
FACTORY_KEYS = ("_target_", "()", "class")
# The key of a group of parameters with a schedule of its own.
OF_GROUPS = re.compile(r"optimizer\.groups\[\d+\]\.schedule\._target_\Z")


def forbidden(values: Mapping[Any, Any], allowed: Sequence[str]) -> list[str]:
    """Return a line for each name that would be built or called although it is not on the list.

    Args:
        values: the whole configuration with Hydra's part, as plain values with unresolved references.
        allowed: the packages, modules or names that the command line allows.
    """
    lines = []
    for key, name in _factories(values):
        group = "scheduler" if OF_GROUPS.match(key) else key.partition(".")[0]
        if _is_below(name, allowed) or (_of_hydra(key, name) if group == "hydra" else _is_listed(name, group)):
            continue
        modules = TRUSTED.get(group, ())
        may = f"may name only what is in {', '.join(modules)}" if modules else "nothing is built here"
        package = name.split(".")[0]
        lines.append(f"{key}={name}: {may}; if you trust it, add allow_targets=[{package}] to the command line")
    return lines


def _factories(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the names of factories, each with its dotted key.

    A reference is checked as text: it may resolve to another name by the time that the object is built.
    """
    if isinstance(value, Mapping):
        for key, below in value.items():
            where = f"{path}.{key}" if path else str(key)
            if key in FACTORY_KEYS and isinstance(below, str) and below != MISSING:
                yield where, below
            yield from _factories(below, where)
    elif isinstance(value, list):
        for index, below in enumerate(value):
            yield from _factories(below, f"{path}[{index}]")


def _is_listed(name: str, group: str) -> bool:
    module, _, attribute = name.rpartition(".")
    return module in TRUSTED.get(group, ()) and attribute.isidentifier() and not attribute.startswith("_")


def _of_hydra(key: str, name: str) -> bool:
    return key in ("hydra.launcher._target_", "hydra.sweeper._target_") and (
        name in HYDRA or _is_below(name, [HYDRA_PLUGINS])
    )


def _is_below(name: str, prefixes: Sequence[str]) -> bool:
    return any(name == prefix.rstrip(".") or name.startswith(prefix.rstrip(".") + ".") for prefix in prefixes)


def locate(target: str, allowed: Sequence[str] = ()) -> Callable[..., Any]:
    """Return the class or function with a dotted name.

    Args:
        target: the name.
        allowed: the packages, modules or names that the command line allows; only these are also searched in the
            current folder, after all installed packages.

    Raises:
        UserError: it does not exist, or a configuration may not build it.
    """
    if _is_below(target, allowed):
        return _allowed(target, allowed)
    if not any(_is_listed(target, group) for group in TRUSTED):
        raise UserError(f"_target_={target}: must be a class or function in {', '.join((*MODULES, *allowed))}")
    module_name, _, name = target.rpartition(".")
    module = _imported(target, module_name)
    found = getattr(module, name, None)
    if found is None:
        raise _absent(target)
    if not (_belongs(found, name, module) and _is_component(found)):
        raise UserError(
            f"_target_={target}: cannot be built from a config, as layers, losses and optimizers can; "
            f"if you trust it, add allow_targets=[{target.split('.')[0]}] to the command line"
        )
    return _callable(found, target)


def _allowed(target: str, allowed: Sequence[str]) -> Callable[..., Any]:
    """Return the object of a name that the command line allows; the name must not lead through other modules."""
    parts = target.split(".")
    with importing(allowed):
        for cut in range(len(parts) - 1, 0, -1):
            module_name = ".".join(parts[:cut])
            try:
                module = importlib.import_module(module_name)
            except ModuleNotFoundError as error:
                if error.name is not None and (module_name + ".").startswith(error.name + "."):
                    continue
                raise _not_imported(target, module_name, error) from error
            except Exception as error:  # A user's own module may raise anything.
                raise _not_imported(target, module_name, error) from error
            return _attribute(module, parts[cut:], target, allowed)
    raise _absent(target)


def _attribute(module: ModuleType, names: Sequence[str], target: str, allowed: Sequence[str]) -> Callable[..., Any]:
    found: Any = module
    for name in names:
        inside, found = found, getattr(found, name, None)
        if found is None:
            raise _absent(target)
        defined = getattr(found, "__module__", None)
        here = defined == module.__name__ or _is_below(str(defined), allowed) or _lists(inside, name)
        if isinstance(found, ModuleType) or not here:
            raise UserError(
                f"_target_={target}: {name} is not defined in {module.__name__}; name it by the module that defines "
                "it, and allow that one, or list it in __all__"
            )
    return _callable(found, target)


def _imported(target: str, module_name: str) -> ModuleType:
    try:
        return importlib.import_module(module_name)
    except Exception as error:  # For example a torchvision that was built for another torch.
        raise _not_imported(target, module_name, error) from error


def _belongs(found: Any, name: str, module: ModuleType) -> bool:
    """Return whether a module defines the object of this name, or lists it in `__all__`."""
    defined = getattr(found, "__module__", None)
    if module.__name__ == "torch.nn":  # It has no `__all__`, and imports everything from its submodules.
        module = importlib.import_module("torch.nn.modules")
    if module.__name__ == "torchvision.models":
        return str(defined).startswith("torchvision.models.")
    return defined == module.__name__ or _lists(module, name)


def _lists(module: Any, name: str) -> bool:
    return isinstance(module, ModuleType) and name in getattr(module, "__all__", ())


def _callable(found: Any, target: str) -> Callable[..., Any]:
    if not callable(found):
        raise _absent(target)
    what: Callable[..., Any] = found
    return what


def _absent(target: str) -> UserError:
    return UserError(f"_target_={target}: there is no such class or function; is the name right, is it installed?")


def _not_imported(target: str, module_name: str, error: Exception) -> UserError:
    more = ""
    if isinstance(error, ModuleNotFoundError) and error.name is not None:
        package = error.name.split(".")[0]
        more = f", or if {package} lies here and you trust it, allow that too, as in allow_targets=[…,{package}]"
    return UserError(
        f"_target_={target}: importing {module_name} failed: {type(error).__name__}: {first_line(error)}; fix it{more}"
    )


def _is_component(found: Any) -> bool:
    """Return whether an object was made to be built from a config.

    A class shows it by its base class, a function of ours by its return type. All of these only compute, allocate
    memory, and read or download a data set.
    """
    from torch.nn import Module
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler

    from snntrain.data.dataset import Data
    from snntrain.neuron.surrogate import Surrogate

    if inspect.isfunction(found) and found.__module__.startswith("snntrain."):
        try:
            found = get_type_hints(found).get("return")
        except NameError:  # A type that only a type checker imports.
            return False
    return inspect.isclass(found) and issubclass(found, Module | Surrogate | Optimizer | LRScheduler | Data)
