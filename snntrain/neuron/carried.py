"""States of layers that are not neurons: they carry over from call to call, and a reset forgets them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from torch import Tensor, nn


class Carrying(nn.Module):
    """The base of a layer that keeps something of a sequence for the next call, such as its last steps.

    Like the states of neurons, these carry over until `reset()`, move with the module, and are never part of the
    `state_dict()`. Copies and pickles keep their numbers but not their graph.

    Attributes:
        states: names of the states; each is an attribute, the number 0 until the first call after a reset.
    """

    states: ClassVar[tuple[str, ...]] = ()

    def __init__(self) -> None:
        super().__init__()
        self.reset()

    def reset(self) -> None:
        """Forget the states."""
        for name in self.states:
            setattr(self, name, 0.0)

    def detach(self) -> None:
        """Keep the values of the states without their graph, for truncated back-propagation through time."""
        self._change_states(Tensor.detach)

    def check_state(self, name: str, shape: Sequence[int]) -> None:
        """Check that a state fits the next call.

        Raises:
            ValueError: it belongs to a batch of another shape.
        """
        state = getattr(self, name)
        if isinstance(state, Tensor) and list(state.shape) != list(shape):
            raise ValueError(
                f"{type(self).__name__} holds the state of a batch of shape {list(state.shape)} and needs one of "
                f"{list(shape)}: call reset_net() before a batch of another shape"
            )

    def _change_states(self, function: Callable[[Tensor], Tensor]) -> None:
        for name in self.states:
            if isinstance(state := getattr(self, name), Tensor):
                setattr(self, name, function(state))

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Carrying:
        """Move the states along with the module (`.to(device)`, `.half()`, …)."""
        super()._apply(fn, recurse)
        self._change_states(fn)
        return self

    def __getstate__(self) -> dict[str, Any]:
        """Return the attributes for copies and pickles, with the states without their graph, which cannot be copied."""
        states = {name: getattr(self, name) for name in self.states}
        return self.__dict__ | {name: k.detach() if isinstance(k, Tensor) else k for name, k in states.items()}
