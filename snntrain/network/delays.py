"""Synapses with delays that are learnt (Hammouamri, Khalfaoui-Hassani and Masquelier, ICLR 2024).

In training a synapse is a Gaussian over time around its delay, so that the delay has a gradient. The Gaussian narrows
during the first quarter of the epochs. In evaluation a synapse has its delay rounded to a whole step, as in the
paper. The numbers are those of the authors' code: the standard deviation is sigma + 0.27, and sigma shrinks from
half of the kernel to 0.23.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from snntrain.network.parameter_groups import ParameterGroup
from snntrain.network.sequence import OverTime
from snntrain.neuron import Carrying

# sigma at the end, what is added to it, and the share of the epochs in which it shrinks.
NARROWEST, ADDED, SHRINKING = 0.23, 0.27, 0.25
# A Gaussian is divided by its sum plus this.
EPSILON = 1e-7


class DelayedLinear(nn.Linear, Carrying, OverTime):
    """A linear layer in which each synapse has a delay of its own: `y[t, o] = Σ_i w[o, i] x[t - d[o, i], i]`.

    The layer is causal: no output depends on later inputs. Before the first input there are zeros, or the last steps
    of the call before, until a reset.

    Args:
        inputs: number of features.
        outputs: number of features of the result.
        max_delay: greatest delay, in time steps.
        lr_factor: learning rate of the delays, as a multiple of the optimizer's; they have no weight decay.
        bias: whether there is a bias.

    Attributes:
        weight: `[outputs, inputs]`.
        delay: delays in time steps, `[outputs, inputs]`, uniform in [0, max_delay] at the start. The next training
            step moves those that the optimizer has moved out of these bounds back to them.
        sigma: width of the Gaussian in the current epoch, a buffer without dimensions, see `on_epoch`.
        past: the last `max_delay` inputs, `[max_delay, N, inputs]`; the number 0 after a reset.

    Raises:
        ValueError: a size or the greatest delay is below 1, or `lr_factor` is negative.
    """

    states = ("past",)
    past: float | Tensor
    sigma: Tensor
    taps: Tensor

    def __init__(
        self, inputs: int, outputs: int, max_delay: int, lr_factor: float = 100.0, *, bias: bool = False
    ) -> None:
        if inputs < 1 or outputs < 1 or max_delay < 1:
            raise ValueError(
                "inputs, outputs and the greatest delay must be at least 1, "
                f"not inputs={inputs}, outputs={outputs}, max_delay={max_delay}"
            )
        if not lr_factor >= 0:
            raise ValueError(f"lr_factor must not be negative, and is {lr_factor}")
        super().__init__(inputs, outputs, bias=bias)
        self.max_delay = max_delay
        self.lr_factor = lr_factor
        # Half of the kernel, rounded down.
        self.widest = float((max_delay + 1) // 2)
        self.delay = nn.Parameter(torch.empty_like(self.weight).uniform_(0, max_delay))
        self.register_buffer("sigma", torch.tensor(self.widest))
        self.register_buffer("taps", torch.arange(max_delay + 1.0), persistent=False)

    def reset_parameters(self) -> None:
        """Draw the weights as the authors do, uniform with a variance of 2 / inputs, and a bias as in `nn.Linear`."""
        super().reset_parameters()
        nn.init.kaiming_uniform_(self.weight, nonlinearity="relu")

    def on_epoch(self, epoch: int, epochs: int) -> None:
        """Set sigma for an epoch, from 1: it falls exponentially, and has its last value after a quarter of them."""
        shrinking = max(1, int(epochs * SHRINKING))
        done = min(1.0, (epoch - 1) / shrinking)
        self.sigma.fill_(self.widest * (NARROWEST / self.widest) ** done)

    def learnt(self) -> dict[str, float]:
        """Return the mean delay and sigma, which a run logs."""
        return {"delay": self.delay.mean().item(), "sigma": self.sigma.item()}

    def parameter_groups(self) -> list[ParameterGroup]:
        """Return the delays as a group with a learning rate of their own, without weight decay."""
        return [ParameterGroup([self.delay], self.lr_factor, {"weight_decay": 0.0})]

    def kernel(self) -> Tensor:
        """Return the weight of each synapse at each delay from 0 to `max_delay`, `[outputs, inputs, max_delay + 1]`.

        In evaluation mode all but one are 0.
        """
        delay = self.delay.unsqueeze(-1)
        if not self.training:
            return self.weight.unsqueeze(-1) * (self.taps == delay.detach().clamp(0, self.max_delay).round())
        gaussian = torch.exp(-0.5 * ((self.taps - delay) / (self.sigma + ADDED)).square())
        return self.weight.unsqueeze(-1) * gaussian / (gaussian.sum(-1, keepdim=True) + EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        """Return the delayed sums `[T, N, outputs]` of a sequence `[T, N, inputs]`."""
        if self.training:
            self._keep_bounds()
        self.check_state("past", (self.max_delay, *x.shape[1:]))
        past = self.past if isinstance(self.past, Tensor) else x.new_zeros(self.max_delay, *x.shape[1:])
        whole = torch.cat([past.to(x.dtype), x])
        self.past = whole[-self.max_delay :]
        # A convolution multiplies the last tap with the newest step.
        y: Tensor = F.conv1d(whole.permute(1, 2, 0), self.kernel().flip(-1), self.bias)
        return y.permute(2, 0, 1).contiguous()

    @torch.no_grad()
    def _keep_bounds(self) -> None:
        self.delay.clamp_(0, self.max_delay)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, max_delay={self.max_delay}"
