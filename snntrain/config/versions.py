"""The differences between Hydra 1.3, which is required, and 1.4: nothing here is used that 1.4 deprecates."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any

import hydra
from omegaconf import OmegaConf

# Hydra 1.3 behaves as older versions if this argument is left out; 1.4 deprecates the argument.
INITIALIZE: dict[str, Any] = {"version_base": "1.3"} if hydra.__version__.startswith("1.3.") else {}


def register_resolver(name: str, resolver: Callable[..., Any], *, use_cache: bool = False) -> None:
    """Register the function of `${name:…}`, again if there is one already."""
    register: Any = OmegaConf.register_resolver
    # Before OmegaConf 2.4 this name is that of an older function.
    if "use_cache" not in signature(register).parameters:
        register = OmegaConf.register_new_resolver
    register(name, resolver, replace=True, use_cache=use_cache)
