"""The native code of a compiled function, and its address."""

from __future__ import annotations


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
