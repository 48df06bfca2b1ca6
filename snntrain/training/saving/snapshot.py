"""A state as it is at one moment, on the host: training goes on while it is written."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, UntypedStorage

from snntrain.training.saving.pack import as_bytes

NOTHING: Mapping[int, Any] = {}


def snapshot(state: Any, known: Mapping[int, Any] = NOTHING) -> Any:
    """Copy a state, so that training may change what it was taken from.

    The copy of a tensor lies in the host's memory. Tensors that share memory share it in the copy.

    Args:
        state: dictionaries, lists and tuples of tensors and plain values.
        known: what stands in the copy for a part of the state, by the id of that part.
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
            # A state_dict is an OrderedDict that has attributes, too.
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
    # The host waits for each copy. An event to wait for later would be one more thing that frees memory, or is asked
    # for, by the writing thread, and that may happen while this thread records a CUDA graph.
    return _memory(content).copy_(content).untyped_storage()


def _memory(content: Tensor) -> Tensor:
    """Memory of the host for these bytes; page-locked, where a GPU copies into it: that takes a third of the time."""
    if content.is_cuda:
        try:
            return torch.empty(content.shape, dtype=torch.uint8, pin_memory=True)
        except RuntimeError:
            pass  # There is too little that may be locked.
    return torch.empty(content.shape, dtype=torch.uint8)
