"""torch's optimizers without torch's compiler.

They import `torch._dynamo` to exclude themselves from tracing. That takes nearly as long as the import of torch, even
if nothing is compiled, and torch has no switch for it. No optimizer is compiled here, so nothing must be excluded.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache, wraps
from typing import Any

import torch
from torch.optim import Optimizer

# Methods that torch excludes from its compiler.
GUARDED = ("add_param_group", "zero_grad", "state_dict", "load_state_dict")
# torch's wrappers that import the compiler, by module and name.
DISABLE = ("torch._compile", "inner")
STEP = ("torch.optim.optimizer", "_use_grad")

Method = Callable[..., Any]


@cache
def without_compiler(kind: Callable[..., Any]) -> Callable[..., Any]:
    """Return a class that computes the same as an optimizer and has its name, but does not import torch's compiler.

    Methods that torch has not wrapped, such as those of a user's own class, stay as they are; so do other classes.
    """
    if not (inspect.isclass(kind) and issubclass(kind, Optimizer)):
        return kind
    own: dict[str, Any] = {}
    for name in GUARDED:
        method = getattr(kind, name)
        if _is_made_by(DISABLE, method):
            own[name] = method.__wrapped__
    # The first optimizer of a class adds hooks to its step, and will add them to this one, too.
    step = inspect.unwrap(kind.step, stop=lambda method: not getattr(method, "hooked", False))
    if _is_made_by(STEP, step):
        own["step"] = _with_gradient_if_differentiable(step.__wrapped__)
    own |= {name: getattr(kind, name) for name in ("__module__", "__qualname__", "__doc__")}
    return type(kind.__name__, (kind,), own)


def _is_made_by(wrapper: tuple[str, str], method: Method) -> bool:
    code, names = getattr(method, "__code__", None), getattr(method, "__globals__", {})
    return code is not None and (names.get("__name__"), code.co_name) == wrapper and hasattr(method, "__wrapped__")


def _with_gradient_if_differentiable(step: Method) -> Method:
    @wraps(step)
    def stepped(self: Optimizer, *given: Any, **named: Any) -> Any:
        with torch.set_grad_enabled(self.defaults["differentiable"]):
            return step(self, *given, **named)

    return stepped
