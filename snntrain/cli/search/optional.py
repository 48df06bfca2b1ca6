"""The packages of the extra `search`, imported when a search begins."""

from __future__ import annotations

import importlib
import warnings
from types import ModuleType

from snntrain.errors import UserError

INSTALL = "pip install 'snntrain[search]'"


def optuna() -> ModuleType:
    """Return Optuna, which says nothing but errors.

    Raises:
        UserError: it is not installed.
    """
    package = _package("optuna", "a search")
    package.logging.set_verbosity(package.logging.ERROR)
    warnings.filterwarnings("ignore", category=package.exceptions.ExperimentalWarning)
    return package


def cmaes() -> ModuleType:
    """Return the package cmaes.

    Raises:
        UserError: it is not installed.
    """
    return _package("cmaes", "sweep.search=cmaes")


def _package(name: str, what: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise UserError(f"{what}: needs the package {name} ({error}); install it with: {INSTALL}") from error
