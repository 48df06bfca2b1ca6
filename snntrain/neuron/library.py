"""The operators that this package adds to PyTorch, under `torch.ops.snntrain`."""

from collections.abc import Callable
from typing import Any

import torch

LIBRARY = torch.library.Library("snntrain", "DEF")


def register(
    name: str,
    function: Callable[..., Any],
    fake: Callable[..., Any],
    differentiate: Callable[..., Any] | None = None,
    keep: Callable[..., Any] | None = None,
) -> None:
    """Makes `function` the operator `snntrain::name`, on every device.

    Not torch.library.custom_op, whose wrapper imports torch's compiler at the first call: more than half a second.

    Args:
        name: of the operator.
        function: with types for all that it takes and gives; changes none of its arguments.
        fake: what tracing runs in its place, on shapes alone.
        differentiate: from `ctx` and the gradients of what it gives to those of what it takes.
        keep: from `ctx`, what it took and what it gave, keeps what `differentiate` needs.
    """
    schema = torch.library.infer_schema(function, mutates_args=())
    LIBRARY.define(f"{name}{schema}", tags=(torch.Tag.pt2_compliant_tag,))
    LIBRARY.impl(name, function, "CompositeExplicitAutograd")
    torch.library.register_fake(f"snntrain::{name}", fake, lib=LIBRARY)
    if differentiate is not None:
        torch.library.register_autograd(f"snntrain::{name}", differentiate, setup_context=keep, lib=LIBRARY)
