from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn

from snntrain.network.layers import Vote
from snntrain.network.sequence import TimeSequential, over_steps
from snntrain.neuron import LIFNode, reset_net, spiking_layers

from .inputs import constant, neuron, noise, shapes_seen

T, N = 5, 3


def conv_net() -> TimeSequential:
    torch.manual_seed(0)
    net = TimeSequential(
        nn.Conv2d(2, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        neuron(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(36, 8),
        neuron(),
    ).double()
    # Running statistics that have an effect in evaluation mode.
    nn.init.uniform_(net.get_buffer("1.running_mean"), -0.5, 0.5)
    nn.init.uniform_(net.get_buffer("1.running_var"), 0.5, 2)
    return net


def step_by_step(net: TimeSequential, x: Tensor) -> Tensor:
    """Run the same layers in a loop over time, with neurons in single-step mode."""
    net = deepcopy(net)
    reset_net(net)
    for _, node in spiking_layers(net):
        node.step_mode = "s"
    outputs = []
    for step in x:
        for layer in net:
            step = layer(step)
        outputs.append(step)
    return torch.stack(outputs)


class Residual(nn.Module):
    """The user's own module with neurons inside, written for a whole sequence."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.body = TimeSequential(nn.Linear(features, features), neuron())

    def forward(self, x: Tensor) -> Tensor:
        spikes: Tensor = self.body(x)
        return x + spikes


class Square(nn.Module):
    """The user's own stateless module."""

    def forward(self, x: Tensor) -> Tensor:
        return x**2


@pytest.mark.parametrize("x", [noise(T, N, 2, 6, 6), constant(T, N, 2, 6, 6), noise(1, N, 2, 6, 6)])
def test_folding_time_into_the_batch_is_a_loop_over_steps(x: Tensor) -> None:
    net = conv_net().eval()
    spikes = net(x)
    assert 0 < spikes.mean() < 1
    torch.testing.assert_close(spikes, step_by_step(net, x))


@pytest.mark.parametrize("training", [True, False])
def test_a_constant_input_gives_what_its_copies_give(training: bool) -> None:
    x = constant(T, N, 2, 6, 6)
    expanded, copied = conv_net().train(training), conv_net().train(training)
    weight = noise(T, N, 8, seed=1)
    outputs = []
    for net, current in ((expanded, x), (copied, x.contiguous())):
        outputs.append(net(current))
        (outputs[-1] * weight).sum().backward()
    assert 0 < outputs[0].mean() < 1
    torch.testing.assert_close(*outputs)
    for (name, one), (_, other) in zip(expanded.named_parameters(), copied.named_parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, msg=name)


def test_a_constant_input_that_wants_a_gradient_has_one_per_step() -> None:
    expanded, copied = constant(T, N, 2, 6, 6).requires_grad_(), constant(T, N, 2, 6, 6).contiguous().requires_grad_()
    net = conv_net().eval()
    for x in (expanded, copied):
        reset_net(net)
        (net(x) * noise(T, N, 8, seed=1)).sum().backward()
    torch.testing.assert_close(expanded.grad, copied.grad)
    assert not torch.equal(expanded.grad[0], expanded.grad[1])


def test_a_constant_input_may_be_given_once_with_the_number_of_steps() -> None:
    once = noise(1, N, 2, 6, 6).requires_grad_()
    copied = once.detach().repeat(T, 1, 1, 1, 1).requires_grad_()
    net = conv_net().eval()
    convolved, outputs = shapes_seen(net, nn.Conv2d), []
    for x, steps in ((once, T), (copied, None)):
        reset_net(net)
        outputs.append(net(x, steps))
        (outputs[-1] * noise(T, N, 8, seed=1)).sum().backward()
    assert convolved == [(N, 2, 6, 6), (T * N, 2, 6, 6)]
    torch.testing.assert_close(*outputs)
    torch.testing.assert_close(once.grad, copied.grad.sum(0, keepdim=True))
    with pytest.raises(ValueError, match=r"T=9 does not fit an input of \d+ steps"):
        net(copied, 9)


def test_stateless_layers_of_a_constant_input_run_on_one_step() -> None:
    net = conv_net()
    convolved, linear = shapes_seen(net, nn.Conv2d), shapes_seen(net, nn.Linear)
    net(constant(T, N, 2, 6, 6))
    assert convolved == [(N, 2, 6, 6)]
    assert linear == [(T * N, 36)]


def test_stateless_layers_of_a_sequence_run_once_on_all_steps() -> None:
    net = conv_net()
    convolved = shapes_seen(net, nn.Conv2d)
    net(noise(T, N, 2, 6, 6))
    assert convolved == [(T * N, 2, 6, 6)]


def test_a_constant_output_is_not_copied() -> None:
    y = TimeSequential(nn.Flatten(), nn.Linear(72, 4).double(), nn.ReLU())(constant(T, N, 2, 6, 6))
    assert y.shape == (T, N, 4)
    assert y.stride(0) == 0


def test_a_sequence_is_folded_without_a_copy() -> None:
    x = noise(T, N, 4)
    assert over_steps(nn.Identity(), x).data_ptr() == x.data_ptr()


def test_chains_nest() -> None:
    x = noise(T, N, 2, 6, 6)
    flat, layers = conv_net(), list(conv_net())
    nested = TimeSequential(TimeSequential(*layers[:2]), TimeSequential(layers[2], TimeSequential(*layers[3:])))
    convolved = shapes_seen(nested, nn.Conv2d)
    torch.testing.assert_close(nested(x), flat(x))
    assert convolved == [(T * N, 2, 6, 6)]


def test_a_constant_input_stays_constant_through_a_nested_stateless_chain() -> None:
    net = TimeSequential(TimeSequential(nn.Conv2d(2, 4, 3)), TimeSequential(nn.BatchNorm2d(4), neuron())).double()
    normalised = shapes_seen(net, nn.BatchNorm2d)
    net(constant(T, N, 2, 6, 6))
    assert normalised == [(N, 4, 4, 4)]


def test_a_users_own_module_is_stateless() -> None:
    net = TimeSequential(Square())
    seen = shapes_seen(net, Square)
    x = noise(T, N, 4)
    assert torch.equal(net(x), x**2)
    assert seen == [(T * N, 4)]


def test_a_users_own_module_with_neurons_inside_takes_the_sequence() -> None:
    torch.manual_seed(0)
    linear, block = nn.Linear(6, 4), Residual(4)
    net = TimeSequential(linear, block, Vote(2)).double()
    x = noise(T, N, 6)
    current = torch.stack([linear(step) for step in x])
    spikes = step_by_step(block.body, current)
    assert 0 < spikes.mean() < 1
    torch.testing.assert_close(net(x), (current + spikes).unflatten(2, (2, 2)).mean(3))


def test_channels_last_gives_the_same_result() -> None:
    net = conv_net().eval()
    x = noise(T, N, 2, 6, 6)
    plain = net(x)
    reset_net(net)
    last = x.flatten(0, 1).to(memory_format=torch.channels_last).unflatten(0, (T, N))
    torch.testing.assert_close(net.to(memory_format=torch.channels_last)(last), plain)


@pytest.mark.slow
def test_a_chain_compiles_to_one_graph() -> None:
    net = conv_net().eval()
    compiled = torch.compile(net, backend="eager", fullgraph=True)
    x = constant(T, N, 2, 6, 6)
    plain = net(x)
    reset_net(net)
    torch.testing.assert_close(compiled(x), plain)


def test_a_single_step_neuron_is_refused() -> None:
    with pytest.raises(ValueError, match="step_mode='m', not 's'"):
        TimeSequential(nn.Linear(4, 2), LIFNode())(torch.zeros(T, N, 4))


def test_a_plain_sequential_with_neurons_inside_is_refused() -> None:
    net = TimeSequential(nn.Flatten(), nn.Sequential(nn.Linear(4, 2), neuron()))
    with pytest.raises(ValueError, match="make it a TimeSequential"):
        net(torch.zeros(T, N, 4))


def test_a_plain_sequential_without_neurons_is_stateless() -> None:
    net = TimeSequential(nn.Sequential(nn.Linear(4, 2), nn.ReLU()))
    seen = shapes_seen(net, nn.Linear)
    assert net(torch.zeros(T, N, 4)).shape == (T, N, 2)
    assert seen == [(T * N, 4)]
