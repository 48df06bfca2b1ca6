"""The norm of each layer's gradient, computed on the device."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class GradientNorms:
    """The mean L2 norm of each layer's gradient over the steps of an epoch.

    The sums stay in the same memory of the device, so that a recorded step adds to them; nothing waits for them before
    `take()`. A step with a gradient that is not finite is skipped, as the optimizer skips it.

    Args:
        net: the network; a layer is a module that holds learnable parameters directly.
        device: device of the parameters.
        beside: a module that contains `net`; its other learnable parameters are only checked to be finite.
    """

    def __init__(self, net: nn.Module, device: torch.device, beside: nn.Module | None = None) -> None:
        own = {name or "network": _learnable(module) for name, module in net.named_modules()}
        self.layers = [name for name, parameters in own.items() if parameters]
        self.parameters = [parameter for name in self.layers for parameter in own[name]]
        rows = [[float(name == layer) for name in self.layers for _ in own[name]] for layer in self.layers]
        known = set(self.parameters)
        others = [p for p in (beside or net).parameters() if p.requires_grad and p not in known]
        self.parameters += others
        self.membership = torch.tensor(
            [row + [0.0] * len(others) for row in rows], dtype=torch.float64, device=device
        ).view(len(rows), len(self.parameters))
        self.sums = torch.zeros(len(rows), dtype=torch.float64, device=device)
        self.steps = torch.zeros(1, dtype=torch.float64, device=device)
        self.nothing = torch.zeros(1, device=device)

    @torch.no_grad()
    def add(self) -> Tensor:
        """Add the gradients of a step.

        Returns:
            Whether all norms are finite, a bool tensor without dimensions. A norm is not finite if a number is infinite
            or NaN, or so large that its square overflows.
        """
        gradients = [self.nothing if p.grad is None else p.grad for p in self.parameters]
        squares = torch.stack(torch._foreach_norm(gradients)).double().square()
        finite = squares.isfinite().all()
        self.sums += torch.where(finite, (self.membership * squares).sum(1).sqrt(), 0.0)
        self.steps += finite
        return finite

    def take(self) -> dict[str, float]:
        """Return the means over the steps since the last call, by the name of the layer; empty without a step."""
        *sums, steps = torch.cat([self.sums, self.steps]).tolist()
        self.sums.zero_()
        self.steps.zero_()
        return {layer: total / steps for layer, total in zip(self.layers, sums, strict=True)} if steps else {}

    def state_dict(self) -> dict[str, Tensor]:
        """Return the sums so far, as `load_state_dict` takes them."""
        return {"sums": self.sums.cpu().clone(), "steps": self.steps.cpu().clone()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Restore a `state_dict()`."""
        self.sums.copy_(state["sums"])
        self.steps.copy_(state["steps"])


def _learnable(module: nn.Module) -> list[nn.Parameter]:
    return [parameter for parameter in module.parameters(recurse=False) if parameter.requires_grad]
