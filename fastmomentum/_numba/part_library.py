"""How Numba keeps the code of a part: as what its callers are compiled from, and no more.

Numba optimizes each function for itself, and makes machine code of it, before it is linked into
those that call it. A part never runs by itself, and is optimized within each loop anyhow: what is
left out here is a quarter of the time that a loop takes to compile.
"""

from __future__ import annotations

from typing import Any

from numba.core.codegen import JITCodeLibrary
from numba.core.compiler_machinery import register_pass
from numba.core.typed_passes import NativeLowering


class PartLibrary(JITCodeLibrary):
    """Code that is linked into other code, and is nowhere in memory itself.

    Should a version of Numba call these methods otherwise, it optimizes and makes more than is
    needed, and the loops are as they would be.
    """

    @property
    def codegen(self) -> Any:
        return _Nowhere

    def _optimize_final_module(self) -> None:
        pass

    def _finalize_final_module(self) -> None:
        self._finalized = True


class _Nowhere:
    """Stands for where Numba puts code, which it tells the environment of each function."""

    @staticmethod
    def set_env(name: str, environment: Any) -> None:
        """Only code that works with Python objects looks at it."""


@register_pass(mutates_CFG=True, analysis_only=False)
class PartLowering(NativeLowering):
    """Numba's own, into such a library."""

    _name = "part_lowering"

    def run_pass(self, state: Any) -> bool:
        state.library = PartLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        return super().run_pass(state)
