"""A copy of a state on the host: training continues while it is written."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, UntypedStorage

from snntrain.training.saving.pack import as_bytes

NOTHING: Mapping[int, Any] = {}


def snapshot(state: Any, known: Mapping[int, Any] = NOTHING) -> Any:
    """Copy a state; training may then change the original.

    The copy lies in the host's memory. Tensors that share memory share it in the copy, too.

    Args:
        state: dictionaries, lists and tuples of tensors and plain values.
        known: copies that exist already, by the id of the original.
    """
    return _Copy(known).of(state)


class _Copy:
    def __init__(self, known: Mapping[int, Any]) -> None:
        self.known = known
        self.storages: dict[tuple[int, int], UntypedStorage] = {}

    def of(self, value: Any) -> Any:
        if id(value) in self.known:
            return self.known[id(value)]
        if isinstance(value, Tensor):
            return self.of_tensor(value)
        if isinstance(value, dict):
            # A state_dict is an OrderedDict with attributes.
            copied = copy.copy(value)
            copied.update({key: self.of(part) for key, part in value.items()})
            return copied
        if type(value) in (list, tuple):
            return type(value)(map(self.of, value))
        return copy.deepcopy(value)

    def of_tensor(self, tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        key = storage.data_ptr(), storage.nbytes()
        if key not in self.storages:
            self.storages[key] = _on_host(storage)
        place = tensor.storage_offset(), tensor.size(), tensor.stride()
        return torch.empty(0, dtype=tensor.dtype).set_(self.storages[key], *place)


def _on_host(storage: UntypedStorage) -> UntypedStorage:
    content = as_bytes(storage)
    # The host waits for each copy. With an event instead, the writing thread would query the GPU or free memory while
    # this thread may be recording a CUDA graph.
    return _memory(content).copy_(content).untyped_storage()


def _memory(content: Tensor) -> Tensor:
    """Allocate host memory for these bytes; page-locked for a copy from a GPU, which takes a third of the time."""
    if content.is_cuda:
        try:
            return torch.empty(content.shape, dtype=torch.uint8, pin_memory=True)
        except RuntimeError:
            pass  # No more memory can be locked.
    return torch.empty(content.shape, dtype=torch.uint8)
