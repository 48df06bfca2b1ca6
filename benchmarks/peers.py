"""The peers' neurons: in each package the nearest to ours, IF, LIF and PLIF with tau = 2, threshold 1, reset to 0.

package       if                 lif                  plif                  surrogate    h of one step
snntrain      IFNode             LIFNode              PLIFNode              ATan(2)      v + (x - v) / tau
spikingjelly  IFNode             LIFNode              ParametricLIFNode     ATan(2)      v + (x - v) / tau
snntorch      Leaky(beta=1)      Leaky(beta=0.5)      Leaky(learn_beta)     atan(2)      beta v + x: input not scaled
norse         IAFCell            LIFBoxCell           LIFBoxCell, learned   SuperSpike   v + (x - v) / tau
sinabs        IAF                LIF                  LIF, learned          exponential  alpha v + (1 - alpha) x

For CUBA, snnTorch has Synaptic and Norse LIFCell, here with two states as well; for adaptive LIF, Norse has LSNNCell.

IF is `v + x` everywhere. SpikingJelly and snnTorch keep the reset out of the gradient, as ours does; Norse and Sinabs
have neither this setting nor ATan.

A package is imported when its neuron is created; a missing one raises ImportError.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

KINDS = ("if", "lif", "plif")
TAU = 2.0


@dataclass(frozen=True)
class Peer:
    """One package.

    Args:
        name: its name in the tables.
        neuron: creates a new neuron of a kind.
        run: computes the spikes `[T, N, *]` of a neuron over a sequence `[T, N, *]`, from its resting state.
        runs: a short description of that.
    """

    name: str
    neuron: Callable[[str], nn.Module]
    run: Callable[[nn.Module, Tensor], Tensor]
    runs: str


def _check_kind(name: str, kind: str) -> None:
    """Raise NotImplementedError if the comparison has no neuron of a kind in a package."""
    if kind not in KINDS:
        raise NotImplementedError(f"no {kind} of {name} is compared")


# ---- SpikingJelly ----------------------------------------------------------------------------------------------------


def spikingjelly(kind: str) -> nn.Module:
    """Return a node in multi-step mode."""
    from spikingjelly.activation_based import neuron, surrogate

    _check_kind("SpikingJelly", kind)

    common: dict[str, Any] = {
        "surrogate_function": surrogate.ATan(alpha=2.0),
        "detach_reset": True,
        "v_reset": 0.0,
        "step_mode": "m",
    }
    if kind == "if":
        return neuron.IFNode(**common)
    if kind == "lif":
        return neuron.LIFNode(tau=TAU, decay_input=True, **common)
    return neuron.ParametricLIFNode(init_tau=TAU, decay_input=True, **common)


def spikingjelly_run(node: nn.Module, x: Tensor) -> Tensor:
    node.reset()
    return node(x)


def spikingjelly_ways(kind: str, device: torch.device, dtype: torch.dtype) -> dict[str, Callable[[], nn.Module]]:
    """Return the implementations of a node in SpikingJelly 2 for the device; not all of them run everywhere.

    On a CPU there is its reference in PyTorch. On a GPU the default is its native CUDA kernel if that was built from
    source, else Triton's (`SJ_LIF_CUDA_IMPLEMENTATION` and its like choose); torch.compile takes the same operators.
    Half precision falls back to the reference, unless the neuron's precision is set through its precision policy.
    """
    if device.type != "cuda":
        return {"torch reference": lambda: spikingjelly(kind)}
    ways: dict[str, Callable[[], nn.Module]] = {
        "default kernel": lambda: spikingjelly(kind).to(device),
        "torch.compile": lambda: _Compiled(spikingjelly(kind).to(device)),
    }
    if dtype != torch.float32:
        ways["precision policy"] = lambda: _spikingjelly_precise(kind, device, dtype)
    return ways


def _spikingjelly_precise(kind: str, device: torch.device, dtype: torch.dtype) -> nn.Module:
    from spikingjelly.activation_based.precision import PrecisionConfig, prepare_model_for_precision

    name = {torch.bfloat16: "bf16", torch.float16: "fp16"}[dtype]
    config = PrecisionConfig(mode=name, neuron_storage="fp32")
    return prepare_model_for_precision(spikingjelly(kind).to(device), device, config).model


class _Compiled(nn.Module):
    """A compiled node that can be reset like the node itself."""

    def __init__(self, node: nn.Module) -> None:
        super().__init__()
        self.node, self.reset = node, node.reset
        self.compiled = torch.compile(node)

    def forward(self, x: Tensor) -> Tensor:
        return self.compiled(x)


# ---- packages with cells as neurons: one step per call ---------------------------------------------------------------


def snntorch(kind: str) -> nn.Module:
    import snntorch as snn
    from snntorch import surrogate

    if kind == "cuba":
        decays = {"alpha": 1 - 1 / TAU, "beta": 1 - 1 / TAU, "learn_alpha": True, "learn_beta": True}
        return snn.Synaptic(**decays, spike_grad=surrogate.atan(alpha=2.0), reset_mechanism="zero")
    _check_kind("snnTorch", kind)
    return snn.Leaky(
        beta=1.0 if kind == "if" else 1 - 1 / TAU,
        learn_beta=kind == "plif",
        spike_grad=surrogate.atan(alpha=2.0),
        reset_mechanism="zero",
    )


def norse(kind: str) -> nn.Module:
    from norse.torch import IAFCell, LIFBoxCell
    from norse.torch.functional.lif_box import LIFBoxParameters

    if kind in ("cuba", "adlif"):
        from norse.torch import LIFCell, LSNNCell

        return (LIFCell if kind == "cuba" else LSNNCell)()
    if kind == "if":
        return IAFCell()
    step = 1e-3
    inverse = torch.tensor(1 / (TAU * step))
    cell = LIFBoxCell(LIFBoxParameters(tau_mem_inv=inverse), dt=step)
    if kind == "plif":
        # Its parameters are in a tuple, in which a module does not look for learnable parameters.
        cell.tau_mem_inv = nn.Parameter(inverse)
        cell.p = LIFBoxParameters(tau_mem_inv=cell.tau_mem_inv)
    return cell


def initial_state(cell: nn.Module) -> Any:
    """Return the state of a cell before the first step."""
    return cell.reset_mem() if hasattr(cell, "reset_mem") else None


def cell_run(cell: nn.Module, x: Tensor) -> Tensor:
    state, spikes = initial_state(cell), []
    for current in x:
        # snnTorch's neurons with two states take and return them one by one.
        s, *after = (
            cell(current, *state) if isinstance(state, tuple) and hasattr(cell, "reset_mem") else cell(current, state)
        )
        state = after[0] if len(after) == 1 else tuple(after)
        spikes.append(s)
    return torch.stack(spikes)


# ---- Sinabs ----------------------------------------------------------------------------------------------------------


def sinabs(kind: str, **shape: int) -> nn.Module:
    """Return a layer over `[N, T, *]`; with `batch_size` over `[N * T, *]`, as in its networks."""
    from sinabs import activation, layers

    _check_kind("Sinabs", kind)
    common: dict[str, Any] = {
        "spike_fn": activation.SingleSpike,
        "reset_fn": activation.MembraneReset(),
        "surrogate_grad_fn": activation.SingleExponential(),
        **shape,
    }
    if kind == "if":
        return (layers.IAFSqueeze if shape else layers.IAF)(**common)
    layer = (layers.LIFSqueeze if shape else layers.LIF)(tau_mem=-1 / math.log(1 - 1 / TAU), norm_input=True, **common)
    layer.tau_mem.requires_grad_(kind == "plif")
    return layer


def sinabs_run(layer: nn.Module, x: Tensor) -> Tensor:
    layer.reset_states()
    return layer(x.transpose(0, 1)).transpose(0, 1)


PEERS = {
    "spikingjelly": Peer("SpikingJelly", spikingjelly, spikingjelly_run, "IFNode, LIFNode, ParametricLIFNode"),
    "snntorch": Peer("snnTorch", snntorch, cell_run, "Leaky or Synaptic, a loop over time"),
    "norse": Peer("Norse", norse, cell_run, "one Cell of each kind, a loop over time"),
    "sinabs": Peer("Sinabs", sinabs, sinabs_run, "IAF, LIF"),
}


def chosen(names: str) -> list[str]:
    """Return keys of PEERS from a comma-separated list, `all` or `none`.

    Raises:
        ValueError: an unknown name.
    """
    if names in ("all", "none"):
        return list(PEERS) if names == "all" else []
    wanted = names.split(",")
    if unknown := [name for name in wanted if name not in PEERS]:
        raise ValueError(f"--peers {','.join(unknown)}: there are {', '.join(PEERS)}, all and none")
    return wanted
