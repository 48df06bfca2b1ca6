"""The GPU's pooling for tests: on a GPU if there is one, else in Triton's interpreter."""

from __future__ import annotations

from types import ModuleType

import pytest
import torch

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def pooling_for_a_gpu() -> ModuleType:
    """Return the executor; kernels decorated while TRITON_INTERPRET is set run in the interpreter."""
    pytest.importorskip("triton", reason="Triton is not installed")
    with pytest.MonkeyPatch.context() as patch:
        if DEVICE == "cpu":
            patch.setenv("TRITON_INTERPRET", "1")
        from snntrain.kernels.pooling import cuda
    return cuda


def few_outputs(cuda: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a program few outputs, so that small images need several programs."""
    if DEVICE == "cpu":
        monkeypatch.setattr(cuda, "OUTPUTS", 128)
        monkeypatch.setattr(cuda, "MOST_VECTORS", 64)
