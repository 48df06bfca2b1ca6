"""One neuron layer as a candidate: forward and backward on given input and gradient, and the memory kept in between."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from benchmarks.peers import PEERS, TAU, spikingjelly_ways
from benchmarks.timing import alternate, synchronize
from snntrain.neuron import AdLIFNode, CubaNode, IFNode, LIFNode, PLIFNode
from snntrain.neuron.surrogate import ATan, Surrogate

NAMES = {"if": "IF", "lif": "LIF", "plif": "PLIF", "cuba": "CUBA", "adlif": "adLIF"}
# Kinds of neurons with two states and constants that are numbers, not learnt.
FIXED = {"cuba fixed": "CUBA, fixed", "adlif fixed": "adLIF, fixed"}


@dataclass(frozen=True)
class Problem:
    """The input of a layer: a current `[T, N, M]` and the gradient of its spikes."""

    x: Tensor
    grad: Tensor

    @classmethod
    def random(
        cls, T: int, shape: tuple[int, ...], dtype: torch.dtype, device: torch.device, constant: bool = False
    ) -> Problem:
        """Return a current at which LIF neurons fire now and then; `constant` has one step in memory, with stride 0."""
        generator = torch.Generator().manual_seed(0)
        x = 2 * torch.rand(1 if constant else T, *shape, generator=generator)
        grad = torch.randn(T, *shape, generator=generator)
        x = x.to(device, dtype).requires_grad_()
        return cls(x, grad.to(device, dtype))

    @property
    def current(self) -> Tensor:
        """Return the input `[T, N, M]`."""
        return self.x.expand(self.grad.shape)

    @property
    def neuron_steps(self) -> int:
        return self.grad.numel()

    @property
    def mandatory_bytes(self) -> int:
        """Bytes that any layer must move: read x, write s; read the gradient of s, read x, write the gradient of x."""
        return self.x.element_size() * (3 * self.x.numel() + 2 * self.grad.numel())


@dataclass(frozen=True)
class Candidate:
    """A layer to run forward and backward.

    Args:
        name: its name in the table; ours begin with snntrain.
        runs: a description of its implementation.
        layer: the module with its learnable parameters.
        run: computes spikes `[T, N, M]` of the layer and a current `[T, N, M]`, from the resting state.
        problem: its input.
    """

    name: str
    runs: str
    layer: nn.Module
    run: Callable[[nn.Module, Tensor], Tensor]
    problem: Problem

    def step(self) -> tuple[Tensor, ...]:
        """Run forward and backward once; return the gradients of the current and of the parameters."""
        inputs = [self.problem.x, *(p for p in self.layer.parameters() if p.requires_grad)]
        return torch.autograd.grad(self.run(self.layer, self.problem.current), inputs, self.problem.grad)

    def kept_bytes(self) -> int:
        """Return the bytes kept for the backward pass, each once, without the spikes, which the next layer keeps."""
        kept: dict[int, Tensor] = {}

        def pack(tensor: Tensor) -> Tensor:
            kept[tensor.untyped_storage().data_ptr()] = tensor
            return tensor

        with saved_tensors_hooks(pack, lambda tensor: tensor):
            spikes = self.run(self.layer, self.problem.current)
        kept.pop(spikes.untyped_storage().data_ptr(), None)
        return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())


# ---- ours ------------------------------------------------------------------------------------------------------------


def neuron(kind: str, surrogate: Surrogate = ATan()) -> nn.Module:
    """Return our multi-step neuron with the settings of `peers`."""
    common = {"surrogate_function": surrogate, "detach_reset": True, "v_reset": 0.0, "step_mode": "m"}
    if kind == "if":
        return IFNode(**common)
    if kind == "lif":
        return LIFNode(tau=TAU, **common)
    if kind == "plif":
        return PLIFNode(init_tau=TAU, clamp="sigmoid", **common)
    learns = kind not in FIXED
    if kind.startswith("cuba"):
        return CubaNode(tau=TAU, tau_i=TAU, learn_tau=learns, **common)
    # The decay of TAU, and the other values of conf/neuron/adlif.yaml.
    return AdLIFNode(1.44, 30.0, a=0.1, b=0.5, q=5.0, learn_tau=learns, learn_ab=learns, **common)


def ours(name: str, kind: str, problem: Problem, surrogate: Surrogate = ATan()) -> Candidate:
    """Return our neuron as a candidate; a constant current is passed as our networks pass it, as one step and T."""
    constant = len(problem.x) < len(problem.grad)

    def run(node: nn.Module, x: Tensor) -> Tensor:
        node.reset()
        return node(problem.x, len(x)) if constant else node(x)

    runs = f"{(NAMES | FIXED)[kind]}, {type(surrogate).__name__}, {str(problem.x.dtype).removeprefix('torch.')}"
    return Candidate(name, runs, neuron(kind, surrogate).to(problem.x.device), run, problem)


# ---- peers -----------------------------------------------------------------------------------------------------------


def theirs(key: str, kind: str, problem: Problem) -> Candidate:
    """Return a peer's neuron as a candidate, in its fastest implementation that runs here.

    Raises:
        Exception: the error of its last implementation; ImportError if the peer is not installed.
    """
    peer = PEERS[key]
    device = problem.x.device
    ways = {peer.runs: lambda: peer.neuron(kind).to(device)}
    if key == "spikingjelly":
        ways = spikingjelly_ways(kind, device, problem.x.dtype)
    tried = dict(_that_run(ways, lambda way, layer: Candidate(peer.name, way, layer, peer.run, problem)))
    if len(tried) == 1:
        return next(iter(tried.values()))
    times = alternate({way: candidate.step for way, candidate in tried.items()}, device, rounds=3)
    return tried[min(times, key=lambda way: times[way].median)]


def _that_run(
    ways: dict[str, Callable[[], nn.Module]], candidate: Callable[[str, nn.Module], Candidate]
) -> Iterator[tuple[str, Candidate]]:
    """Return the candidates that run a step; raise the last error if none does."""
    error: Exception | None = None
    found = False
    for way, make in ways.items():
        try:
            made = candidate(way, make())
            made.step()
        except Exception as failure:  # A peer may fail in any way; the others are still measured.
            error = failure
            continue
        found = True
        yield way, made
    if error is not None and not found:
        raise error


# ---- in a separate process -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Spec:
    """A layer that a worker runs, see `workers.Spec`.

    Args:
        key: `snntrain`, or a key of `peers.PEERS`.
        kind: a key of `NAMES`.
        T, shape, dtype, device: those of the problem.
    """

    name: str
    key: str
    kind: str
    T: int
    shape: tuple[int, ...]
    dtype: torch.dtype
    device: str
    steps: int
    threads: int
    keep_memory: bool

    def build(self) -> Steps:
        """Return the layer's steps, in this process."""
        problem = Problem.random(self.T, self.shape, self.dtype, torch.device(self.device))
        if self.key == "snntrain":
            return Steps(ours(self.name, self.kind, problem), self.steps)
        return Steps(theirs(self.key, self.kind, problem), self.steps)


@dataclass(frozen=True)
class Steps:
    """An action that runs a number of steps per call."""

    candidate: Candidate
    count: int

    @property
    def runs(self) -> str:
        return self.candidate.runs

    def __call__(self) -> None:
        for _ in range(self.count):
            self.candidate.step()
        synchronize(self.candidate.problem.x.device)


# ---- bounds by the memory --------------------------------------------------------------------------------------------


def floor(problem: Problem) -> Callable[[], None]:
    """Return five passes over the array by PyTorch: read x, write s; read the gradient, read x, write its gradient."""
    x = problem.current.detach().contiguous()
    s, grad_x = torch.empty_like(x), torch.empty_like(x)

    def passes(grad: Tensor) -> None:
        s.copy_(x)
        torch.mul(grad, x, out=grad_x)

    return partial(passes, problem.grad)


def copying(device: torch.device, size: int) -> Callable[[], Tensor]:
    """Return a copy of `size` bytes, which measures the bandwidth of the memory: `2 * size` bytes per call."""
    source = torch.zeros(size // 4, device=device)
    return partial(torch.empty_like(source).copy_, source)
