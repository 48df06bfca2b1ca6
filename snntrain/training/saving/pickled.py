"""The check of a checkpoint's pickle before torch reads it: dictionaries, lists, numbers, strings and tensors pass.

torch accepts more than our checkpoints hold, and some of it takes any amount of memory or time: `bytearray(10**11)`,
lists that each hold the previous list twice, a tensor of a billion numbers that share one place in memory.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

MOST_NODES = 1_000_000
DEEPEST = 100
# A state holds weights under several names, and a buffer of equal numbers may be saved as a single number.
MOST_TIMES = 16
ALSO = 64 * 2**20
# Bytes of an element of each storage.
STORAGES = {
    f"torch {name}Storage": size
    for size, names in {
        1: ("Byte", "Char", "Bool"),
        2: ("Half", "BFloat16", "Short"),
        4: ("Float", "Int"),
        8: ("Double", "Long", "ComplexFloat"),
        16: ("ComplexDouble",),
    }.items()
    for name in names
}
ORDERED, TENSOR, PARAMETER = (
    "collections OrderedDict",
    "torch._utils _rebuild_tensor_v2",
    "torch._utils _rebuild_parameter",
)
DTYPES = ("float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool")
ATOMS = tuple(f"torch {name}" for name in DTYPES)
GLOBALS = frozenset((ORDERED, TENSOR, PARAMETER, *STORAGES, *ATOMS))


class Strange(ValueError):
    """Content that no checkpoint of this program has."""


@dataclass
class Node:
    """A value that the pickle creates.

    Args:
        kind: int, str, atom, tuple, list, dict, global, storage or tensor.
        value: value of an int or a str; name of a global; number of elements of a storage, and bytes per element.
        items: items of a tuple.
        nodes: number of values in this one, itself included.
        depth: levels of nesting.
        closed: whether it is part of another value, and so must not grow.
    """

    kind: str
    value: Any = None
    items: tuple[Node, ...] = ()
    nodes: int = 1
    depth: int = 1
    closed: bool = False

    def take(self, *parts: Node) -> None:
        """Add parts to the value."""
        if self.closed or any(part is self for part in parts):
            raise Strange("a value that grows after it was put into another")
        for part in parts:
            part.closed = True
            self.nodes += part.nodes
            self.depth = max(self.depth, 1 + part.depth)
        if self.nodes > MOST_NODES or self.depth > DEEPEST:
            raise Strange(f"more than {MOST_NODES:,} values, or nested deeper than {DEEPEST}")


MARK = Node("mark")


@dataclass
class Scan:
    """A scan that follows the operations of a pickle without creating its values.

    Args:
        entries: the sizes of the archive's storages, by key.
        most: maximum number of bytes of all tensors together.
    """

    entries: Mapping[str, int]
    most: int
    stack: list[Node] = field(default_factory=list)
    memo: dict[int, Node] = field(default_factory=dict)
    held: int = 0

    def run(self, content: bytes) -> None:
        """Check a pickle.

        Raises:
            ValueError: not a pickle, or not a pickle that this program writes.
        """
        for operation, argument, _ in pickletools.genops(content):
            if operation.name == "STOP":
                break
            if operation.name not in OPERATIONS:
                raise Strange(f"the operation {operation.name}")
            OPERATIONS[operation.name](self, argument)
        if len(self.stack) != 1:
            raise Strange("an end too soon")

    def pop(self) -> Node:
        if not self.stack or self.stack[-1] is MARK:
            raise Strange("fewer values than it takes")
        return self.stack.pop()

    def push(self, node: Node, *_: object) -> None:
        self.stack.append(node)

    def to_mark(self) -> list[Node]:
        taken: list[Node] = []
        while self.stack and self.stack[-1] is not MARK:
            taken.append(self.stack.pop())
        if not self.stack:
            raise Strange("fewer values than it takes")
        self.stack.pop()
        return taken[::-1]

    def top(self, kind: str) -> Node:
        if not self.stack or self.stack[-1].kind != kind:
            raise Strange(f"no {kind} to fill")
        return self.stack[-1]

    def remember(self, index: int) -> None:
        if not self.stack or self.stack[-1] is MARK:
            raise Strange("fewer values than it takes")
        self.memo[index] = self.stack[-1]

    def recall(self, index: int) -> None:
        if index not in self.memo:
            raise Strange("a value that was not made")
        self.push(self.memo[index])

    def tuple_of(self, items: list[Node]) -> None:
        made = Node("tuple", items=tuple(items))
        made.take(*items)
        self.push(made)

    def tuple_of_last(self, count: int) -> None:
        self.tuple_of([self.pop() for _ in range(count)][::-1])

    def append(self, items: list[Node]) -> None:
        self.top("list").take(*items)

    def set_items(self, items: list[Node]) -> None:
        if len(items) % 2 or any(key.kind not in ("int", "str") for key in items[::2]):
            raise Strange("a key that is neither a number nor a word")
        self.top("dict").take(*items)

    def build(self) -> None:
        # The attributes that torch gives to a state_dict, which is an OrderedDict.
        attributes = self.pop()
        if attributes.kind != "dict":
            raise Strange("attributes that are not a dictionary")
        self.top("dict").take(attributes)

    def name(self, argument: str) -> None:
        if argument not in GLOBALS:
            raise Strange(f"the name {argument.replace(' ', '.')}")
        self.push(Node("atom") if argument in ATOMS else Node("global", argument))

    def storage(self) -> None:
        match self.pop().items:
            case (
                Node(kind="str", value="storage"),
                Node(kind="global", value=name),
                Node(kind="str", value=key),
                Node(kind="str"),
                Node(kind="int", value=count),
            ) if name in STORAGES:
                if self.entries.get(key) != count * STORAGES[name]:
                    raise Strange(f"a storage of another size than its entry {key}")
                self.push(Node("storage", (count, STORAGES[name])))
            case _:
                raise Strange("something else in place of a storage")

    def reduce(self) -> None:
        given = self.pop()
        called = self.pop()
        match called.value if called.kind == "global" else None, given.items:
            case (str(name), ()) if name == ORDERED and given.kind == "tuple":
                self.push(Node("dict"))
            case (str(name), (Node(kind="storage") as storage, offset, size, stride, *_)) if name == TENSOR:
                self.push(self.tensor(storage, offset, size, stride))
            case (str(name), (Node(kind="tensor") as tensor, *_)) if name == PARAMETER:
                self.push(tensor)
            case _:
                raise Strange("a call of something else than a tensor")

    def tensor(self, storage: Node, offset: Node, size: Node, stride: Node) -> Node:
        numbers = [[part.value if part.kind == "int" else -1 for part in given.items] for given in (size, stride)]
        sizes, strides = numbers
        begin = offset.value if offset.kind == "int" else -1
        if len(sizes) != len(strides) or min((begin, *sizes, *strides)) < 0:
            raise Strange("a tensor without a shape")
        count, width = storage.value
        if prod(sizes) and begin + sum((n - 1) * step for n, step in zip(sizes, strides, strict=True)) >= count:
            raise Strange("a tensor beyond its storage")
        self.held += prod(sizes) * width
        if self.held > self.most:
            raise Strange("tensors of more numbers than the file can hold")
        return Node("tensor")


def _making(kind: str) -> Callable[[Scan, Any], None]:
    return lambda scan, argument: scan.push(Node(kind, argument))


OPERATIONS: dict[str, Callable[[Scan, Any], None]] = {
    "PROTO": lambda scan, _: None,
    "MARK": lambda scan, _: scan.push(MARK),
    **dict.fromkeys(("BININT", "BININT1", "BININT2", "LONG1"), _making("int")),
    **dict.fromkeys(("NONE", "NEWTRUE", "NEWFALSE", "BINFLOAT"), lambda scan, _: scan.push(Node("atom"))),
    "BINUNICODE": _making("str"),
    "EMPTY_DICT": lambda scan, _: scan.push(Node("dict")),
    "EMPTY_LIST": lambda scan, _: scan.push(Node("list")),
    "EMPTY_TUPLE": lambda scan, _: scan.push(Node("tuple")),
    "TUPLE": lambda scan, _: scan.tuple_of(scan.to_mark()),
    "TUPLE1": lambda scan, _: scan.tuple_of_last(1),
    "TUPLE2": lambda scan, _: scan.tuple_of_last(2),
    "TUPLE3": lambda scan, _: scan.tuple_of_last(3),
    **dict.fromkeys(("BINPUT", "LONG_BINPUT"), lambda scan, index: scan.remember(index)),
    **dict.fromkeys(("BINGET", "LONG_BINGET"), lambda scan, index: scan.recall(index)),
    "APPEND": lambda scan, _: scan.append([scan.pop()]),
    "APPENDS": lambda scan, _: scan.append(scan.to_mark()),
    "SETITEM": lambda scan, _: scan.set_items([scan.pop(), scan.pop()][::-1]),
    "SETITEMS": lambda scan, _: scan.set_items(scan.to_mark()),
    "BUILD": lambda scan, _: scan.build(),
    "GLOBAL": lambda scan, argument: scan.name(argument),
    "BINPERSID": lambda scan, _: scan.storage(),
    "REDUCE": lambda scan, _: scan.reduce(),
}
