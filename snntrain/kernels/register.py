"""The operators that this package adds to PyTorch, under `torch.ops.snntrain`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

LIBRARY = torch.library.Library("snntrain", "DEF")
BACKENDS = (torch._C.DispatchKey.CPU, torch._C.DispatchKey.CUDA)


def is_transformed() -> bool:
    """Return whether a transform of `torch.func` or forward-mode differentiation is active; no operator has them."""
    return torch._C._are_functorch_transforms_active() or forward_ad._current_level >= 0


@contextmanager
def recording_gradients() -> Iterator[None]:
    """Let autograd record in the block, even inside an operator's own function, where PyTorch disables it."""
    autograd = torch._C.DispatchKey.AutogradFunctionality
    with torch._C._SetExcludeDispatchKeyGuard(autograd, False), torch.inference_mode(False), torch.enable_grad():
        yield


def register(
    name: str,
    function: Callable[..., Any],
    fake: Callable[..., Any],
    differentiate: Callable[..., Any] | None = None,
    keep: Callable[..., Any] | None = None,
) -> Callable[..., Any]:
    """Register `function` as the operator `snntrain::name` on every device, and return the operator.

    Not torch.library.custom_op: the first call of its wrapper imports torch's compiler, which takes half a second.

    Args:
        name: the operator's name.
        function: its implementation, with types for all arguments and results; it changes no argument.
        fake: a function on shapes alone that tracing runs instead.
        differentiate: a function of `ctx` and the gradients of the results, which returns the gradients of the
            arguments. Without it PyTorch warns when somebody differentiates the result.
        keep: a function of `ctx`, the arguments and the results, which stores in `ctx` the values for `differentiate`.
    """
    schema = torch.library.infer_schema(function, mutates_args=())
    LIBRARY.define(f"{name}{schema}", tags=(torch.Tag.pt2_compliant_tag,))
    LIBRARY.impl(name, function, "CompositeExplicitAutograd")
    torch.library.register_fake(f"snntrain::{name}", fake, lib=LIBRARY)
    operator: Callable[..., Any] = getattr(torch.ops.snntrain, name).default
    if differentiate is not None and keep is not None:
        _register_derivative(operator, function, differentiate, keep)
    return operator


def _register_derivative(
    operator: Any, function: Callable[..., Any], differentiate: Callable[..., Any], keep: Callable[..., Any]
) -> None:
    """Do the same as torch.library.register_autograd, but without reading the whole schema in each call."""

    def below(keyset: Any, given: tuple[Any, ...]) -> Any:
        keyset = keyset & torch._C._after_autograd_keyset
        with torch._C._AutoDispatchBelowAutograd():
            # Without a mode, fake tensor or transform in between, a second pass through the dispatcher is not needed.
            if keyset.highestPriorityTypeId() in BACKENDS:
                return function(*given)
            return operator.redispatch(keyset, *given)

    def forward(ctx: Any, *given: Any) -> Any:
        *inputs, keyset = given
        output = below(keyset, tuple(inputs))
        keep(ctx, tuple(inputs), output)
        # PyTorch would take a list for a single output that is not a tensor.
        return tuple(output) if isinstance(output, list) else output

    def backward(ctx: Any, *gradients: Any) -> Any:
        found = differentiate(ctx, *gradients)
        return *(found if isinstance(found, tuple) else (found,)), None

    name = operator._schema.name.partition("::")[2]
    # The name of the class is shown in the graph of the gradient: it is the operator's name.
    methods = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    differentiable: Any = type(f"snntrain_{name}", (torch.autograd.Function,), methods)

    def with_gradient(keyset: Any, *given: Any) -> Any:
        if forward_ad._current_level >= 0 and _has_tangent(given):
            raise NotImplementedError(f"snntrain::{name} has no forward-mode derivative; its definition in Python has")
        if torch.is_grad_enabled() and torch._C._any_requires_grad(*given):
            return differentiable.apply(*given, keyset)
        return below(keyset, given)

    LIBRARY.impl(name, with_gradient, "Autograd", with_keyset=True)


def _has_tangent(given: tuple[Any, ...]) -> bool:
    return any(isinstance(one, Tensor) and forward_ad.unpack_dual(one).tangent is not None for one in given)
