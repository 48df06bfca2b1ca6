"""The files of compiled kernels: those that write LLVM IR, and those that a cached kernel depends on."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import snntrain

PACKAGE = Path(snntrain.__file__).parent
# These decide where a kernel is cached on disk, not how it is compiled.
NOT_OF_A_KERNEL = ("errors", "files", "process")


def imported(file: Path) -> set[str]:
    """Return the modules that a file imports, by their full names."""
    nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    found = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            found |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def files_of(file: Path) -> set[Path]:
    """Return a file and all files of this package that it imports, directly or indirectly."""
    found, waiting = set(), {file}
    while waiting:
        one = waiting.pop()
        found.add(one)
        for name in imported(one):
            root, _, rest = name.partition(".")
            path = PACKAGE / f"{rest.replace('.', '/')}.py"
            if root == "snntrain" and rest.partition(".")[0] not in NOT_OF_A_KERNEL and path.is_file():
                waiting |= {path} - found
    return found


def test_only_the_vector_library_writes_llvm_ir() -> None:
    files = {file for file in PACKAGE.rglob("*.py") if any(name.startswith("llvmlite") for name in imported(file))}
    assert files == {PACKAGE / "kernels/cpu/vectors.py"}


def test_a_cached_kernel_is_recompiled_after_a_change_in_any_of_its_files() -> None:
    pytest.importorskip("numba")
    from snntrain.kernels.cpu.compiled import sources

    kernels = [file for file in PACKAGE.rglob("*.py") if "snntrain.kernels.cpu.compiled.compiled" in imported(file)]
    assert {file.relative_to(PACKAGE).as_posix() for file in kernels} == {
        "kernels/pooling/cpu/kernels.py",
        "neuron/integrate_and_fire/cpu/kernels.py",
        "neuron/integrate_and_fire/cpu/updates.py",
        "neuron/two_states/cpu/kernels.py",
    }
    for kernel in kernels:
        assert files_of(kernel) <= set(sources(kernel)), kernel
        assert PACKAGE / "kernels/cpu/vectors.py" in files_of(kernel)


def test_channels_that_fill_a_vector_are_those_that_the_pooling_accepts() -> None:
    pytest.importorskip("numba")
    from snntrain.kernels.cpu.vectors import WIDTH
    from snntrain.kernels.pooling.door import LANES

    assert LANES == WIDTH
