"""Every Numba flag in one place."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numba
from numba.core import typed_passes, untyped_passes
from numba.core.compiler import CompilerBase
from numba.core.compiler_machinery import PassManager
from numba.extending import register_jitable

from .cache import keep_on_disk
from .part_library import PartLowering

# No fastmath: a contracted multiply-add would differ from NumPy in the last bit, and nnan/ninf
# would let NaN pass for success. error_model="numpy" drops the ZeroDivisionError branches.
# It is said, not left out: a function compiled as part of another inherits what it does not say.
FLAGS: dict[str, Any] = {"error_model": "numpy", "fastmath": False, "nogil": True}
# Sums may be reordered where no published rule fixes their order; NaN and infinity survive.
ANY_ORDER = {"contract", "nsz", "reassoc"}


class LoopCompiler(CompilerBase):
    """Numba's pipeline without the passes that find nothing to do in a loop.

    They look for closures, generators, array expressions, branches on None and the like, and take
    an eighth of the time.
    """

    lowering: type = typed_passes.NativeLowering

    def define_pipelines(self) -> list[PassManager]:
        pipeline = PassManager("loop")
        pipeline.add_pass(untyped_passes.TranslateByteCode, "analyzing bytecode")
        pipeline.add_pass(untyped_passes.FixupArgs, "fix up args")
        pipeline.add_pass(untyped_passes.IRProcessing, "processing IR")
        # A branch on what a factory of loops was told is taken, or left out, before types count.
        pipeline.add_pass(untyped_passes.RewriteSemanticConstants, "rewrite semantic constants")
        pipeline.add_pass(untyped_passes.DeadBranchPrune, "dead branch pruning")
        pipeline.add_pass(untyped_passes.ReconstructSSA, "ssa")
        pipeline.add_pass(typed_passes.NopythonTypeInference, "nopython frontend")
        pipeline.add_pass(typed_passes.PreLowerStripPhis, "remove phis nodes")
        pipeline.add_pass(typed_passes.IRLegalization, "ensure IR is legal prior to lowering")
        pipeline.add_pass(typed_passes.AnnotateTypes, "annotate types")
        pipeline.add_pass(self.lowering, "native lowering")
        pipeline.add_pass(typed_passes.NoPythonBackend, "nopython mode backend")
        pipeline.finalize()
        return [pipeline]


class PartCompiler(LoopCompiler):
    """The same for what is only ever compiled into others."""

    lowering = PartLowering


class StepCompiler(LoopCompiler):
    """The same for a step of a user's own loop: it raises, and takes slices of tuples."""

    def define_pipelines(self) -> list[PassManager]:
        (pipeline,) = super().define_pipelines()
        pipeline.add_pass_after(untyped_passes.GenericRewrites, untyped_passes.DeadBranchPrune)
        # Once more: an argument counts as None now where the branch that assigned it is left out.
        pipeline.add_pass_after(untyped_passes.DeadBranchPrune, untyped_passes.ReconstructSSA)
        pipeline.finalize()
        return [pipeline]


# Of the loops: they hold no reference, and nobody calls them from C.
LOOP_FLAGS: dict[str, Any] = {
    "_nrt": False,
    "no_cfunc_wrapper": True,
    "pipeline_class": LoopCompiler,
}
# Of what only an address leads to: what a call from Python needs takes longer to compile than a
# short function itself. Calling it from Python would crash.
BY_ADDRESS_FLAGS: dict[str, Any] = {**LOOP_FLAGS, "no_cpython_wrapper": True}
# Of what only loops call.
PART_FLAGS: dict[str, Any] = {**BY_ADDRESS_FLAGS, "pipeline_class": PartCompiler}


def jit_disabled() -> bool:
    """Is Numba switched off (``NUMBA_DISABLE_JIT=1``)?"""
    return bool(getattr(numba.config, "DISABLE_JIT", False))


_of_factories: dict[tuple[str, str], tuple] = {}


def _claim_name(function: Callable) -> None:
    """Refuse a name that another loop has.

    The loops that one factory makes differ in what their cells hold, and have one signature: of two
    with one name, the wrong one could be run, and nobody would see it.
    """
    if function.__closure__ is None:
        return
    cells = tuple(cell.cell_contents for cell in function.__closure__)
    made = function.__code__, cells
    name = function.__module__, function.__qualname__
    if _of_factories.setdefault(name, made) != made:
        raise ValueError(f"two compiled functions have the name {'.'.join(name)}")


def cached_njit(function: Callable | None = None, **flags: Any) -> Any:
    """``@njit`` with the disk cache, where a directory for that can be written."""
    if function is None:
        return functools.partial(cached_njit, **flags)
    flags = {**FLAGS, **flags}
    compiled = numba.njit(**flags)(function)
    if not jit_disabled():
        keep_on_disk(compiled)
    return compiled


def cached_loop(function: Callable | None = None, **flags: Any) -> Any:
    """``cached_njit`` for a loop."""
    if function is not None:
        _claim_name(function)
    return cached_njit(function, **LOOP_FLAGS, **flags)


def cached_step(function: Callable, **flags: Any) -> Any:
    """``cached_njit`` for a step of a user's own loop, or its state."""
    _claim_name(function)
    return cached_njit(function, pipeline_class=StepCompiler, **flags)


def part(function: Callable | None = None, **flags: Any) -> Any:
    """``@njit`` for a function that is compiled into the loops: it has no code of its own.

    One whose sums may be reordered is written into its callers. Out of line, all loops of a process
    would call the copy of the one that came first, each optimized in its own way: with other last
    bits, where loops come in another order.
    """
    if function is None:
        return functools.partial(part, **flags)
    flags = {**FLAGS, **PART_FLAGS, **flags}
    flags.setdefault("forceinline", bool(flags["fastmath"]))
    return numba.njit(**flags)(function)


def inlined_part(function: Callable) -> Any:
    """``part``, written into its callers.

    What an entry calls must be. LLVM may leave out an argument of a function that one entry alone
    is known to call, and the entries of several processes, which share the disk cache, may call
    it by one name.
    """
    return part(function, forceinline=True)


_compiled_into: set[Callable] = set()


def compiled_into(function: Callable, **flags: Any) -> None:
    """Have a method's function, as it stands in its file, compiled into what calls it."""
    if not jit_disabled() and function not in _compiled_into:
        _compiled_into.add(function)
        flags = {**FLAGS, **PART_FLAGS, "forceinline": True, **flags}
        register_jitable(**flags)(function)


def cached_part(function: Callable | None = None, **flags: Any) -> Any:
    """``cached_njit`` for a function that is called by its address only."""
    if function is not None:
        _claim_name(function)
    return cached_njit(function, **BY_ADDRESS_FLAGS, **flags)
