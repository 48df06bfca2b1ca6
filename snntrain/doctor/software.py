"""The installed packages, and whether torch can be imported."""

import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import snntrain
from snntrain.doctor.finding import Finding, in_short

PACKAGES = ("torch", "torchvision", "numba", "triton", "numpy", "hydra-core", "tensorboard")


def findings() -> Iterator[Finding]:
    """Report versions, and import torch."""
    yield Finding("snntrain", f"{snntrain.__version__}, Python {platform.python_version()}, {platform.platform()}")
    yield Finding("packages", ", ".join(f"{name} {_version(name)}" for name in PACKAGES))
    try:
        import torch
    except Exception as error:  # A missing library, or one of another build, may raise anything.
        yield Finding("torch", f"cannot be imported: {in_short(error)}", "reinstall torch and torchvision together")
    else:
        yield Finding("torch", f"built for {_built_for(torch)}")


def torch_works() -> bool:
    """Return whether torch can be imported."""
    try:
        import torch  # noqa: F401
    except Exception:
        return False
    return True


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"


def _built_for(torch: Any) -> str:
    if torch.version.cuda:
        return f"CUDA {torch.version.cuda}"
    return f"ROCm {torch.version.hip}" if torch.version.hip else "CPUs alone"
