"""Vectors as values of compiled code: arithmetic, loads and stores.

Numba relies on its compiler to find vectors in a loop. Here code names them and thereby controls memory access: it
prefetches each vector before it is needed, and stores vectors past the caches that are not needed soon. A processor
with shorter registers uses several for one vector.

`FLOATS` are WIDTH float32, `DOUBLES` as many float64, for sums, and `FLAGS` as many booleans. `SHORTS` and `BYTES` are
integers of 16 and 8 bits; bfloat16 numbers that take no part in a computation are `SHORTS`. Arithmetic takes two
vectors, or a vector and a number, which stands for WIDTH equal ones. Sums and products are rounded one by one unless
the surrounding function allows otherwise.

This is the only file that writes LLVM's intermediate language.
"""

import operator

from llvmlite import ir
from llvmlite.binding import get_host_cpu_features

from snntrain.kernels.cpu.numba_alone import (
    config,
    intrinsic,
    lower_builtin,
    models,
    njit,
    register_model,
    type_callable,
    types,
)

# Numbers per vector. A cache line holds as many float32.
WIDTH = 16


class _BFloatType(ir.Type):
    """bfloat16, which LLVM has and llvmlite lacks."""

    def _to_string(self) -> str:
        return "bfloat"


_FLOAT, _DOUBLE, _INT, _BFLOAT = ir.FloatType(), ir.DoubleType(), ir.IntType(32), _BFloatType()

# Whether the processor rounds to bfloat16 in one instruction instead of seven. If so, numbers below the smallest normal
# one, 1.2e-38, become 0. For any other processor the compiler would call a function that may be missing.
_features = get_host_cpu_features().flatten() if config.CPU_FEATURES is None else config.CPU_FEATURES
ROUNDS_TO_BFLOAT16 = "+avx512bf16" in _features.split(",")


def _vector(element: ir.Type) -> ir.Type:
    return ir.VectorType(element, WIDTH)


class Vector(types.Type):
    """WIDTH values of one type."""

    def __init__(self, name: str, element: ir.Type) -> None:
        self.data = _vector(element)
        super().__init__(f"{name}x{WIDTH}")


FLOATS, DOUBLES, FLAGS = Vector("float", _FLOAT), Vector("double", _DOUBLE), Vector("flag", ir.IntType(1))
SHORTS, BYTES = Vector("short", ir.IntType(16)), Vector("byte", ir.IntType(8))
# The vector for which a number stands, and which memory holds from a number on.
VECTORS = {types.float32: FLOATS, types.uint16: SHORTS, types.uint8: BYTES}


@register_model(Vector)
class _Model(models.PrimitiveModel):
    def __init__(self, manager, vector):
        super().__init__(manager, vector, vector.data)


def _constant(element: ir.Type, value: float) -> ir.Value:
    return ir.Constant(_vector(element), [value] * WIDTH)


def _spread(builder, given: types.Type, value: ir.Value) -> ir.Value:
    """Return a vector as it is, or a number repeated WIDTH times."""
    if isinstance(given, Vector):
        return value
    undefined = ir.Constant(_vector(value.type), ir.Undefined)
    first = builder.insert_element(undefined, value, _INT(0))
    return builder.shuffle_vector(first, undefined, ir.Constant(_vector(_INT), [0] * WIDTH))


def _is_number(given: types.Type) -> bool:
    return given == types.float32


def _as_vector(given: types.Type) -> types.Type | None:
    """Return the vector type that an operand has or stands for; None for any other type."""
    return given if isinstance(given, Vector) else VECTORS.get(types.unliteral(given))


# ---- arithmetic ------------------------------------------------------------------------------------------------------


def _combined(left: types.Type, right: types.Type) -> types.Type | None:
    """Return the type of the result of two operands; None if neither is a vector, or one has another type."""
    vectors = {given for given in (left, right) if isinstance(given, Vector)}
    others = [given for given in (left, right) if not isinstance(given, Vector)]
    if len(vectors) != 1 or FLAGS in vectors or not all(map(_is_number, others)):
        return None
    return vectors.pop()


def _define(operation, result, make) -> None:
    """Define `operation` for two vectors, or a vector and a number; `make` builds it from two vectors."""

    @type_callable(operation)
    def typed(context):
        def typing(left, right):
            found = _combined(left, right)
            return None if found is None else result or found

        return typing

    def lower(context, builder, signature, given):
        return make(builder, *(_spread(builder, *pair) for pair in zip(signature.args, given, strict=True)))

    for pair in ((Vector, Vector), (Vector, types.Float), (types.Float, Vector)):
        lower_builtin(operation, *pair)(lower)


for _operation, _instruction in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
):
    _define(_operation, None, lambda builder, *given, name=_instruction: getattr(builder, name)(*given))
for _operation, _symbol in ((operator.ge, ">="), (operator.gt, ">"), (operator.le, "<="), (operator.lt, "<")):
    _define(_operation, FLAGS, lambda builder, *given, symbol=_symbol: builder.fcmp_ordered(symbol, *given))
_define(operator.ne, FLAGS, lambda builder, *given: builder.fcmp_unordered("!=", *given))


@intrinsic
def same(typing, first, second):
    """Flags of equal elements in two vectors of integers, or in a vector and a number."""
    if _as_vector(first) != _as_vector(second) or _as_vector(first) not in (SHORTS, BYTES):
        return None

    def generate(_, builder, signature, given):
        return builder.icmp_unsigned(
            "==", *(_spread(builder, *pair) for pair in zip(signature.args, given, strict=True))
        )

    return FLAGS(first, second), generate


@intrinsic
def either(typing, first, second):
    """Flags that are set in one or both of two vectors of flags."""
    if not first == second == FLAGS:
        return None
    return FLAGS(first, second), lambda _, builder, __, given: builder.or_(*given)


@intrinsic
def where(typing, flags, first, second):
    """`first` if a flag is set, else `second`; vectors of one type, or numbers that stand for them."""
    found = _as_vector(first)
    if flags != FLAGS or found is None or found != _as_vector(second):
        return None

    def generate(_, builder, signature, given):
        values = (_spread(builder, *pair) for pair in zip(signature.args[1:], given[1:], strict=True))
        return builder.select(given[0], *values)

    return found(flags, first, second), generate


@intrinsic
def spread(typing, number):
    """A vector of one number."""
    found = VECTORS.get(types.unliteral(number))
    if found is None:
        return None
    return found(number), lambda _, builder, signature, given: _spread(builder, number, given[0])


@intrinsic
def magnitude(typing, vector):
    """The absolute values of a vector."""
    if vector != FLOATS:
        return None

    def generate(_, builder, __, given):
        bits = builder.bitcast(given[0], _vector(_INT))
        return builder.bitcast(builder.and_(bits, _constant(_INT, 0x7FFFFFFF)), _vector(_FLOAT))

    return FLOATS(vector), generate


@intrinsic
def scaled_by_power(typing, vector, exponents):
    """`vector` times 2 to the power of the integers in the lowest bits of `exponents`, from -126 to 127."""
    if not vector == exponents == FLOATS:
        return None

    def generate(_, builder, __, given):
        bits = builder.shl(builder.bitcast(given[1], _vector(_INT)), _constant(_INT, 23))
        power = builder.bitcast(builder.add(bits, _constant(_INT, 127 << 23)), _vector(_FLOAT))
        return builder.fmul(given[0], power)

    return FLOATS(vector, exponents), generate


@intrinsic
def wide(typing, vector):
    """float64 of a vector, or of a float32 that is repeated WIDTH times."""
    if not (vector == FLOATS or _is_number(vector)):
        return None

    def generate(_, builder, signature, given):
        return builder.fpext(_spread(builder, signature.args[0], given[0]), _vector(_DOUBLE))

    return DOUBLES(vector), generate


@intrinsic
def total(typing, doubles):
    """The sum of a vector of float64, in order from its first number to its last."""
    if doubles != DOUBLES:
        return None

    def generate(_, builder, __, given):
        found = builder.extract_element(given[0], _INT(0))
        for i in range(1, WIDTH):
            found = builder.fadd(found, builder.extract_element(given[0], _INT(i)))
        return found

    return types.float64(doubles), generate


@intrinsic
def first(typing, vector, count):
    """The first `count` numbers of a vector; the others become 0."""
    if vector != FLOATS:
        return None

    def generate(_, builder, __, given):
        places = ir.Constant(_vector(_INT), list(range(WIDTH)))
        count = builder.trunc(given[1], _INT)
        flags = builder.icmp_signed("<", places, _spread(builder, types.int32, count))
        return builder.select(flags, given[0], _constant(_FLOAT, 0.0))

    return FLOATS(vector, types.int64), generate


# ---- memory ----------------------------------------------------------------------------------------------------------

# A row is a pointer to numbers in memory; bfloat16 numbers are 16-bit integers there.
ROWS = {types.CPointer(number): vector for number, vector in VECTORS.items()}
# Rows whose numbers take part in computations, in float32.
COMPUTED = (types.CPointer(types.float32), types.CPointer(types.uint16))


@intrinsic
def row_at(typing, address, start, dtype):
    """The row of numbers of type `dtype` that begins `start` numbers after an address."""

    def generate(context, builder, signature, given):
        size = context.get_constant(types.int64, signature.args[2].dtype.bitwidth // 8)
        place = builder.add(given[0], builder.mul(given[1], size))
        return builder.inttoptr(place, context.get_value_type(signature.return_type))

    return types.CPointer(dtype.dtype)(types.int64, types.int64, dtype), generate


@intrinsic
def load_stored(typing, row, i):
    """The vector of the numbers of a row from `i` on, in the type that memory has."""
    if row not in ROWS:
        return None

    def generate(_, builder, signature, given):
        place, _, size = _place(builder, signature, given)
        return builder.load(place, align=size)

    return ROWS[row](row, types.int64), generate


@intrinsic
def computable(typing, stored):
    """float32 of numbers in the type that memory has, float32 or bfloat16."""
    if stored not in (FLOATS, SHORTS):
        return None
    return FLOATS(stored), lambda _, builder, __, given: _widened(builder, given[0])


@intrinsic
def load(typing, row, i):
    """The vector of the numbers of a row of float32 or bfloat16 from `i` on, as float32."""
    if row not in COMPUTED:
        return None

    def generate(_, builder, signature, given):
        place, _, size = _place(builder, signature, given)
        return _widened(builder, builder.load(place, align=size))

    return FLOATS(row, types.int64), generate


@intrinsic
def store(typing, row, i, vector):
    """Write a vector, or a number WIDTH times, to a row from `i` on: from float32, or from the row's own type."""
    if not _fits(row, _as_vector(vector)):
        return None

    def generate(context, builder, signature, given):
        place, data, size = _place(builder, signature, given)
        numbers = _spread(builder, signature.args[2], given[2])
        builder.store(_narrowed(builder, numbers, data), place, align=size)
        return context.get_dummy_value()

    return types.void(row, types.int64, vector), generate


@intrinsic
def stream(typing, row, i, vector, ones):
    """`store` past the caches, for a vector that begins at a cache line and is not needed soon. `settle` has to follow.

    `ones` is -1, but the compiler must not know that: it stores vectors that it recognises as bfloat16 as usual (LLVM
    22).
    """
    if not isinstance(vector, Vector) or not _fits(row, vector):
        return None

    def generate(context, builder, signature, given):
        place, data, size = _place(builder, signature, given)
        numbers = _narrowed(builder, given[2], data)
        if given[2].type != numbers.type:
            numbers = builder.and_(numbers, _spread(builder, types.int16, builder.trunc(given[3], data.element)))
        written = builder.store(numbers, place, align=size * WIDTH)
        written.set_metadata("nontemporal", builder.module.add_metadata([_INT(1)]))
        return context.get_dummy_value()

    return types.void(row, types.int64, vector, types.int64), generate


@njit(inline="always")
def put(row, i, vector, far):
    """`stream` a vector if `far` is -1, `store` it if `far` is 0."""
    if far != 0:
        stream(row, i, vector, far)
    else:
        store(row, i, vector)


@intrinsic
def settle(typing):
    """Finish all streamed writes before the next operation."""

    def generate(context, builder, _, __):
        builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.void(), generate


@intrinsic
def ask(typing, row, i):
    """Prefetch the cache line with number `i` of a row; `i` may lie outside of the row."""
    if row not in ROWS:
        return None

    def generate(context, builder, _, given):
        byte = ir.IntType(8).as_pointer()
        function = ir.FunctionType(ir.VoidType(), [byte, _INT, _INT, _INT])
        prefetch = builder.module.declare_intrinsic("llvm.prefetch", [byte], function)
        # For reading, into all caches, data.
        builder.call(prefetch, [builder.bitcast(builder.gep(given[0], [given[1]]), byte), _INT(0), _INT(3), _INT(1)])
        return context.get_dummy_value()

    return types.void(row, types.int64), generate


def _fits(row: types.Type, vector: types.Type | None) -> bool:
    """Return whether a vector can be written to a row: it has the row's type, or is float32 for a row of bfloat16."""
    return row in ROWS and (vector == ROWS[row] or (vector == FLOATS and row in COMPUTED))


def _place(builder, signature, given: list[ir.Value]) -> tuple[ir.Value, ir.Type, int]:
    """Return the address of number `i` of a row, the type of the vector there, and the bytes per number."""
    row = signature.args[0]
    data = ROWS[row].data
    return builder.bitcast(builder.gep(given[0], [given[1]]), data.as_pointer()), data, row.dtype.bitwidth // 8


def _widened(builder, value: ir.Value) -> ir.Value:
    """Return numbers in the type that memory has as float32."""
    if value.type == _vector(_FLOAT):
        return value
    bits = builder.shl(builder.zext(value, _vector(_INT)), _constant(_INT, 16))
    return builder.bitcast(bits, _vector(_FLOAT))


def _narrowed(builder, value: ir.Value, data: ir.Type) -> ir.Value:
    """Return float32 in the type that memory has: the nearest bfloat16, or the even one of two equally near ones."""
    if data == value.type:
        return value
    if ROUNDS_TO_BFLOAT16:
        return builder.bitcast(builder.fptrunc(value, _vector(_BFLOAT)), data)
    bits = builder.bitcast(value, _vector(_INT))
    odd = builder.and_(builder.lshr(bits, _constant(_INT, 16)), _constant(_INT, 1))
    rounded = builder.lshr(builder.add(builder.add(bits, _constant(_INT, 0x7FFF)), odd), _constant(_INT, 16))
    number = builder.fcmp_ordered("==", value, value)
    return builder.trunc(builder.select(number, rounded, _constant(_INT, 0x7FC0)), data)


# ---- threads ---------------------------------------------------------------------------------------------------------


@intrinsic
def taken(typing, record, field):
    """Take the int64 at the place `field` of a record, and add one to it there: each thread gets another number."""

    def take(_, builder, __, given):
        number = ir.IntType(64)
        place = builder.gep(builder.bitcast(given[0], number.as_pointer()), [given[1]])
        return builder.atomic_rmw("add", place, number(1), "monotonic")

    return types.int64(record, types.int64), take
