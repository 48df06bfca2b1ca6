"""The compiled executor of the CPU against the definition: its results, in every layout, and the memory it keeps."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from snntrain.kernels.cpu import caches
from snntrain.kernels.cpu import threads as executor_threads
from snntrain.neuron import PLIFNode, surrogate
from snntrain.neuron.integrate_and_fire.cpu.kernels import BACKWARD_BLOCK, FORWARD_BLOCK, SCRATCH
from snntrain.neuron.integrate_and_fire.formulas import formula
from tests.neuron.recurrences import (
    ATAN,
    COEFFICIENTS,
    V_THRESHOLD,
    assert_same_gradients,
    current,
    defined,
    doubled,
    every_coefficient,
    every_detach,
    every_reset,
    every_surrogate,
    pull,
    random,
    run,
)
from tests.pairs import every_pair, every_value

pytest.importorskip("numba")


@every_coefficient
@every_reset
def test_float32_spikes_and_potentials_are_the_references_to_the_bit(coefficients: str, v_reset: float | None) -> None:
    x, given = current(11, 7, 3, 5), COEFFICIENTS[coefficients]()
    one, other = (function(x, given, v_reset=v_reset, record=True) for function in (run, defined))
    assert 0.1 < one.s.mean() < 0.9
    for name in ("s", "v_last", "h", "v"):
        assert torch.equal(getattr(one, name), getattr(other, name)), name
    assert one.more == other.more == {}


@every_pair(every_surrogate, every_coefficient, every_reset, every_detach)
@pytest.mark.sample(12)
def test_gradients_are_those_of_the_definition_in_double_precision(
    fire: surrogate.Surrogate, coefficients: str, v_reset: float | None, detach_reset: bool
) -> None:
    rule = {"v_reset": v_reset, "detach_reset": detach_reset, "surrogate": fire}
    given = [current(11, 7, 3, 5).requires_grad_(), *COEFFICIENTS[coefficients](), random(7, 3, 5).requires_grad_()]
    exact = doubled(given)
    (one, other) = (run(x, k, v, **rule) for x, *k, v in (given, exact))
    assert torch.equal(one.s.double(), other.s)
    for trajectory in (one, other):
        pull(trajectory)
    assert_same_gradients(given, exact, 3e-6)


@pytest.mark.slow
@pytest.mark.parametrize("neurons", [(1,), (7, 3, 5)], ids=["one neuron", "many"])
def test_numbers_and_tensors_with_one_or_many_elements_can_be_combined(neurons: tuple[int, ...]) -> None:
    numbers = [0.4, -0.9, -0.05, 0.1]
    own = torch.linspace(0.2, 0.8, neurons[0]).view(-1, *[1] * (len(neurons) - 1))
    for place in range(4):
        leaves: list[Any] = [torch.tensor(number, requires_grad=True) for number in numbers]
        leaves[place] = own.clone().requires_grad_()
        leaves[place - 1] = numbers[place - 1]
        leaves[place - 2] = leaves[place - 2].detach().view(1, 1).requires_grad_()
        given = [current(6, *neurons).requires_grad_(), *leaves]
        exact = doubled(given)
        for x, *k, v in (given, exact):
            pull(run(x, k, v))
        assert_same_gradients(given, exact, 3e-6)


@every_reset
@pytest.mark.parametrize("coefficients", ["fixed", "by channel"])
def test_a_constant_current_gives_the_results_of_its_copies(v_reset: float | None, coefficients: str) -> None:
    leaves = [current(1, 7, 3, 5).requires_grad_() for _ in range(3)]
    k = [COEFFICIENTS[coefficients]() for _ in leaves]
    expanded, given_once, copied = (
        run(leaves[0].expand(9, 7, 3, 5), k[0], v_reset=v_reset),
        run(leaves[1], k[1], v_reset=v_reset, T=9),
        run(leaves[2].expand(9, 7, 3, 5).contiguous(), k[2], v_reset=v_reset),
    )
    for trajectory in (expanded, given_once, copied):
        assert torch.equal(trajectory.s, copied.s)
        pull(trajectory)
    for leaf, coefficient in zip(leaves, k, strict=True):
        torch.testing.assert_close(leaf.grad, leaves[2].grad)
        for one, other in zip(coefficient, k[2], strict=True):
            if isinstance(one, Tensor):
                torch.testing.assert_close(one.grad, other.grad)


LAYOUTS: dict[str, Callable[[], Tensor]] = {
    "channels last": lambda: current(24, 3, 4, 5).to(memory_format=torch.channels_last).unflatten(0, (6, 4)),
    "time last": lambda: current(4, 3, 4, 5, 6).movedim(-1, 0),
    "with gaps": lambda: current(6, 4, 3, 4, 10)[..., ::2],
    "every other step": lambda: current(12, 4, 3, 4, 5)[::2],
    "overlapping": lambda: current(6, 4, 3, 4, 1).expand(6, 4, 3, 4, 5),
    "backwards": lambda: current(6, 4, 3, 4, 5).flip(0),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("gradient", ["alike in all steps", "time last", "channels last"])
def test_any_memory_layout_gives_the_same(layout: str, gradient: str) -> None:
    x = LAYOUTS[layout]().requires_grad_()
    plain = x.detach().clone(memory_format=torch.contiguous_format).requires_grad_()
    grad = {
        "alike in all steps": random(4, 3, 4, 5).expand(6, 4, 3, 4, 5),
        "time last": random(4, 3, 4, 5, 6).movedim(-1, 0),
        "channels last": random(24, 3, 4, 5).to(memory_format=torch.channels_last).unflatten(0, (6, 4)),
    }[gradient]
    k = [torch.tensor([[[value]], [[0.3]], [[0.2]]]) for value in (0.4, -1.0, -0.05)]
    one, other = run(x, k), run(plain, k)
    assert torch.equal(one.s, other.s)
    assert torch.equal(one.v_last, other.v_last)
    one.s.backward(grad)
    other.s.backward(grad.contiguous())
    assert torch.equal(x.grad, plain.grad)


def test_spikes_keep_the_order_of_channels_last() -> None:
    s = run(LAYOUTS["channels last"](), [0.5, -1.0, 0.0]).s
    assert s.flatten(0, 1).is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    ("T", "neurons"),
    [
        (1, 1),
        (2, FORWARD_BLOCK - 1),
        (3, FORWARD_BLOCK + 1),
        (2, BACKWARD_BLOCK + 16),
        (SCRATCH // BACKWARD_BLOCK + 1, BACKWARD_BLOCK + 1),
        (4, 300_001),
    ],
)
def test_any_number_of_steps_and_neurons_can_be_computed(T: int, neurons: int) -> None:
    given = [current(T, neurons).requires_grad_(), *COEFFICIENTS["learnt"]()]
    single = [value.detach().clone().requires_grad_() for value in given]
    one, other = run(given[0], given[1:]), defined(single[0], single[1:])
    assert torch.equal(one.s, other.s)
    for trajectory in (one, other):
        pull(trajectory)
    torch.testing.assert_close(given[0].grad, single[0].grad, rtol=1e-5, atol=1e-6)
    for actual, expected in zip(given[1:], single[1:], strict=True):
        torch.testing.assert_close(actual.grad, expected.grad, rtol=1e-3, atol=1e-3 * neurons**0.5)


@every_pair(
    every_coefficient,
    every_detach,
    pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"]),
)
def test_results_stored_past_the_caches_are_the_same_to_the_bit(
    coefficients: str, detach_reset: bool, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whole lines of neurons, more than a block of them.
    x, v = current(5, 1, 3, 480).to(dtype), random(1, 3, 480).to(dtype)
    found = []
    for far in (0, 2**40):
        monkeypatch.setattr(caches, "FAR", far)
        assert caches.far(x) == (-1 if far == 0 else 0)
        given = [k.detach().clone().requires_grad_() for k in (x, v)]
        learnt = COEFFICIENTS[coefficients]()
        trajectory = run(given[0], learnt, given[1], detach_reset=detach_reset)
        pull(trajectory)
        learnt = [k.grad for k in learnt if isinstance(k, Tensor)]
        found.append([*trajectory[:2], *(k.grad for k in given), *learnt])
    for one, other in zip(*found, strict=True):
        assert torch.equal(one, other)


def test_steps_may_have_no_dimension() -> None:
    x, column = current(5).requires_grad_(), current(5).reshape(5, 1).requires_grad_()
    one, other = (run(leaf, [0.4, -1.0, 0.0]) for leaf in (x, column))
    assert (one.s.shape, one.v_last.shape) == ((5,), ())
    assert torch.equal(one.s, other.s[:, 0])
    for trajectory in (one, other):
        (trajectory.s.sum() + trajectory.v_last.sum()).backward()
    assert torch.equal(x.grad, column.grad[:, 0])


def test_an_empty_batch_passes() -> None:
    given = [torch.empty(4, 0, 3, 5, requires_grad=True), *COEFFICIENTS["learnt"](), torch.empty(0, 3, 5)]
    s, v_last, *_ = run(given[0], given[1:4], given[4])
    assert (s.shape, v_last.shape) == ((4, 0, 3, 5), (0, 3, 5))
    s.sum().backward()
    assert given[0].grad.shape == (4, 0, 3, 5)
    assert given[1].grad.item() == 0


@every_detach
def test_two_calls_that_pass_on_the_state_equal_one(detach_reset: bool) -> None:
    whole, parts = ([current(8, 7, 3, 5).requires_grad_(), *COEFFICIENTS["learnt"]()] for _ in range(2))
    once = run(whole[0], whole[1:], detach_reset=detach_reset)
    first = run(parts[0][:3], parts[1:], detach_reset=detach_reset)
    second = run(parts[0][3:], parts[1:], first.v_last, detach_reset=detach_reset)
    twice = once._replace(s=torch.cat([first.s, second.s]), v_last=second.v_last)
    assert torch.equal(once.s, twice.s)
    for trajectory in (once, twice):
        pull(trajectory)
    for one, other in zip(whole, parts, strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-5, atol=1e-6)


def test_a_gradient_of_only_the_last_potential_is_enough() -> None:
    x, plain = (current(4, 30).requires_grad_() for _ in range(2))
    run(x, [0.5, -1.0, 0.0]).v_last.sum().backward()
    defined(plain, [0.5, -1.0, 0.0]).v_last.sum().backward()
    torch.testing.assert_close(x.grad, plain.grad)


@every_reset
def test_a_potential_at_the_threshold_fires(v_reset: float | None) -> None:
    just_below = torch.nextafter(torch.tensor(V_THRESHOLD), torch.tensor(0.0)).item()
    x = torch.tensor([[V_THRESHOLD, just_below]])
    assert run(x, [1.0, 0.0, 0.0], v_reset=v_reset).s.tolist() == [[1.0, 0.0]]


@every_surrogate
def test_nan_stays_with_its_neuron(fire: surrogate.Surrogate) -> None:
    x = current(6, 40)
    sick = x.clone()
    sick[2, 17] = torch.nan
    x, sick = x.requires_grad_(), sick.requires_grad_()
    one, other = run(sick, [0.5, -1.0, 0.0], surrogate=fire), run(x, [0.5, -1.0, 0.0], surrogate=fire)
    assert one.v_last[17].isnan()
    assert one.s[2:, 17].sum() == 0
    for trajectory in (one, other):
        pull(trajectory)
    others = torch.arange(40) != 17
    assert torch.equal(one.s[:, others], other.s[:, others])
    assert torch.equal(sick.grad[:, others], x.grad[:, others])
    if not isinstance(fire, surrogate.Rectangle | surrogate.PiecewiseLeakyReLU):
        assert sick.grad[:, 17].isnan().any()


@every_value(every_surrogate, every_reset)
@pytest.mark.parametrize("size", [1e-30, 1e-3, 1e6, 1e18])
@pytest.mark.sample(12)
def test_huge_and_tiny_currents_are_computed_alike(
    fire: surrogate.Surrogate, v_reset: float | None, size: float
) -> None:
    x, plain = ((size * current(5, 200)).requires_grad_() for _ in range(2))
    # An attached reset multiplies the gradient by h at each step, beyond float32 if h is huge.
    rule = {"v_reset": v_reset, "surrogate": fire, "detach_reset": size > 1e9}
    one, other = run(x, [0.5, -1.0, 0.0], **rule), defined(plain, [0.5, -1.0, 0.0], **rule)
    assert torch.equal(one.s, other.s)
    assert torch.equal(one.v_last, other.v_last)
    for trajectory in (one, other):
        pull(trajectory)
    torch.testing.assert_close(x.grad, plain.grad, rtol=1e-5, atol=1e-6)


def test_the_same_bits_every_time_and_with_any_number_of_threads() -> None:
    threads, results = torch.get_num_threads(), []
    try:
        for count in (1, 4, 4, 3):
            torch.set_num_threads(count)
            given = [current(4, 300_001).requires_grad_(), *COEFFICIENTS["learnt"]()]
            trajectory = run(given[0], given[1:])
            pull(trajectory)
            results.append([trajectory.s, trajectory.v_last, given[0].grad])
    finally:
        torch.set_num_threads(threads)
    for result in results[1:]:
        assert all(map(torch.equal, result, results[0]))


def test_our_own_threads_are_used_if_torch_has_no_openmp(monkeypatch: pytest.MonkeyPatch) -> None:
    threads, results = torch.get_num_threads(), []
    try:
        torch.set_num_threads(3)
        for parallel in (executor_threads._parallel, None):
            monkeypatch.setattr(executor_threads, "_parallel", parallel)
            given = [current(4, 300_001).requires_grad_(), *COEFFICIENTS["learnt"]()]
            pull(run(given[0], given[1:]))
            results.append([value.grad for value in given])
    finally:
        torch.set_num_threads(threads)
    assert all(map(torch.equal, *results))


def test_parameter_gradients_have_the_same_bits_every_time() -> None:
    gradients = []
    for _ in range(3):
        given = [current(4, 300_001).requires_grad_(), *COEFFICIENTS["learnt"]()]
        pull(run(given[0], given[1:]))
        gradients.append(torch.stack([k.grad for k in given[1:]]))
    assert torch.equal(gradients[0], gradients[1])
    assert torch.equal(gradients[0], gradients[2])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_only_the_input_is_kept_for_backward(dtype: torch.dtype) -> None:
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    x = current(8, 1000).to(dtype).requires_grad_()
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        run(x, COEFFICIENTS["learnt"]())
    assert sum(kept.values()) <= x.nbytes + 64


def test_a_constant_current_is_kept_once() -> None:
    kept: list[int] = []
    x = current(1, 1000).requires_grad_().expand(8, 1000)
    with torch.autograd.graph.saved_tensors_hooks(
        lambda t: kept.append(t.untyped_storage().nbytes()) or t, lambda t: t
    ):
        run(x, [0.5, -1.0, 0.0])
    assert sum(kept) <= 4 * 1000 + 64


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("record", [False, True])
@pytest.mark.sample(2)
def test_the_operator_keeps_torchs_rules(dtype: torch.dtype, record: bool) -> None:
    x = current(4, 3, 5).to(dtype).requires_grad_()
    v0 = random(3, 5).to(dtype).requires_grad_() if record else None
    gain, feedback, _ = COEFFICIENTS["learnt"]()
    rule = (V_THRESHOLD, 0.0, False, *formula(ATAN), record)
    given = (x, 4, gain, feedback, None, v0, [0.0, 0.0, 0.1, 0.2], *rule)
    torch.library.opcheck(torch.ops.snntrain.integrate_and_fire.default, given)


def test_a_node_compiles_without_a_graph_break() -> None:
    node = PLIFNode(surrogate_function=ATAN, step_mode="m")
    x, plain = (current(4, 3, 5).requires_grad_() for _ in range(2))
    graphs: list[list[str]] = []

    def keep(graph: Any, inputs: Any) -> Any:
        graphs.append([str(one.target) for one in graph.graph.nodes])
        return graph.forward

    # A break would be an error. One graph holds the operator; another may hold the code inside it.
    s = torch.compile(node, backend=keep, fullgraph=True)(x)
    assert ["snntrain.integrate_and_fire.default" in graph for graph in graphs].count(True) == 1
    node.reset()
    assert torch.equal(s, node(plain))


def test_autocast_leaves_the_input_its_dtype_and_the_state_float32() -> None:
    node = PLIFNode(surrogate_function=ATAN, step_mode="m")
    x = current(4, 3, 5).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        s = node(x)
    node.reset()
    assert s.dtype == torch.bfloat16
    assert torch.equal(s, node(x))


def _spikes_of_child(x: Tensor, queue: Any) -> None:
    # NumPy counts them: torch's own threads do not survive a fork.
    queue.put(int(run(x, [0.5, -1.0, 0.0]).s.numpy().sum()))


def test_a_forked_process_computes_too() -> None:
    threads, x = torch.get_num_threads(), current(4, 300_001)
    try:
        torch.set_num_threads(2)
        expected = int(run(x, [0.5, -1.0, 0.0]).s.numpy().sum())
        context = multiprocessing.get_context("fork")
        queue = context.SimpleQueue()
        child = context.Process(target=_spikes_of_child, args=(x, queue), daemon=True)
        child.start()
        child.join(30)
        assert child.exitcode == 0
        assert queue.get() == expected
    finally:
        torch.set_num_threads(threads)
