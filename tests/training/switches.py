"""The values of PyTorch's two sets of switches for the precision of float32."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch


def new() -> dict[str, str]:
    """Return every `fp32_precision`."""
    backends: Any = torch.backends
    return {
        "all": backends.fp32_precision,
        "cudnn": backends.cudnn.fp32_precision,
        "conv": backends.cudnn.conv.fp32_precision,
        "rnn": backends.cudnn.rnn.fp32_precision,
        "matmul": backends.cuda.matmul.fp32_precision,
        "conv of a CPU": backends.mkldnn.conv.fp32_precision,
        "matmul of a CPU": backends.mkldnn.matmul.fp32_precision,
    }


def old() -> dict[str, Any]:
    """Return the values of the older switches; None for one that raises."""
    return {
        "cudnn": readable(lambda: torch.backends.cudnn.allow_tf32),
        "matmul": readable(lambda: torch.backends.cuda.matmul.allow_tf32),
        "products": readable(torch.get_float32_matmul_precision),
    }


def readable(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except RuntimeError:
        return None
