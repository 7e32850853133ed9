"""The internals of Numba that are used: what must be as it is, and the versions known to be so."""

import sys
import types as python_types

import numba
import numpy as np
import pytest
from numba import njit, types

from fastmomentum import minimize


def test_supported_numba():
    """The bounds in pyproject.toml are those that these tests have run with."""
    major, minor = map(int, numba.__version__.split(".")[:2])
    assert (0, 66) <= (major, minor) < (0, 70)


def test_contract_compile_result():
    """A dispatcher's overloads have a library, a name and a signature."""
    from fastmomentum._numba import kinds, native

    @njit
    def fun(x, a):
        return x[0] * a

    vector = kinds.vector_type(kinds.F8)
    fun.compile((vector, kinds.F8))
    result = fun.overloads[(vector, kinds.F8)]
    assert tuple(result.signature.args) == (vector, kinds.F8)
    assert result.signature.return_type == kinds.F8
    address = result.library.get_pointer_to_function(result.fndesc.llvm_func_name)
    assert isinstance(address, int) and address > 0
    assert native.address_of(fun, kinds.F8(vector, kinds.F8)) == address
    # Typing an ndarray that a caller passes gives the same type.
    assert numba.typeof(np.ones(2)) == vector


def test_contract_kinds_of_arguments_decide_their_types():
    """A binding is looked up by what is told sooner of its arguments than their types."""
    from fastmomentum._numba.bind import _kind

    matrix = np.arange(6.0).reshape(2, 3)
    read_only = matrix.copy()
    read_only.flags.writeable = False
    values = [0.5, -1e300, True, False, 0, -1, 2**31 - 1, 2**31, -(2**40), 2**63, "text", None]
    values += [np.float32(1.0), np.int8(1), np.bool_(True), (1.0, 2), (1, 2.0), (matrix,)]
    values += [matrix, matrix[:1], matrix.T, matrix[:, ::2], matrix[0], matrix[0, ::2], read_only]
    values += [matrix.astype(kind) for kind in ("f4", "i4", "l", "q", "?", "c8", "c16", "U3")]
    values += [np.zeros(2, [("low", "f8")]), np.zeros(2, [("high", "f8")])]
    types_of: dict = {}
    for value in values:
        found = numba.typeof(value)
        assert types_of.setdefault(_kind(value), found) == found


SHIFT = 1.0


@njit
def shifted(x):
    return (x[0] - SHIFT) ** 2


def test_a_recompiled_function_is_seen(monkeypatch):
    assert minimize(shifted, [0.0]).x[0] == pytest.approx(1.0, abs=1e-4)
    monkeypatch.setattr(sys.modules[__name__], "SHIFT", 3.0)
    shifted.recompile()
    assert minimize(shifted, [0.0]).x[0] == pytest.approx(3.0, abs=1e-4)


def test_contract_wrong_signatures_are_noticed():
    """Code of another signature, called by address, would be memory corruption."""
    from fastmomentum._numba import kinds, native

    vector = kinds.vector_type(kinds.F8)
    signature = kinds.F8(vector)

    def answer(arguments, returns):
        stub = python_types.SimpleNamespace(
            signature=python_types.SimpleNamespace(args=arguments, return_type=returns)
        )
        return python_types.SimpleNamespace(compile=lambda s: None, overloads={arguments: stub})

    with pytest.raises(native.StaleCompilation):
        native.compiled(answer((vector, kinds.F8), kinds.F8), signature)
    mixed_up = answer((vector,), kinds.F8)
    mixed_up.overloads[(vector,)].signature.args = (kinds.vector_type(kinds.F4),)
    with pytest.raises(native.StaleCompilation):
        native.compiled(mixed_up, signature)
    with pytest.raises(native.ReturnTypeMismatch) as error:
        native.compiled(answer((vector,), kinds.I8), signature)
    assert error.value.found == kinds.I8
    assert native.compiled(answer((vector,), kinds.F8), signature) is not None


@pytest.mark.parametrize("real", ["F8", "F4"])
def test_contract_calls_by_address(real):
    """Values, tuples of args, arrays and exceptions cross a call by address."""
    from fastmomentum._numba import contexts, kinds, native

    vector = kinds.vector_type(getattr(kinds, real))
    dtype = np.float64 if real == "F8" else np.float32

    @njit
    def fun(x, a, b):
        if a < 0:
            raise KeyError("negative")
        return x[0] * a + b[1]

    @njit
    def jac(x, a, b):
        return x * x.dtype.type(a)

    x = np.array([2.0, 3.0], dtype)
    args = (4, np.array([1.0, 5.0]))
    rest = tuple(numba.typeof(a) for a in args)
    struct = contexts.context_type(kinds.ADDRESS, kinds.ADDRESS, types.Tuple(rest))
    calls = contexts.ContextCalls(struct)
    call_fun, call_jac, context_address = calls.fun, calls.jac, contexts.context_address

    @njit
    def call(fun, jac, x, args):
        context = context_address(fun, jac, args, 0, 0.0)
        return call_fun(context, x), call_jac(context, x)

    address = native.address_of(fun, kinds.F8(vector, *rest))
    jac_address = native.address_of(jac, vector(vector, *rest))
    value, gradient = call(address, jac_address, x, args)
    assert value == 13.0
    assert np.array_equal(gradient, 4.0 * x)
    assert gradient.dtype == dtype
    del gradient
    with pytest.raises(KeyError, match="negative"):
        call(address, jac_address, x, (-1, args[1]))
    counts = sys.getrefcount(x), sys.getrefcount(args[1])
    for _ in range(1000):
        call(address, jac_address, x, args)
    assert (sys.getrefcount(x), sys.getrefcount(args[1])) == counts


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_contract_magnitudes_order_like_numbers(dtype):
    """|value| as an integer: NaN above infinity above all numbers, and back again."""
    from fastmomentum._numba import words

    magnitude_bits, from_magnitude_bits = words.magnitude_bits, words.from_magnitude_bits

    @njit
    def bits(x):
        return magnitude_bits(x[0])

    @njit
    def back(b, x):
        return from_magnitude_bits(b, x)

    info = np.finfo(dtype)
    values = [0.0, float(info.smallest_subnormal), 1e-30, 1.0, 1.5, float(info.max), np.inf, np.nan]
    found = [bits(np.array([v], dtype)) for v in values]
    assert found == sorted(set(found))
    for v, b in zip(values, found, strict=True):
        assert bits(np.array([-v], dtype)) == b
        result = back(b, np.empty(0, dtype))
        assert type(result) is float
        assert np.array_equal(result, float(dtype(v)), equal_nan=True)


def test_contract_rows_are_views():
    """Rows made of an address own nothing and see what the array holds."""
    from fastmomentum._numba import words

    row, rows_of = words.row, words.rows_of

    @njit
    def fill(address, stride, like):
        x = row(rows_of(address, stride, 3, like), 1)
        for i in range(3):
            x[i] = i + 1.0

    for dtype in (np.float64, np.float32):
        table = np.zeros((2, 8), dtype)
        fill(table.ctypes.data, 8, table[0])
        assert np.array_equal(table, [[0.0] * 8, [1.0, 2.0, 3.0] + [0.0] * 5])


@pytest.mark.parametrize("count", range(4))
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_contract_slots_are_tuples(dtype, count):
    """Of as many entries and numbers as a method has, in the precision of its rows."""
    from fastmomentum._loops import slots
    from fastmomentum._numba import words

    magnitude_bits, row, rows_of = words.magnitude_bits, words.row, words.rows_of
    rows_from, entries, wide_entries = slots.rows_from, slots.entries, slots.wide_entries
    set_entries, added_changes = slots.set_entries, slots.added_changes
    numbers_from, set_numbers = slots.numbers_from, slots.set_numbers

    @njit
    def move(address, stride, like, address_of_numbers, numbers):
        vectors = rows_from(rows_of(address, stride, 3, like), 1, count)
        own = row(rows_of(address_of_numbers, 9, 9, numbers), 0)
        old = entries(vectors, 2)
        given = numbers_from(own, 1, count, like)
        set_entries(vectors, 2, wide_entries(vectors, 1))
        set_numbers(own, 5, given)
        zero = magnitude_bits(like[0] - like[0])
        return added_changes(zero, old, old), added_changes(zero, given, old)

    numbers = np.arange(9.0)
    table = np.arange(40.0, dtype=dtype).reshape(4, 10)
    before = table.copy()
    same, changed = move(table.ctypes.data, 10, table[0], numbers.ctypes.data, numbers)
    before[1 : 1 + count, 2] = before[1 : 1 + count, 1]
    assert np.array_equal(table, before)
    assert np.array_equal(numbers[5 : 5 + count], np.arange(1.0, 1.0 + count))
    assert same == 0 and (changed != 0) == (count > 0)


def test_contract_named_numbers_are_those_of_the_layout():
    """A field of a state array, and what follows the fields, lie where `layout` says."""
    from fastmomentum._language import layout
    from fastmomentum._numba import words

    named, own_numbers = words.named, words.own_numbers

    @njit
    def read(ints, floats):
        ints, floats = named(ints), named(floats)
        ints.NIT += 1
        floats.STEP *= 2.0
        own_numbers(None, floats)[1] = 7.0
        return ints.BAD_SEEN, floats.FUN, floats.EPSILON

    ints = np.arange(len(layout.INTS))
    floats = np.arange(layout.RHO + 2.0)
    where = (layout.INTS.index("BAD_SEEN"), *map(layout.FLOATS.index, ("FUN", "EPSILON")))
    assert where == (layout.INT.BAD_SEEN, layout.FLOAT.FUN, layout.FLOAT.EPSILON)
    assert read(ints, floats) == where
    assert ints[layout.INT.NIT] == layout.INT.NIT + 1
    assert floats[layout.FLOAT.STEP] == 2 * layout.FLOAT.STEP
    assert floats[layout.RHO + 1] == 7.0
