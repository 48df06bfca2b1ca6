"""The plan of a network: each layer with its name and its shapes, checked before the first one is built."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from snntrain.network.grammar import shortcuts
from snntrain.network.grammar.ending import Ending, ending
from snntrain.network.grammar.layers import Dropout, Flatten, Layer, Linear, Neurons, Norm, Vote
from snntrain.network.grammar.names import Names
from snntrain.network.grammar.parse import Branches, Chain, Written, unrolled
from snntrain.network.grammar.shapes import MOST_PARAMETERS, Shape, fitted, outputs, parameters, shown
from snntrain.network.grammar.tokens import Token


@dataclass(frozen=True)
class Step:
    """A layer with its name, and the shapes of its input and output."""

    name: str
    layer: Layer
    inputs: Shape
    outputs: Shape


@dataclass(frozen=True)
class Fork:
    """A residual connection with its name and shapes; `shortcut` is None for the input itself."""

    name: str
    body: Steps
    shortcut: Steps | None
    join: str
    inputs: Shape
    outputs: Shape


Steps = tuple["Step | Fork", ...]


@dataclass(frozen=True)
class Plan:
    """A whole network: the steps up to the last linear layer, and its ending."""

    steps: Steps
    inputs: int
    ending: Ending


def plan(chain: Chain, in_shape: Shape, classes: int) -> Plan:
    """Return the plan of a network.

    Raises:
        ValueError: a layer does not fit its input, the end does not give one number per class, or the network is too
            large; the message points at the token.
    """
    items = list(unrolled(chain))
    end = ending(items, classes)
    planner = _Planner(classes)
    steps = planner.chain(items[: end.position], in_shape, last=end.linear)
    inputs = steps[-1].outputs if steps else in_shape
    if len(inputs) == 3:
        steps.append(flat := planner.flattened(inputs, end.token))
        inputs = flat.outputs
    planner.spend(end.linear, inputs, end.token)
    return Plan(tuple(steps), inputs[0], end)


class _Planner:
    def __init__(self, classes: int) -> None:
        self.classes = classes
        self.parameters = 0

    def spend(self, layer: Layer, inputs: Shape, token: Token) -> None:
        """Count the parameters of a layer.

        Raises:
            ValueError: the network has too many by now.
        """
        self.parameters += parameters(layer, inputs)
        if self.parameters > MOST_PARAMETERS:
            raise token.wrong(
                f"up to here the network has {self.parameters:,} parameters; make it smaller, at most "
                f"{MOST_PARAMETERS:,}"
            )

    def chain(
        self, items: Sequence[Written | Branches], inputs: Shape, last: Linear | None = None
    ) -> list[Step | Fork]:
        """Return the steps of a chain; `last` is the linear layer that follows it, at the end of the network."""
        names, steps = Names(), list[Step | Fork]()
        for index, item in enumerate(items):
            following = items[index + 1] if index + 1 < len(items) else None
            after = following.layer if isinstance(following, Written) else None
            linear = after if following is not None else last
            if isinstance(item, Written) and isinstance(item.layer, Vote):
                raise item.token.wrong("a vote is the last layer; write it at the end of the text")
            needs_units = isinstance(item, Written) and (
                isinstance(item.layer, Linear) or (isinstance(item.layer, Dropout) and isinstance(linear, Linear))
            )
            if needs_units and len(inputs) == 3:
                steps.append(self.flattened(inputs, item.token))
                inputs = steps[-1].outputs
            if isinstance(item, Branches):
                steps.append(self.fork(item, names.begin("block"), inputs))
            elif isinstance(item.layer, Dropout) and following is None and last is not None:
                steps.append(Step(names.before_last(), item.layer, inputs, inputs))
            else:
                steps.append(self.step(item, names.of(item.layer, after), inputs))
            inputs = steps[-1].outputs
        return steps

    def flattened(self, inputs: Shape, token: Token) -> Step:
        return Step("flatten", Flatten(), inputs, outputs(Flatten(), inputs, token))

    def step(self, item: Written, name: str, inputs: Shape) -> Step:
        layer = fitted(item.layer, inputs, self.classes, item.token)
        self.spend(layer, inputs, item.token)
        return Step(name, layer, inputs, outputs(layer, inputs, item.token))

    def fork(self, item: Branches, name: str, inputs: Shape) -> Fork:
        body = self.chain(list(unrolled(item.body)), inputs)
        shape = body[-1].outputs
        shortcut = None
        if item.shortcut is not None:
            shortcut = self.chain(list(unrolled(item.shortcut)), inputs)
        elif shape != inputs:
            layers = [step.layer for step in body if isinstance(step, Step)]
            norm = next((layer for layer in reversed(layers) if isinstance(layer, Norm)), Norm())
            fires = isinstance(body[-1], Step) and isinstance(body[-1].layer, Neurons)
            written = shortcuts.layers(inputs, shape, norm, item.token, fires=fires)
            shortcut = self.chain([Written(item.token, layer) for layer in written], inputs)
        other = shortcut[-1].outputs if shortcut else inputs
        if other != shape:
            raise item.token.wrong(
                f"its body gives {shown(shape)} and its shortcut {shown(other)}, which cannot be joined; change one"
            )
        return Fork(name, tuple(body), tuple(shortcut) if shortcut else None, item.join, inputs, shape)
