"""Compilation as behaviour: what is compiled when, what is cached, what the machine code holds."""

import ast
import functools
import importlib
import pathlib
import re
import sys

import numpy as np
import objectives
import pytest
from cases import METHODS, PROBLEMS, STYLES, options_of
from numba import njit
from parameters import some
from processes import run_python

import fastmomentum
from fastmomentum import _methods, minimize
from fastmomentum._loops import drivers
from fastmomentum._loops.table import LOOPS
from fastmomentum._numba import entry

PACKAGE = pathlib.Path(fastmomentum.__file__).parent
ROOT = PACKAGE.parent
ROOMS = ("_loops", "_numba")
DTYPES = ("float64", "float32")


def dispatchers():
    """Every dispatcher of the kernels by name, those of factories as far as they are made."""
    kept = (drivers._dispatchers, entry._entries, entry._holds)
    made = (value for functions in kept for value in functions.values())
    found = {value.__name__: value for value in made}
    for path in (p for room in ROOMS for p in (PACKAGE / room).glob("*.py")):
        module = importlib.import_module(f"fastmomentum.{path.parent.name}.{path.stem}")
        for name, value in vars(module).items():
            if hasattr(value, "get_compile_result"):
                found[name] = value
    return found


def signatures():
    return {name: len(d.signatures) for name, d in dispatchers().items()}


# -- what is compiled ------------------------------------------------------------------------------


@pytest.mark.parametrize("how", STYLES)
def test_a_second_objective_compiles_nothing_of_ours(how):
    """Objectives whose args have the same types share one entry, and all share the loops."""

    def make(shift):
        @njit
        def fun(x, a):
            return (x[0] - shift) * (x[0] - a)

        @njit
        def jac(x, a):
            return 2.0 * x - a - shift

        @njit
        def fill(x, out, a):
            out[0] = 2.0 * x[0] - a - shift

        @njit
        def pair(x, a):
            return (x[0] - shift) * (x[0] - a), 2.0 * x - a - shift

        @njit
        def fused(x, out, a):
            out[0] = 2.0 * x[0] - a - shift
            return (x[0] - shift) * (x[0] - a)

        return {
            "returning": (fun, jac),
            "in_place": (fun, fill),
            "pair": (pair, True),
            "fused": (fused, True),
        }.get(how, (fun, how))

    def run(shift):
        fun, jac = make(shift)
        options = {"learning_rate": 0.1, "momentum": 0.5, "backend": "numba"}
        return minimize(fun, [5.0], args=(1.0,), jac=jac, options=options)

    assert run(1.0).x[0] == pytest.approx(1.0, abs=1e-4)
    before = signatures()
    for shift in (2.0, 3.0):
        res = run(shift)
        assert res.success
        assert res.x[0] == pytest.approx((1.0 + shift) / 2.0, abs=1e-4)
    assert signatures() == before


def test_the_loops_have_one_signature():
    """Whatever the objective, its style and the types of its args, and in Python runs too."""
    quadratic = PROBLEMS["quadratic"]
    for method in METHODS:
        for backend in ("numba", "python"):
            for dtype in (np.float64, np.float32):
                x0, args = quadratic.in_dtype(dtype)
                for name, rest in (("quadratic", args), ("rosenbrock", ())):
                    fun, jac = objectives.style(name, "fused")
                    for more in ({}, {"history": True}, {"learning_rate": lambda k: 1e-4}):
                        options = options_of(method, maxiter=3, backend=backend, **more)
                        options["learning_rate"] = more.get("learning_rate", 1e-4)
                        minimize(fun, x0, args=rest, jac=jac, method=method, options=options)
    loops = {n: d for n, d in dispatchers().items() if n.startswith("drive_")}
    assert set(loops) >= {f"drive_{m}_{p}" for m in METHODS for p in DTYPES}
    for method in METHODS:
        for precision in DTYPES:
            assert len(loops[f"drive_{method}_{precision}"].signatures) == 1


def test_calls_with_other_values_compile_nothing():
    fun, jac = objectives.style("logistic", "fused")
    problem = PROBLEMS["logistic"]
    features, labels, ridge = problem.args

    def run(rows, n, maxiter):
        minimize(
            fun,
            np.zeros(n),
            args=(np.ascontiguousarray(features[:rows, :n]), labels[:rows], ridge / 2.0),
            jac=jac,
            options=options_of("momentum", "logistic", maxiter=maxiter),
        )

    run(40, 3, 5)
    before = signatures(), len(fun.signatures)
    for rows, n, maxiter in ((40, 3, 50), (20, 2, 7), (5, 1, 1000)):
        run(rows, n, maxiter)
    assert (signatures(), len(fun.signatures)) == before


# -- the disk cache --------------------------------------------------------------------------------

# Objectives in a file of their own, as a user's are.
USER = """
from numba import njit, types

@njit(cache=True)
def fun(x, a):
    return (x[0] - a) ** 2 + x[1] ** 2

@njit(cache=True)
def fill(x, out, a):
    out[0] = 2.0 * (x[0] - a)
    out[1] = 2.0 * x[1]
"""
REPORT = """
import sys
import user
from fastmomentum import minimize
from fastmomentum._loops import drivers
from fastmomentum._numba import entry
for method in ("momentum", "nesterov"):
    for jac in (user.fill, "3-point"):
        res = minimize(user.fun, [3.0, 4.0], args=(2.0,), jac=jac, method=method,
                       options={"learning_rate": 0.05, "momentum": 0.5, "backend": "numba"})
        assert res.success and abs(res.x[0] - 2.0) < 1e-4, res
for d in (*drivers._dispatchers.values(),
          *entry._entries.values(), user.fun, user.fill):
    hits, misses = sum(d.stats.cache_hits.values()), sum(d.stats.cache_misses.values())
    sys.stdout.write(f"{d.__name__} {hits} {misses}\\n")
"""


def report(folder, env):
    lines = run_python(REPORT, env=env, cwd=folder).stdout.splitlines()
    return {name: (int(hits), int(misses)) for name, hits, misses in map(str.split, lines)}


def test_a_fresh_process_compiles_nothing(tmp_path):
    """All that is ours, and all that the user caches, comes from disk the second time."""
    (tmp_path / "user.py").write_text(USER)
    env = {"NUMBA_CACHE_DIR": tmp_path / "cache"}
    cold = report(tmp_path, env)
    warm = report(tmp_path, env)
    assert {misses for _, misses in cold.values()} == {1}
    assert len(warm) == 6
    for name, (hits, misses) in warm.items():
        assert (hits, misses) == (1, 0), name
    # A third run writes nothing: caches that grow with every process hide misses.
    before = sorted(p.name for p in (tmp_path / "cache").rglob("*"))
    report(tmp_path, env)
    assert sorted(p.name for p in (tmp_path / "cache").rglob("*")) == before
    # The cached entry is that of the types, not that of the function.
    (tmp_path / "user.py").write_text(USER.replace("- a)", "+ 2.0 - a - 2.0)"))
    changed = report(tmp_path, env)
    for name in ("fun", "fill"):
        assert changed.pop(name) == (0, 1)
    assert set(changed.values()) == {(1, 0)}


OBJECTIVES_OF_SEVERAL_TYPES = """
import sys
import numpy as np
from numba import njit, types
from fastmomentum import minimize

@njit
def number(x, a):
    return (x[0] - a) ** 2

@njit
def vector(x, a):
    return (x[0] - a[1]) ** 2 + a[0]

@njit
def two(x, a, b):
    return (x[0] - a) ** 2 + b

ARGS = {"number": (2.0,), "vector": (np.array([5.0, 3.0]),), "two": (4.0, 7.0)}
VALUES = {"number": (2.0, 0.0), "vector": (3.0, 5.0), "two": (4.0, 7.0)}
for name in NAMES:
    for jac in JACS:
        res = minimize(globals()[name], [10.0], args=ARGS[name], jac=jac,
                       options={"learning_rate": 0.1, "momentum": 0.5, "backend": "numba"})
        x, f = VALUES[name]
        assert abs(res.x[0] - x) < 1e-4 and abs(res.fun - f) < 1e-6, (name, jac, res)
"""


@pytest.mark.parametrize("names", some(["number vector", "number vector two"], ("number vector",)))
@pytest.mark.slow
def test_entries_cached_by_several_processes_do_not_mix(tmp_path, names):
    """Each process numbers what it compiles from 1: equal names, in one process, are one code.

    So the adapters inside cached entries need names of their own for each type of args.
    """
    env = {"NUMBA_CACHE_DIR": tmp_path / "cache"}
    names = names.split()
    jacs = ("2-point", "3-point")[: len(names) - 1]
    for chosen in (*([name] for name in names), names, names[::-1]):
        run_python(f"NAMES, JACS = {chosen}, {jacs}\n{OBJECTIVES_OF_SEVERAL_TYPES}", env=env)


NAMED_ARGS = """
import collections
from numba import njit, types
from fastmomentum import minimize
Point = collections.namedtuple("Point", ["a", "b"])
@njit
def fun(x, p):
    return (x[0] - p.a) ** 2 + p.b
minimize(fun, [3.0], args=(Point(1.0, 2.0),), options={"learning_rate": 0.1, "maxiter": 3})
"""


@pytest.mark.slow
def test_types_of_other_programs_do_not_spoil_the_cache(tmp_path):
    """A namedtuple's class cannot be imported elsewhere; all programs share one cache."""
    env = {"NUMBA_CACHE_DIR": tmp_path / "cache"}
    (tmp_path / "theirs.py").write_text(NAMED_ARGS)
    for code in ("import theirs", NAMED_ARGS):
        run_python(code, env=env, cwd=tmp_path)
    run_python(SMALL_RUN, env=env)


SMALL_RUN = """
import sys
import numpy as np
from numba import njit, types
from fastmomentum import minimize
@njit
def fun(x, a):
    return (x[0] - a) ** 2
res = minimize(fun, [3.0], args=(2.0,), options={"learning_rate": 0.1, "momentum": 0.5})
assert res.success and res.backend == "numba", res
sys.stdout.write(res.x.tobytes().hex())
"""


@pytest.mark.parametrize(
    "env",
    [
        {"NUMBA_CACHE_DIR": "/dev/null/x"},
        {"NUMBA_CACHE_DIR": "/dev/null/x", "HOME": "/dev/null/x", "XDG_CACHE_HOME": "/dev/null/x"},
        {"NUMBA_DISABLE_JIT": "1"},
    ],
    ids=["cache directory", "home", "no jit"],
)
@pytest.mark.skipif(sys.platform == "win32", reason="a path below /dev/null")
def test_no_cache_directory(env):
    """Containers and services without a writable home: all works, compiled in each process."""
    if "NUMBA_DISABLE_JIT" in env:
        code = SMALL_RUN.replace('and res.backend == "numba"', "")
    else:
        code = SMALL_RUN
    x = np.frombuffer(bytes.fromhex(run_python(code, env=env).stdout))
    assert x[0] == pytest.approx(2.0, abs=1e-4)


@pytest.mark.skipif(sys.platform == "win32", reason="a path below /dev/null")
def test_an_unwritable_package(tmp_path):
    """A read-only installation and no home: a copy of the package whose __pycache__ is a file."""
    import shutil

    copy = tmp_path / "fastmomentum"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    for folder in [copy, *(p for p in copy.rglob("*") if p.is_dir())]:
        (folder / "__pycache__").write_text("")
    code = SMALL_RUN + f"\nimport fastmomentum\nassert {str(tmp_path)!r} in fastmomentum.__file__"
    env = {
        "PYTHONPATH": tmp_path,
        "PYTHONDONTWRITEBYTECODE": "1",
        "NUMBA_CACHE_DIR": None,
        "HOME": "/dev/null/x",
        "XDG_CACHE_HOME": "/dev/null/x",
    }
    run_python(code, env=env, cwd=tmp_path)


def test_numba_flags_are_in_one_place():
    """No fastmath that loses NaN, and no decorator but the package's own."""
    from fastmomentum._numba import jit

    assert not jit.FLAGS.get("fastmath")
    assert jit.FLAGS["error_model"] == "numpy"
    # nnan and ninf would let NaN pass for success.
    assert set(jit.ANY_ORDER) == {"reassoc", "nsz", "contract"}
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "fastmath":
                said = ast.unparse(node.value)  # False: to what others may say it to
                assert said in ("ANY_ORDER", "False"), f"{path.name}:{node.lineno}"
            for decorator in getattr(node, "decorator_list", ()):
                name = ast.unparse(decorator).partition("(")[0].rpartition(".")[2]
                assert name not in ("njit", "jit", "vectorize"), f"{path.name}:{node.lineno}"


def made_with(number, name="made_with_a_number"):
    """As a factory of loops makes them."""

    def function(x):
        return x + number

    function.__qualname__ = name
    return function


def test_a_name_is_that_of_one_function():
    """By its name the disk cache would give the code of the other, with the same signature."""
    from fastmomentum._numba.jit import cached_loop

    cached_loop(made_with(1))
    cached_loop(made_with(1))  # the same function, made twice
    with pytest.raises(ValueError, match="two compiled functions have the name"):
        cached_loop(made_with(2))
    cached_loop(made_with(2, "made_with_another_number"))


def test_a_branch_for_others_is_not_compiled():
    """A factory's flag decides before types do: what the other kind of loop needs is not there."""
    from fastmomentum._numba.jit import cached_loop

    def make(flag):
        def loop(x):
            return x.no_such_attribute if flag else x

        return loop

    assert cached_loop(make(False))(2.0) == 2.0


# -- machine code ----------------------------------------------------------------------------------


MODULES = """
import sys

import numpy as np
from numba.core.codegen import JitEngine

from fastmomentum._loops.drivers import driver_address
from fastmomentum._loops.table import LOOPS
from fastmomentum._numba.entry import DRIVER_SIGNATURES

add = JitEngine.add_module
added = []
JitEngine.add_module = lambda engine, module: [added.append(module.name), add(engine, module)][1]
driver_address(LOOPS["gd_auto"], np.dtype(float), DRIVER_SIGNATURES["float64"])
sys.stdout.write(" ".join(added))
"""


def test_machine_code_is_made_of_loops_only(tmp_path):
    """Of a part there is what was written into a loop."""
    done = run_python(MODULES, env={"NUMBA_CACHE_DIR": tmp_path})
    assert done.stdout == "nrt drive_gd_auto_float64"  # and Numba's own runtime


@functools.cache
def llvm(name, precision):
    dispatcher = drivers.driver(LOOPS[name], np.dtype(precision))
    # Code from the disk cache has no text: compile the same function once more without it.
    fresh = njit(error_model="numpy", nogil=True)(dispatcher.py_func)
    fresh.compile(tuple(entry.DRIVER_SIGNATURES[precision].args))
    (text,) = fresh.inspect_llvm().values()
    return text


@pytest.mark.parametrize("name", some(METHODS, ("gd", "nesterov", "adam")))
def test_machine_code_of_the_loops(name):
    """Vectorised in either precision, and float32 computes its steps in float32."""
    double, single = llvm(name, "float64"), llvm(name, "float32")
    assert re.search(r"f(mul|sub) <\d+ x double>", double)
    assert re.search(r"f(mul|sub) <\d+ x float>", single)
    assert not re.search(r"f(mul|add|sub|div) <\d+ x double>", single)
    for text in (double, single):
        assert "NRT_MemInfo_alloc" not in text
        assert not re.search(r"\bf(mul|add|sub)\s+(fast|contract|reassoc|nnan)", text)
        assert "llvm.fma" not in text and "llvm.fmuladd" not in text
    if _methods.METHODS[name].metric is None:
        return
    # Nothing but the norms, which gradient descent has, too, is in float64.
    scalar = r"\bf(?:mul|add|sub|div) double|call double @(?:llvm\.)?sqrt"
    assert len(re.findall(scalar, single)) == len(re.findall(scalar, llvm("gd", "float32")))
    assert not re.search(r"llvm\.sqrt\.v\d+f64", single)
    assert re.search(r"fdiv <\d+ x float>", single)
    if name != "adamax":
        assert re.search(r"llvm\.sqrt\.v\d+f32", single)
        # Two roots at once do not pay on every processor.
        wide = re.search(r"<[48] x double>", double)
        assert not wide or re.search(r"llvm\.sqrt\.v\d+f64", double)


# -- memory ----------------------------------------------------------------------------------------


def test_allocations_do_not_depend_on_maxiter():
    code = """
    import sys
    import numpy as np, objectives
    from cases import METHODS, PROBLEMS, options_of
    from numba.core.runtime import rtsys
    from fastmomentum import minimize
    def allocations(how, method, maxiter):
        problem = PROBLEMS["quadratic"]
        fun, jac = objectives.style("quadratic", how)
        before = rtsys.get_allocation_stats()
        res = minimize(fun, problem.x0, args=problem.args, jac=jac, method=method,
                       options=options_of(method, maxiter=maxiter, gtol=0.0, xtol=0.0,
                                          learning_rate=1e-7, backend="numba"))
        assert res.nit == maxiter, res
        del res
        after = rtsys.get_allocation_stats()
        assert after.alloc - before.alloc == after.free - before.free, (how, before, after)
        return after.alloc - before.alloc
    minimize(*objectives.style("sphere", "fused")[:1], [3.0], jac=True,
             options={"learning_rate": 0.1})  # the counters exist once something has run
    for method in METHODS:
        for how in ("fused", "in_place", "2-point", "3-point", "cs"):
            allocations(how, method, 10)
            few, many = allocations(how, method, 10), allocations(how, method, 3000)
            sys.stdout.write(f"{method} {how} {few} {many}\\n")
        few, many = allocations("returning", method, 10), allocations("returning", method, 1010)
        # One array for each call of jac.
        sys.stdout.write(f"{method} returning {few} {many - 1000}\\n")
    """
    lines = run_python(code, env={"NUMBA_NRT_STATS": "1"}).stdout.splitlines()
    assert len(lines) == len(METHODS) * 6
    for line in lines:
        _, _, few, many = line.split()
        # A call of the entry, that is a chunk, unboxes its arrays; an iteration allocates nothing.
        assert abs(int(many) - int(few)) < 100, line
