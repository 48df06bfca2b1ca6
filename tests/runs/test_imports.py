"""Run folders and reports start at once: they import neither torch nor other slow packages."""

from __future__ import annotations

import os
import pkgutil
import subprocess
import sys
from collections.abc import Iterable

import snntrain.report
import snntrain.runs


def imported_by(modules: Iterable[str]) -> set[str]:
    """Return the top-level packages in a new process after it has imported the modules."""
    code = f"import sys, {', '.join(modules)}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    environment = os.environ | {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True)
    return set(done.stdout.split())


def test_no_module_of_runs_or_of_a_report_imports_torch() -> None:
    modules = [
        module.name
        for package in (snntrain.runs, snntrain.report)
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
    ]
    assert {"snntrain.runs.run_folder", "snntrain.report.files"} <= set(modules)
    found = imported_by(modules)
    assert "snntrain" in found
    assert not {"torch", "torchvision", "numba", "matplotlib", "tensorboard"} & found


def test_a_report_waits_for_neither_torch_nor_hydra() -> None:
    assert not {"torch", "hydra", "omegaconf"} & imported_by(["snntrain.cli.report", "snntrain.runs.latest"])
