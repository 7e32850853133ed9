"""How a user's compiled function is called from a loop that was compiled before it.

The only file that uses Numba's internals, with slots.py and callable.py. A loop must not take the
user's dispatcher as an argument: it would be compiled anew for each objective, and never be found
in the disk cache. It takes integers instead: the address of a function with the universal signature

    evaluate(x, g, n, context) -> float64        returns fun(x), writes the gradient to g

where x and g are addresses too (an array travels as seven arguments: 20 ns more per call), and
`context` is that of a struct on the entry's stack that holds the addresses of the user's functions
and the user's arguments. All calls but those of C functions follow Numba's own calling convention,
so that exceptions propagate.
"""

from __future__ import annotations

import functools
import hashlib
import weakref

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.imputils import impl_ret_new_ref
from numba.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array

from .._language import layout
from .jit import jit_disabled

F8, F4, I8, ADDRESS, NONE = types.float64, types.float32, types.int64, types.intp, types.none


def vector_type(real):
    """Numba type of a contiguous vector of `real`."""
    return types.Array(real, 1, "C")


# evaluate(address of x, address of g, n, address of the context) -> fun
EVALUATION = F8(ADDRESS, ADDRESS, ADDRESS, ADDRESS)


class StaleCompilation(RuntimeError):
    """No code for these types: default arguments, or a disk cache that two processes wrote."""


class ReturnTypeMismatch(TypeError):
    """The function compiles, but returns another type than the one needed."""

    def __init__(self, found, expected):
        super().__init__(f"returns {found}, expected {expected}")
        self.found = found


def compiled(dispatcher, signature):
    """Compile result of `dispatcher` for exactly `signature`.

    Only the types of the arguments are asked for: a declared return type would change what the
    user's function returns elsewhere. Code of another signature called by address is memory
    corruption, hence the checks; Numba's disk cache can mix up two signatures.
    """
    argument_types = tuple(signature.args)
    dispatcher.compile(argument_types)
    result = dispatcher.overloads.get(argument_types)
    if result is None or tuple(result.signature.args) != argument_types:
        raise StaleCompilation(f"{dispatcher} has no code for {argument_types}")
    found = result.signature.return_type
    if signature.return_type is not None and found != signature.return_type:
        raise ReturnTypeMismatch(found, signature.return_type)
    return result


def address_of(dispatcher, signature):
    """Address of the native code of `dispatcher`; valid as long as `dispatcher` lives."""
    return code_address(compiled(dispatcher, signature))


def code_address(result):
    """Address of the native code of a compile result."""
    return result.library.get_pointer_to_function(result.fndesc.llvm_func_name)


# -- calls by address ------------------------------------------------------------------------------


def _emit_call(context, builder, address, returns, argument_types, values, memory=None):
    convention = context.call_conv
    function_type = convention.get_function_type(returns, argument_types)
    pointer = builder.inttoptr(address, function_type.as_pointer())
    status, result = convention.call_function(builder, pointer, returns, argument_types, values)
    with cgutils.if_unlikely(builder, status.is_error):
        if memory is not None:
            _emit_release(builder, memory)
        convention.return_status_propagate(builder, status)
    return impl_ret_new_ref(context, builder, returns, result)


@intrinsic
def call_evaluate(typing_context, address, x, g, n, context_address):
    """``evaluate(x, g, n, context)`` at an address; x and g are rows."""

    def impl(context, builder, signature, values):
        integer = context.get_value_type(ADDRESS)
        points = [builder.ptrtoint(value, integer) for value in values[1:3]]
        numbers = [*points, *values[3:]]
        return _emit_call(context, builder, values[0], F8, EVALUATION.args, numbers)

    return F8(address, x, g, n, context_address), impl


def prox_signature(real):
    """Signature of a proximal operator, see ``fastmomentum._prox``."""
    vector = vector_type(real)
    return F8(vector, vector, F8, vector_type(F8), vector_type(I8), vector)


def norm_signature(dtype):
    """Signature of ``vector_norm(rows, row, n, norm, order)``."""
    real = types.CPointer(F8 if dtype == np.float64 else F4)
    return F8(types.Tuple((real, I8)), real, I8, I8, F8)


@intrinsic
def call_driver(
    typing_context,
    driver,
    evaluate,
    context,
    workspace,
    ints,
    floats,
    rates,
    momenta,
    history,
    last,
):
    """A loop at an address."""
    plain = (evaluate, context, workspace, ints, floats, rates, momenta, history, last)

    def impl(context, builder, signature, values):
        return _emit_call(context, builder, values[0], NONE, plain, list(values[1:]))

    return NONE(driver, *plain), impl


@intrinsic
def call_driver_or_release(
    typing_context,
    memory,
    driver,
    evaluate,
    context,
    workspace,
    ints,
    floats,
    rates,
    momenta,
    history,
    last,
):
    """A loop at an address; memory from `allocate` is given back where it raises."""
    plain = (evaluate, context, workspace, ints, floats, rates, momenta, history, last)

    def impl(context, builder, signature, values):
        return _emit_call(context, builder, values[1], NONE, plain, list(values[2:]), values[0])

    return NONE(memory, driver, *plain), impl


_BYTES = ir.IntType(8).as_pointer()


def _emit_release(builder, address):
    function_type = ir.FunctionType(ir.VoidType(), [_BYTES])
    function = cgutils.get_or_insert_function(builder.module, function_type, "NRT_Free")
    builder.call(function, [builder.inttoptr(address, _BYTES)])


@intrinsic
def allocate(typing_context, size):
    """Address of `size` new bytes, 0 if there are none."""

    def impl(context, builder, signature, values):
        function_type = ir.FunctionType(_BYTES, [values[0].type])
        function = cgutils.get_or_insert_function(builder.module, function_type, "NRT_Allocate")
        return builder.ptrtoint(builder.call(function, values), values[0].type)

    return ADDRESS(ADDRESS), impl


@intrinsic
def release(typing_context, memory):
    """Give back memory from `allocate`."""

    def impl(context, builder, signature, values):
        _emit_release(builder, values[0])
        return context.get_dummy_value()

    return NONE(memory), impl


@intrinsic
def copy_memory(typing_context, to, source, size):
    """Copy `size` bytes from one address to another."""

    def impl(context, builder, signature, values):
        to_, source_, size_ = values
        byte = ir.IntType(8).as_pointer()
        cgutils.raw_memcpy(
            builder, builder.inttoptr(to_, byte), builder.inttoptr(source_, byte), size_, 1
        )
        return context.get_dummy_value()

    return NONE(to, source, size), impl


@intrinsic
def clear_memory(typing_context, to, size):
    """Set `size` bytes at an address to zero."""

    def impl(context, builder, signature, values):
        cgutils.memset(builder, builder.inttoptr(values[0], _BYTES), values[1], 0)
        return context.get_dummy_value()

    return NONE(to, size), impl


def _offset(type_, i):
    """Bytes from the start of a tuple or an array struct to its field `i`."""
    from numba.core.registry import cpu_target

    context = cpu_target.target_context
    value = context.get_value_type(type_)
    if isinstance(value, ir.ArrayType):  # of a tuple whose elements have one type
        return i * value.element.get_abi_size(context.target_data)
    return value.get_element_offset(context.target_data, i)


def scratch_offset(fun, jac, args):
    """Bytes from the start of a context to `scratch`."""
    return _offset(context_type(fun, jac, args), 3)


@functools.lru_cache(maxsize=256)  # LLVM takes a millisecond to tell one
def argument_offset(fun, jac, args, index, field=None):
    """Bytes from the start of a context to one of the user's arguments.

    Parameters
    ----------
    fun, jac, args : Numba types
        Of the context's fields; `args` is a tuple's.
    index : int
        Which argument.
    field : str, optional
        A field of it, if it is an array: "data" is its address.
    """
    from numba.core.registry import cpu_target

    found = _offset(context_type(fun, jac, args), 2) + _offset(args, index)
    if field is not None:
        array = args.types[index]
        model = cpu_target.target_context.data_model_manager[array]
        found += _offset(array, model.get_field_position(field))
    return found


# -- contexts --------------------------------------------------------------------------------------
# A context is the struct (fun, jac, args, scratch, step): addresses of the user's functions, the
# user's arguments, the address of scratch rows, and the step of the differences. A function that
# returns float32 travels as a tuple of its one address. The code below reads the struct without
# counting references, which an exception that passes through would never give back; whoever calls
# the entry holds them.


def context_type(fun, jac, args):
    return types.Tuple((fun, jac, args, ADDRESS, F8))


@intrinsic
def context_address(typing_context, fun, jac, args, scratch, step):
    """Address of the context with these fields, on the caller's stack."""
    struct = context_type(fun, jac, args)

    def impl(context, builder, signature, values):
        value = context.make_tuple(builder, struct, values)
        slot = cgutils.alloca_once_value(builder, value)
        return builder.ptrtoint(slot, context.get_value_type(ADDRESS))

    return ADDRESS(fun, jac, args, scratch, step), impl


@intrinsic
def hold_context(typing_context, fun, jac, args):
    """Address of such a context that lasts, with references to what `args` hold."""
    struct = context_type(fun, jac, args)

    def impl(context, builder, signature, values):
        context.nrt.incref(builder, args, values[2])
        none = [context.get_constant(ADDRESS, 0), context.get_constant(F8, 0.0)]
        value = context.make_tuple(builder, struct, [*values, *none])
        size = context.get_constant(ADDRESS, context.get_abi_sizeof(value.type))
        memory = context.nrt.allocate(builder, size)
        builder.store(value, builder.bitcast(memory, value.type.as_pointer()))
        return builder.ptrtoint(memory, context.get_value_type(ADDRESS))

    return ADDRESS(fun, jac, args), impl


@intrinsic
def release_context(typing_context, address, fun, jac, args):
    """End the context that ``hold_context(fun, jac, args)`` made."""
    struct = context_type(fun, jac, args)

    def impl(context, builder, signature, values):
        pointer = builder.inttoptr(values[0], context.get_value_type(struct).as_pointer())
        context.nrt.decref(builder, args, builder.extract_value(builder.load(pointer), 2))
        context.nrt.free(builder, builder.bitcast(pointer, cgutils.voidptr_t))
        return context.get_dummy_value()

    return NONE(address, fun, jac, args), impl


@intrinsic
def call_python(typing_context, function, address, step):
    """``function(address, step)``, a Python function that returns a float, given by its address.

    What it raises propagates as it is.
    """

    def impl(context, builder, signature, values):
        api = context.get_python_api(builder)
        lock = api.gil_ensure()
        arguments = (api.long_from_longlong(values[1]), api.float_from_double(values[2]))
        result = api.call_function_objargs(builder.inttoptr(values[0], api.pyobj), arguments)
        for argument in arguments:
            api.decref(argument)
        with cgutils.if_unlikely(builder, cgutils.is_null(builder, result)):
            api.gil_release(lock)
            context.call_conv.return_exc(builder)
        found = api.float_as_double(result)
        api.decref(result)
        api.gil_release(lock)
        return found

    return F8(ADDRESS, ADDRESS, F8), impl


class ContextCalls:
    """Intrinsics that call what a context of one type holds; each takes the context's address."""

    def __init__(self, struct):
        self._struct = struct
        self.fun = self._numba(0, self._real, 1)
        self.complex_fun = self._numba(1, lambda x: types.complex128, 1)
        self.jac = self._numba(1, lambda x: x, 1)
        self.jac_in_place = self._numba(1, lambda x: NONE, 2)
        self.pair = self._numba(0, lambda x: types.Tuple((self._real(x), x)), 1)
        self.fused = self._numba(0, self._real, 2)
        self.prox = self._numba(1, lambda v: v, 2)
        self.prox_in_place = self._numba(1, lambda v: NONE, 3)
        self.c_fun = self._c(0, F8, 1)
        self.c_jac = self._c(1, NONE, 2)
        self.c_fused = self._c(0, F8, 2)
        self.scratch = self._field(3, ADDRESS)
        self.step = self._field(4, F8)

    def _real(self, x):
        return F4 if isinstance(self._struct.types[0], types.BaseTuple) else F8

    def _load(self, context, builder, address, index):
        pointer = builder.inttoptr(address, context.get_value_type(self._struct).as_pointer())
        field = builder.extract_value(builder.load(pointer), index)
        return builder.extract_value(field, 0) if index == 0 and self._real(None) is F4 else field

    def _field(self, index, type_):
        @intrinsic
        def read(typing_context, address):
            def impl(context, builder, signature, values):
                return self._load(context, builder, values[0], index)

            return type_(address), impl

        return read

    def _numba(self, index, returns_of, n_arguments):
        args_type = self._struct.types[2]

        def typer(address, *vectors):
            returns = returns_of(vectors[0])
            argument_types = (*vectors, *args_type.types)

            def impl(context, builder, signature, values):
                function = self._load(context, builder, values[0], index)
                args = self._load(context, builder, values[0], 2)
                rest = cgutils.unpack_tuple(builder, args, len(args_type)) if len(args_type) else []
                return _emit_call(
                    context, builder, function, returns, argument_types, [*values[1:], *rest]
                )

            return returns(address, *vectors), impl

        if n_arguments == 1:

            @intrinsic
            def call(typing_context, address, x):
                return typer(address, x)
        elif n_arguments == 2:

            @intrinsic
            def call(typing_context, address, x, g):
                return typer(address, x, g)
        else:

            @intrinsic
            def call(typing_context, address, v, step, out):
                return typer(address, v, step, out)

        return call

    def _c(self, index, returns, n_vectors):
        """``returns f(int n, double *x, ..., void *user_data)``.

        user_data is passed to functions that do not declare it, too: in the C calling convention
        of every platform that Numba supports the caller owns the argument list, so it is ignored.
        """

        def impl(context, builder, signature, values):
            address, *arrays = values
            views = [
                make_array(type_)(context, builder, value)
                for type_, value in zip(signature.args[1:], arrays, strict=True)
            ]
            size = builder.trunc(builder.extract_value(views[0].shape, 0), ir.IntType(32))
            user_data = builder.extract_value(self._load(context, builder, address, 2), index)
            pointer = context.get_value_type(types.voidptr)
            arguments = [
                size,
                *(builder.bitcast(view.data, pointer) for view in views),
                builder.inttoptr(user_data, pointer),
            ]
            result_type = ir.VoidType() if returns is NONE else context.get_value_type(returns)
            function_type = ir.FunctionType(result_type, [a.type for a in arguments])
            function = self._load(context, builder, address, index)
            result = builder.call(builder.inttoptr(function, function_type.as_pointer()), arguments)
            return context.get_dummy_value() if returns is NONE else result

        if n_vectors == 1:

            @intrinsic
            def call(typing_context, address, x):
                return returns(address, x), impl
        else:

            @intrinsic
            def call(typing_context, address, x, g):
                return returns(address, x, g), impl

        return call


def _vector_at(real):
    view_type = vector_type(real)

    @intrinsic
    def vector(typing_context, address, n):
        def impl(context, builder, signature, values):
            return _view(context, builder, view_type, *values)

        return view_type(address, n), impl

    return vector


def adapter(make, real, struct, signature=EVALUATION):
    """Code (for an `intrinsic`): address of the evaluation for contexts of the type `struct`.

    ``make(call, vector)`` returns the Python text of the evaluation, or of what else has the
    signature; it is compiled inside the function that calls the intrinsic, and so is cached on disk
    with it.
    """
    plain = signature
    function = make(ContextCalls(struct), _vector_at(real))
    # The name of the compiled symbol comes from this one. Two adapters of the same name, one from
    # the disk cache and one compiled here, would be taken for each other.
    kind = f"{make.__name__} {real} {struct}"
    function.__qualname__ = "adapter_" + hashlib.sha256(kind.encode()).hexdigest()[:32]

    def impl(context, builder, signature, values):
        result = context.compile_subroutine(builder, function, plain)
        code = context.declare_function(builder.module, result.fndesc)
        return builder.ptrtoint(code, context.get_value_type(ADDRESS))

    return impl


# -- memory ----------------------------------------------------------------------------------------
# The workspace is one raw address: views made of it own nothing, so that an exception that passes
# through the loop (Numba does not release references then) cannot leak it.


def _view(context, builder, view_type, address, n):
    data_type = context.get_data_type(view_type.dtype)
    size = ir.Constant(context.get_value_type(ADDRESS), context.get_abi_sizeof(data_type))
    view = make_array(view_type)(context, builder)
    populate_array(
        view,
        data=builder.inttoptr(address, data_type.as_pointer()),
        shape=[n],
        strides=[size],
        itemsize=size,
        meminfo=None,
    )
    return view._getvalue()


def record(names, real):
    """Numba type of the numbers at the start of a state array, as the fields of a record.

    An access to a field is one instruction, and takes Numba a fifth of the time that an index into
    an array does; this is most of what compiling a loop takes.
    """
    reals = layout.REAL_FIELDS if real is I8 else ()
    return types.Record.make_c_struct([(n, F8 if n in reals else real) for n in names])


# The variables that a loop goes through. Where a team of a device's threads shares them, this word
# stands for those of one thread; `summed`, `largest` and `summed_and_largest` join what all have
# found, and a loop that finds something says so behind it. Here there is one thread.
variables = range


if jit_disabled():

    class _Named:
        def __init__(self, state):
            names = layout.INTS if state.dtype == np.int64 else layout.FLOATS
            self.__dict__.update(state=state, index={name: i for i, name in enumerate(names)})

        def __getattr__(self, name):
            return self.state[self.index[name]]

        def __setattr__(self, name, value):
            self.state[self.index[name]] = value

    def named(state):
        """The numbers at the start of a state array by name."""
        return _Named(state)

    def own_numbers(rows, numbers):
        """What follows the named numbers of a state array."""
        return numbers.state[len(numbers.index) :]

    def rows_of(workspace, stride, n, like):
        """The rows of the workspace."""
        return workspace[:, :n]

    def row(rows, i):
        """Row `i` of the workspace."""
        return rows[i]

    larger, smaller = max, min

    interpreted: dict = {}  # what the loops call by address

    def call_metric(address, rows, ints, floats, g, s):
        """``adaptive(rows, ints, floats, g, s)``."""
        interpreted["diagonal"](int(ints.METRIC))(rows, ints, floats, g, s)

    def call_norm(address, rows, v, n, norm, order):
        """``vector_norm(rows, v, n, norm, order)``."""
        return interpreted["norm"](rows, v, n, norm, order)

    operators: weakref.WeakValueDictionary = (
        weakref.WeakValueDictionary()
    )  # by the address of their data

    def call_prox(address, v, n, step, data):
        """The proximal operator, in place on the row `v`."""
        return operators[data].apply(v, step)

    def as_real(value, like):
        """`value` in the precision of the row `like`."""
        return like.dtype.type(value)

    def magnitude_bits(value):
        """|value| as an integer of the same order; NaN is above infinity."""
        value = np.asarray(value)
        kind = np.int64 if value.dtype == np.float64 else np.int32
        return int(value.view(kind) & np.iinfo(kind).max)

    def larger_magnitude(bits, value):
        """The larger of `bits` and those of `value`."""
        return max(bits, magnitude_bits(value))

    def no_magnitude(like):
        """The `magnitude_bits` of 0, for the row `like`: what a largest magnitude starts from."""
        return 0

    def summed(rows, values):
        """A sum, or a tuple of them, over all who share the rows."""
        return values

    def largest(rows, values):
        """The largest, or a tuple of them, of what all who share the rows have found."""
        return values

    def summed_and_largest(rows, sums, most):
        """Both at once."""
        return sums, most

    def added_magnitude(bits, value):
        """`bits` and those of `value` together: zero if both are."""
        return bits | magnitude_bits(value)

    def from_magnitude_bits(bits, like):
        """The value whose `magnitude_bits` these are."""
        kind = np.int64 if like.dtype == np.float64 else np.int32
        return float(np.asarray(kind(bits)).view(like.dtype))

else:
    _BATCH, _CALL, _DIFFERENCES, _PLAN, _SUM = (
        record(fields, I8)
        for fields in (
            layout.BATCH_FIELDS,
            layout.CALL_FIELDS,
            layout.DIFFERENCE_FIELDS,
            layout.PLAN_FIELDS,
            layout.SUM_FIELDS,
        )
    )
    _NAMED = {I8: record(layout.INTS, I8), F8: record(layout.FLOATS, F8)}

    @intrinsic
    def named(typing_context, state):
        """The numbers at the start of a state array by name."""
        record = _NAMED[state.dtype]

        def impl(context, builder, signature, values):
            data = make_array(signature.args[0])(context, builder, values[0]).data
            return builder.bitcast(data, context.get_value_type(record))

        return record(state), impl

    def _fields(record, address):
        def impl(context, builder, signature, values):
            return builder.inttoptr(values[0], context.get_value_type(record))

        return record(address), impl

    @intrinsic
    def batch_fields(typing_context, address):
        """The numbers of a batch by name."""
        return _fields(_BATCH, address)

    @intrinsic
    def sum_fields(typing_context, address):
        """The numbers of a sum by name."""
        return _fields(_SUM, address)

    @intrinsic
    def call_fields(typing_context, address):
        """The numbers of a call from a user's code by name."""
        return _fields(_CALL, address)

    @intrinsic
    def difference_fields(typing_context, address):
        """The numbers of a gradient by differences by name."""
        return _fields(_DIFFERENCES, address)

    @intrinsic
    def plan_fields(typing_context, address):
        """The numbers that such calls share by name."""
        return _fields(_PLAN, address)

    @intrinsic
    def vector_at(typing_context, address, n, like):
        """`n` numbers at an address, as an array of the dtype of the array `like`."""
        view_type = vector_type(like.dtype)

        def impl(context, builder, signature, values):
            return _view(context, builder, view_type, values[0], values[1])

        return view_type(address, n, like), impl

    @intrinsic
    def numbers_at(typing_context, address, like):
        """Pointer to numbers of the dtype of the array `like`."""
        pointer = types.CPointer(like.dtype)

        def impl(context, builder, signature, values):
            return builder.inttoptr(values[0], context.get_value_type(pointer))

        return pointer(address, like), impl

    @intrinsic
    def address_of_numbers(typing_context, array):
        """Address of the first number of an array."""

        def impl(context, builder, signature, values):
            data = make_array(signature.args[0])(context, builder, values[0]).data
            return builder.ptrtoint(data, context.get_value_type(ADDRESS))

        return ADDRESS(array), impl

    @intrinsic
    def own_numbers(typing_context, rows, numbers):
        """What follows the named numbers of a state array."""

        def impl(context, builder, signature, values):
            pointer = context.get_value_type(signature.return_type)
            return builder.bitcast(cgutils.pointer_add(builder, values[1], numbers.size), pointer)

        return types.CPointer(F8)(rows, numbers), impl

    @intrinsic
    def rows_of(typing_context, workspace, stride, n, like):
        """The rows of the workspace, of the dtype of the array `like`: its address and stride."""
        pointer = types.CPointer(like.dtype)

        def impl(context, builder, signature, values):
            base = builder.inttoptr(values[0], context.get_value_type(pointer))
            return context.make_tuple(builder, signature.return_type, [base, values[1]])

        return types.Tuple((pointer, I8))(workspace, stride, n, like), impl

    @intrinsic
    def row(typing_context, rows, i):
        """Row `i` of the workspace: a pointer."""

        def impl(context, builder, signature, values):
            base, stride = cgutils.unpack_tuple(builder, values[0], 2)
            size = context.get_abi_sizeof(context.get_data_type(signature.return_type.dtype))
            offset = builder.mul(builder.mul(stride, values[1]), ir.Constant(stride.type, size))
            # In integers: of pointers into one block LLVM would have to prove that they are apart.
            address = builder.add(builder.ptrtoint(base, stride.type), offset)
            return builder.inttoptr(address, base.type)

        return rows.types[0](rows, i), impl

    def metric_signature(dtype):
        """Signature of ``adaptive(rows, ints, floats, g, s)``."""
        real = types.CPointer(F8 if dtype == np.float64 else F4)
        return NONE(types.Tuple((real, I8)), _NAMED[I8], _NAMED[F8], real, real)

    @intrinsic
    def call_metric(typing_context, address, rows, ints, floats, g, s):
        """``adaptive(rows, ints, floats, g, s)`` at an address."""
        plain = (rows, ints, floats, g, s)

        def impl(context, builder, signature, values):
            return _emit_call(context, builder, values[0], NONE, plain, list(values[1:]))

        return NONE(address, *plain), impl

    @intrinsic
    def call_norm(typing_context, address, rows, v, n, norm, order):
        """``vector_norm(rows, v, n, norm, order)`` at an address."""
        plain = (rows, v, I8, I8, F8)

        def impl(context, builder, signature, values):
            return _emit_call(context, builder, values[0], F8, plain, list(values[1:]))

        return F8(address, *plain), impl

    @intrinsic
    def call_prox(typing_context, address, v, n, step, data):
        """The proximal operator at an address, in place on the row `v`; its data by their address.

        They are addresses and lengths of its numbers, its integers and its work array.
        """
        real = v.dtype
        vector, numbers, integers = vector_type(real), vector_type(F8), vector_type(I8)
        arguments = (vector, vector, F8, numbers, integers, vector)

        def impl(context, builder, signature, values):
            prox, v_, n_, step_, data_ = values
            integer = context.get_value_type(ADDRESS)
            fields = builder.inttoptr(data_, integer.as_pointer())

            def field(i):
                return builder.load(builder.gep(fields, [ir.Constant(ir.IntType(32), i)]))

            point = _view(context, builder, vector, builder.ptrtoint(v_, integer), n_)
            rest = [
                _view(context, builder, kind, field(2 * i), field(2 * i + 1))
                for i, kind in enumerate((numbers, integers, vector))
            ]
            call = [point, point, step_, *rest]
            return _emit_call(context, builder, prox, F8, arguments, call)

        return F8(address, v, n, F8, data), impl

    @intrinsic
    def as_real(typing_context, value, like):
        """`value` in the precision of the row `like`."""
        real = like.dtype

        def impl(context, builder, signature, values):
            return context.cast(builder, values[0], F8, real)

        return real(F8, like), impl

    def _choice(typing_context, a, b, comparison):
        """Python's max or min; Numba would compile it as a function of its own."""
        real = typing_context.unify_types(a, b)

        def impl(context, builder, signature, values):
            compare = builder.fcmp_ordered if real in types.real_domain else builder.icmp_signed
            first, second = (
                context.cast(builder, value, type_, real)
                for value, type_ in zip(values, signature.args, strict=True)
            )
            return builder.select(compare(comparison, second, first), second, first)

        return real(a, b), impl

    @intrinsic
    def larger(typing_context, a, b):
        """``max(a, b)``."""
        return _choice(typing_context, a, b, ">")

    @intrinsic
    def smaller(typing_context, a, b):
        """``min(a, b)``."""
        return _choice(typing_context, a, b, "<")

    @intrinsic
    def complex_row(typing_context, address, n, like):
        """View of `n` complex numbers at an address, of the precision of the array `like`."""
        dtype = types.complex128 if like.dtype == F8 else types.complex64
        view_type = vector_type(dtype)

        def impl(context, builder, signature, values):
            return _view(context, builder, view_type, values[0], values[1])

        return view_type(address, n, like), impl

    def _magnitude(context, builder, value, result):
        integer = context.get_value_type(result)
        mask = ir.Constant(integer, (1 << (integer.width - 1)) - 1)
        return builder.and_(builder.bitcast(value, integer), mask)

    @intrinsic
    def magnitude_bits(typing_context, value):
        """|value| as an integer of the same order; NaN is above infinity.

        A maximum of integers vectorises, and cannot lose a NaN as one of floats does.
        """
        result = types.int64 if value == F8 else types.int32

        def impl(context, builder, signature, values):
            return _magnitude(context, builder, values[0], result)

        return result(value), impl

    @intrinsic
    def no_magnitude(typing_context, like):
        """The `magnitude_bits` of 0, for the row `like`: what a largest magnitude starts from."""
        result = types.int64 if like.dtype == F8 else types.int32

        def impl(context, builder, signature, values):
            return ir.Constant(context.get_value_type(result), 0)

        return result(like), impl

    @intrinsic
    def summed(typing_context, rows, values):
        """A sum, or a tuple of them, over all who share the rows."""
        return values(rows, values), lambda context, builder, signature, found: found[1]

    @intrinsic
    def largest(typing_context, rows, values):
        """The largest, or a tuple of them, of what all who share the rows have found."""
        return values(rows, values), lambda context, builder, signature, found: found[1]

    @intrinsic
    def summed_and_largest(typing_context, rows, sums, most):
        """Both at once."""

        def impl(context, builder, signature, values):
            return context.make_tuple(builder, signature.return_type, values[1:])

        return types.Tuple((sums, most))(rows, sums, most), impl

    @intrinsic
    def larger_magnitude(typing_context, bits, value):
        """The larger of `bits` and those of `value`.

        Only once in a loop for the same `bits`: of two comparisons LLVM would make one unsigned,
        and then could not vectorise the loop.
        """

        def impl(context, builder, signature, values):
            found = _magnitude(context, builder, values[1], bits)
            return builder.select(builder.icmp_signed(">", found, values[0]), found, values[0])

        return bits(bits, value), impl

    @intrinsic
    def added_magnitude(typing_context, bits, value):
        """`bits` and those of `value` together: zero if both are."""

        def impl(context, builder, signature, values):
            return builder.or_(_magnitude(context, builder, values[1], bits), values[0])

        return bits(bits, value), impl

    @intrinsic
    def from_magnitude_bits(typing_context, bits, like):
        """The value whose `magnitude_bits` these are, as the dtype of `like`, in float64."""
        real = like.dtype

        def impl(context, builder, signature, values):
            integer = ir.IntType(real.bitwidth)
            narrow = values[0]
            if narrow.type.width > integer.width:
                narrow = builder.trunc(narrow, integer)
            value = builder.bitcast(narrow, context.get_value_type(real))
            return context.cast(builder, value, real, F8)

        return F8(bits, like), impl
