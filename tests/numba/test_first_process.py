"""The process that compiles a loop computes what those compute that load it from the disk cache."""

import pytest
from processes import run_python

from fastmomentum._loops import (
    direction,
    evaluation,
    line_search,
    metric,
    norms,
    stopping,
    terms,
)
from fastmomentum._numba import differences, evaluations
from fastmomentum._numba.cache import kind_of_cache

PARTS = (direction, evaluation, line_search, metric, norms, stopping, terms)


def test_what_may_be_reordered_is_inlined():
    """Out of line, its code in the process that compiles is another than in those that load."""
    out_of_line = {
        name
        for module in PARTS
        for name, function in vars(module).items()
        if hasattr(function, "targetoptions")
        and function.targetoptions["fastmath"]
        and not function.targetoptions.get("forceinline")
    }
    assert not out_of_line


def test_what_an_entry_calls_is_inlined():
    """Entries of several processes meet in one, where a name may stand for one code only."""
    called = {
        name: function.targetoptions.get("forceinline")
        for module in (differences, evaluations)
        for name, function in vars(module).items()
        if hasattr(function, "targetoptions") and kind_of_cache(function) is None
    }
    assert len(called) > 6
    assert all(called.values())


def outputs(code, tmp_path):
    """What a process with an empty cache prints, and the next one."""
    env = {"NUMBA_CACHE_DIR": tmp_path / "cache"}
    return [run_python(code, env=env, timeout=900).stdout.splitlines() for _ in range(2)]


def test_the_default_method_has_the_same_bits(tmp_path):
    first, second = outputs("import bits; bits.show('f8', bits.alone, ['momentum'])", tmp_path)
    assert first == second
    assert len(first) == 5


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_every_loop_has_the_same_bits(dtype, tmp_path):
    first, second = outputs(f"import bits; bits.all_runs({dtype!r})", tmp_path)
    assert first == second
    assert len(first) == 147
