"""How great the gradients of each layer are, measured where they are."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class GradientNorms:
    """The mean L2 norm of each layer's gradient over the steps of an epoch.

    What is summed stays in the same memory of the device: a recorded step adds to it when it is replayed, and nothing
    waits for it before `take()`. Steps whose gradient is not finite are left out, as the optimizer leaves them out.

    Args:
        net: its layers are the modules that have learnable parameters of their own.
        device: of the parameters.
        beside: a module around `net` whose other parameters are learnt, too: they count for what is finite.
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
        """Takes in the gradients of a step.

        Returns:
            Whether the norm of each is finite (bool, no dimension): no number in it is infinite or NaN, and none is so
            great that its square is.
        """
        gradients = [self.nothing if p.grad is None else p.grad for p in self.parameters]
        squares = torch.stack(torch._foreach_norm(gradients)).double().square()
        finite = squares.isfinite().all()
        self.sums += torch.where(finite, (self.membership * squares).sum(1).sqrt(), 0.0)
        self.steps += finite
        return finite

    def take(self) -> dict[str, float]:
        """The means of the steps since the last call, by the layer's name; nothing where there was none."""
        *sums, steps = torch.cat([self.sums, self.steps]).tolist()
        self.sums.zero_()
        self.steps.zero_()
        return {layer: total / steps for layer, total in zip(self.layers, sums, strict=True)} if steps else {}

    def state_dict(self) -> dict[str, Tensor]:
        """The sums so far, as `load_state_dict` takes them."""
        return {"sums": self.sums.cpu().clone(), "steps": self.steps.cpu().clone()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Goes on from a `state_dict()`."""
        self.sums.copy_(state["sums"])
        self.steps.copy_(state["steps"])


def _learnable(module: nn.Module) -> list[nn.Parameter]:
    return [parameter for parameter in module.parameters(recurse=False) if parameter.requires_grad]
