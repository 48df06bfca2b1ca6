"""A snapshot of a state does not change with the state."""

from __future__ import annotations

from collections import OrderedDict

import pytest
import torch
from torch import nn

from snntrain.training.saving import snapshot as module
from snntrain.training.saving.snapshot import snapshot

from .jobs import same


def test_later_changes_are_not_in_a_snapshot() -> None:
    net = nn.BatchNorm1d(3)
    optimizer = torch.optim.Adam(net.parameters())
    net(torch.randn(4, 3)).sum().backward()
    optimizer.step()
    state = {"net": net.state_dict(), "optimizer": optimizer.state_dict(), "places": [1, (2, [3])], "none": None}
    taken, expected = snapshot(state), snapshot(state)
    optimizer.step()
    net(torch.randn(4, 3))
    state["optimizer"]["state"][0]["more"] = 1
    state["places"][1][1].append(4)
    assert same(taken, expected)
    assert not same(taken, state)
    assert taken["net"]._metadata == net.state_dict()._metadata


def test_tensors_that_share_memory_share_it_in_the_copy() -> None:
    whole = torch.arange(12.0).view(3, 4)
    state = {"whole": whole, "column": whole[:, 1], "turned": whole.t(), "bits": whole.view(torch.int32), "one": {}}
    taken = snapshot(state)
    assert same(taken, state)
    assert [part.stride() for part in (taken["column"], taken["turned"])] == [(4,), (1, 4)]
    assert len({taken[name].untyped_storage().data_ptr() for name in ("whole", "column", "turned", "bits")}) == 1
    assert taken["whole"].untyped_storage().data_ptr() != whole.untyped_storage().data_ptr()


def test_every_kind_of_tensor_is_copied_to_the_bit() -> None:
    state = {
        "none": torch.empty(0),
        "also none": torch.empty(0, 3, dtype=torch.int64),
        "number": torch.tensor(3, dtype=torch.int64),
        "half": torch.randn(5).bfloat16(),
        "truths": torch.tensor([True, False]),
        "expanded": torch.tensor([2.5]).expand(7),
        "channels last": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
        "parameter": nn.Parameter(torch.randn(2)),
    }
    taken = snapshot(OrderedDict(state))
    assert isinstance(taken, OrderedDict)
    assert same(dict(taken), state)
    assert all(taken[name].stride() == tensor.stride() for name, tensor in state.items())


def test_a_known_part_is_not_copied_again() -> None:
    best = {"weight": torch.zeros(2)}
    copied = snapshot(best)
    taken = snapshot({"best": {"weights": best}}, {id(best): copied})
    assert taken["best"]["weights"] is copied


class OfAGPU:
    """The part of a GPU tensor that decides its place in the host's memory."""

    is_cuda, shape = True, (3,)


@pytest.mark.skipif(torch.cuda.is_available(), reason="memory can be locked where there is a GPU")
def test_memory_that_cannot_be_locked_stays_unlocked() -> None:
    assert module._memory(OfAGPU()).shape == (3,)  # type: ignore[arg-type]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_the_copy_of_a_gpu_tensor_is_on_the_host() -> None:
    whole = torch.randn(3, 4, device="cuda")
    state = {"whole": whole, "column": whole[:, 1]}
    taken = snapshot(state)
    expected = {name: tensor.cpu() for name, tensor in state.items()}
    whole.zero_()
    assert same(taken, expected)
    assert {tensor.device.type for tensor in taken.values()} == {"cpu"}
    assert taken["whole"].untyped_storage().data_ptr() == taken["column"].untyped_storage().data_ptr()
