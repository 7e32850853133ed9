import dataclasses
import functools
import inspect
import json
import os
import pickle
import subprocess
import sys
import zlib

import numpy as np
import pytest
from parameters import some
from processes import run_python
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

import fastmomentum
from benchmarks.holdout import ALL, GROUP
from fastmomentum import problems
from fastmomentum.problems import convex_quadratic, nesterov_worst, regression

NAMES = ALL.names()
# Compiling each takes most of the time.
SOME = some(NAMES, NAMES[::4].__contains__)
EPS = np.finfo(float).eps

# BFGS for those on which the first takes thousands of evaluations.
SCIPY = (
    ("L-BFGS-B", {"ftol": 1e-15, "gtol": 1e-10, "maxiter": 2000, "maxfun": 2000}),
    ("BFGS", {"gtol": 1e-10, "maxiter": 1000}),
)

# Printed in the paper of More, Garbow and Hillstrom, independently of this package.
PUBLISHED = {
    "jennrich_sampson": 124.362,
    "bard": 8.21487e-3,
    "gaussian": 1.12793e-8,
    "meyer": 87.9458,
    "kowalik_osborne": 3.07505e-4,
    "brown_dennis": 85822.2,
    "osborne_1": 5.46489e-5,
    "osborne_2": 4.01377e-2,
    "watson-6": 2.28767e-3,
    "watson-9": 1.39976e-6,
    "penalty_1-4": 2.24997e-5,
    "penalty_1-10": 7.08765e-5,
    "penalty_2-4": 9.37629e-6,
    "penalty_2-10": 2.93660e-4,
    "chebyquad-8": 3.51687e-3,
}


@functools.cache
def load(name):
    return ALL.get(name)


def evaluate(problem, x):
    """Value and gradient by the compiled functions."""
    g = np.full(problem.n, np.nan)
    return problem.compiled("fused")(x, g, *problem.args), g


def points(problem):
    """The starting point and two points about it."""
    rng = np.random.default_rng(zlib.crc32(problem.name.encode()))
    spread = 0.1 * np.abs(problem.x0) + 0.01
    return [problem.x0, *(problem.x0 + spread * rng.standard_normal((2, problem.n)))]


@pytest.mark.parametrize("name", SOME)
def test_gradient_is_that_of_the_value(name):
    problem = load(name)
    rng = np.random.default_rng(7)
    n = problem.n
    coordinates = rng.permutation(n)[:25]
    directions = [*np.eye(n)[coordinates], *(rng.choice([-1.0, 1.0], (3, n)))]
    for x in points(problem):
        f, g = evaluate(problem, x)
        assert np.isfinite(f) and np.all(np.isfinite(g))
        for d in directions:
            scale = max(np.abs(x[d != 0]).max(), 1e-2)
            slope = g @ d
            errors = []
            for h in scale * np.array([1e-2, 1e-3, 1e-4, 1e-5, 1e-6]):
                near, far = (
                    (evaluate(problem, x + s * d)[0] - evaluate(problem, x - s * d)[0]) / (2.0 * s)
                    for s in (h, 2.0 * h)
                )
                error = abs((4.0 * near - far) / 3.0 - slope)
                errors.append(max(error - 4.0 * EPS * abs(f) / h, 0.0))
            assert min(errors) <= 1e-6 * (abs(slope) + 1e-2 * np.abs(g).max())


@pytest.mark.parametrize("name", SOME)
def test_value_gradient_both_and_compiled_agree(name):
    problem = load(name)
    for x in points(problem)[: 1 if problem.n > 100 else 3]:
        separate = np.full(problem.n, np.nan)
        together = np.full(problem.n, np.nan)
        before = x.copy()
        f = problem.fun_and_grad(x, together, *problem.args)
        assert problem.fun(x, *problem.args) == f
        assert problem.grad(x, separate, *problem.args) is None
        np.testing.assert_array_equal(separate, together)
        np.testing.assert_array_equal(x, before)
        largest = np.abs(together).max()
        value, gradient = evaluate(problem, x)
        assert value == pytest.approx(f, rel=1e-12, abs=1e-12)
        np.testing.assert_allclose(gradient, together, rtol=1e-11, atol=1e-12 * largest)


@pytest.mark.parametrize(
    "name", ["wood", "chebyquad-8", "levy-4", "quadratic_rotated_log_1e4-10", "softmax_iris"]
)
def test_compiled_separate_functions_take_both_precisions(name):
    problem = load(name)
    fun, grad = problem.compiled()
    f, g = evaluate(problem, problem.x0)
    gradient = np.full(problem.n, np.nan)
    grad(problem.x0, gradient, *problem.args)
    assert fun(problem.x0, *problem.args) == pytest.approx(f, rel=1e-12)
    np.testing.assert_allclose(gradient, g, rtol=1e-12, atol=1e-12 * np.abs(g).max())

    single = problem.x0.astype(np.float32)
    gradient = np.full(problem.n, np.nan, dtype=np.float32)
    grad(single, gradient, *problem.args)
    assert fun(single, *problem.args) == pytest.approx(f, rel=1e-4)
    np.testing.assert_allclose(gradient, g, rtol=1e-4, atol=1e-4 * np.abs(g).max())


def test_separate_functions_are_as_both():
    """In what they are called with, by which `minimize` tells how."""
    problem = load("tv_1d-200")
    for fun, grad in (problem.compiled(), (problem.fun, problem.grad)):
        fun, grad = (getattr(f, "py_func", f) for f in (fun, grad))
        assert [*inspect.signature(fun).parameters] == ["x", "data", "weight", "epsilon"]
        assert [*inspect.signature(grad).parameters] == ["x", "out", "data", "weight", "epsilon"]
    problem = load("wood")
    fun, grad = problem.compiled()
    options = {"backend": "numba"}
    assert fastmomentum.minimize(fun, problem.x0, jac=grad, options=options).success


def test_compiled_functions_are_sent_to_other_processes():
    problem = load("booth")
    parcel = pickle.dumps((problem, *problem.compiled())).hex()
    code = f"""
    import pickle
    import numpy as np
    problem, fun, grad = pickle.loads(bytes.fromhex({parcel!r}))
    out = np.empty(2)
    grad(problem.x0, out)
    print(fun(problem.x0), problem.fun(problem.x0), *out)
    """
    f, g = evaluate(problem, problem.x0)
    assert [float(word) for word in run_python(code).stdout.split()] == [f, f, *g]


HILLS = """
import json
import numpy as np
from fastmomentum.problems import Problem

def hill(x, out, top):
    out[0] = -2.0 * x[0]
    return top - POWER

def steeper(times):
    def hill(x, out, top):
        out[0] = -2.0 * times * x[0]
        return top - times * POWER
    return hill

rows = []
for function in (hill, steeper(2.0), steeper(4.0)):
    fun, grad = Problem("hill", function, np.ones(1), None, None, "", "mine").compiled()
    out = np.empty(1)
    grad(np.array([3.0]), out, 100.0)
    value = fun(np.array([3.0]), 100.0)
    rows.append([value, *out, *(sum(f.stats.cache_hits.values()) for f in (fun, grad))])
told = json.dumps(rows)
"""


def test_separate_functions_are_kept_on_disk(tmp_path):
    """Each by its own function, until the file of that changes."""

    def rows(power):
        (tmp_path / "hills.py").write_text(HILLS.replace("POWER", power))
        code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import hills; print(hills.told)"
        return json.loads(run_python(code, env={"NUMBA_CACHE_DIR": tmp_path / "cache"}).stdout)

    assert rows("x[0] * x[0]") == [[91.0, -6.0, 0, 0], [82.0, -12.0, 0, 0], [64.0, -24.0, 0, 0]]
    assert rows("x[0] * x[0]") == [[91.0, -6.0, 1, 1], [82.0, -12.0, 1, 1], [64.0, -24.0, 1, 1]]
    assert rows("x[0] * 1.0") == [[97.0, -6.0, 0, 0], [94.0, -12.0, 0, 0], [88.0, -24.0, 0, 0]]


@pytest.mark.parametrize("name", NAMES)
def test_f_min_is_a_minimum(name):
    problem = load(name)
    f0, g0 = evaluate(problem, problem.x0)
    assert problem.f_min <= f0
    assert all(local > problem.f_min for local in problem.f_local)
    if problem.x_min is not None:
        f, g = evaluate(problem, problem.x_min)
        assert f == pytest.approx(problem.f_min, rel=1e-12, abs=1e-20 * (1.0 + abs(f0)))
        assert np.abs(g).max() <= 1e-9 * (1.0 + np.abs(g0).max())


@pytest.mark.parametrize("name", SOME)
def test_scipy_ends_at_a_value_of_the_table(name):
    problem = load(name)
    distance = evaluate(problem, problem.x0)[0] - problem.f_min
    reached = False
    for method, options in SCIPY:
        # Threads of a BLAS beside those of other test processes take ten times as long.
        with np.errstate(all="ignore"), threadpool_limits(1):
            result = minimize(
                functools.partial(evaluate, problem),
                problem.x0,
                jac=True,
                method=method,
                options=options,
            )
        assert result.fun >= problem.f_min - 1e-12 * abs(problem.f_min) - 1e-20
        reached = any(
            abs(result.fun - value) <= 1e-6 * abs(value) + 1e-11 * distance
            for value in (problem.f_min, *problem.f_local)
        )
        if reached or problem.n > 100:
            break
    assert reached, (result.fun, result.nfev, problem.f_min)


@pytest.mark.parametrize(("name", "value"), PUBLISHED.items())
def test_f_min_is_as_published(name, value):
    assert load(name).f_min == pytest.approx(value, rel=5e-6)


def test_names_and_sizes():
    assert len(set(NAMES)) == len(NAMES)
    assert tuple(problem.name for problem in map(load, NAMES)) == NAMES
    for name in NAMES:
        problem = load(name)
        size = name.partition("-")[2]
        assert problem.x0.shape == (problem.n,) and problem.x0.dtype == np.float64
        assert not size or problem.n == int(size)
        assert problem.x_min is None or problem.x_min.shape == (problem.n,)
        assert problem.reference and isinstance(problem.f_min, float)
        assert name in ALL.names(problem.group)
        for data in problem.args:
            assert not isinstance(data, np.ndarray) or data.flags.c_contiguous


def test_functions_belong_to_one_group():
    owner = {}
    for name in NAMES:
        problem = load(name)
        assert owner.setdefault(problem.fun_and_grad, problem.group) == problem.group


@pytest.mark.parametrize(
    ("group", "least"),
    [("classical", 40), ("regression", 15), ("quadratic", 10), ("imaging", 4), ("holdout", 20)],
)
def test_groups_are_large_enough(group, least):
    assert len(ALL.names(group)) >= least


def test_the_problems_kept_apart_are_not_in_the_package():
    assert problems.names() + ALL.names(GROUP) == NAMES
    there_are = "The groups are 'classical', 'regression', 'quadratic', 'imaging'."
    with pytest.raises(ValueError) as error:
        problems.collection(GROUP)
    assert str(error.value) == f"unknown group 'holdout'. {there_are}"
    with pytest.raises(ValueError, match="unknown problem 'fletchcr-100'"):
        problems.get("fletchcr-100")


def test_collection_follows_names():
    groups = ("imaging", "quadratic")
    expected = [name for group in groups for name in problems.names(group)]
    assert [problem.name for problem in problems.collection(groups)] == expected
    assert [p.name for p in problems.collection("imaging")] == list(problems.names("imaging"))


def test_each_problem_owns_its_arrays():
    for name in ("bard", "wood", "logistic_iris", "poisson_stack_loss", "tv_1d-200"):
        first, second = problems.get(name), problems.get(name)
        first.x0[:] = np.nan
        for data in first.args:
            if isinstance(data, np.ndarray):
                data[:] = 0
        assert np.all(np.isfinite(second.x0))
        again = problems.get(name)
        for ours, theirs in zip(second.args, again.args, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_problem_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        load("wood").name = "stone"


def test_sizes_of_a_family():
    assert problems.get("rosenbrock").name == "rosenbrock-2"
    assert problems.get("rosenbrock", n=7).name == "rosenbrock-7"
    assert problems.get("rosenbrock-7", n=7).n == 7
    assert problems.get("watson", n=5).f_min is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("rosenbrok",), "unknown problem 'rosenbrok'. Did you mean 'rosenbrock'"),
        (("wod",), "Did you mean 'wood'"),
        (("tv_1d-x",), "unknown problem 'tv_1d-x'. Did you mean 'tv_1d"),
        (("wood-4",), "use 'wood'"),
        (("rosenbrock-10", 2), "use 'rosenbrock'"),
        (("wood", 5), "'wood' has n = 4 variables, got 5"),
        (("rosenbrock", 1), "'rosenbrock' needs n >= 2, got 1"),
        (("powell_singular", 10), "needs n a multiple of 4, got 10"),
        (("rosenbrock", 2.5), "n must be an integer, got 2.5"),
        (("tv_2d", 1000), "n must be a square number for an image, got 1000"),
    ],
)
def test_get_names_the_mistake(arguments, message):
    with pytest.raises(ValueError, match=message):
        problems.get(*arguments)


def test_unknown_group_and_form():
    with pytest.raises(ValueError, match=r"unknown group 'clasical'\. Did you mean 'classical'"):
        problems.names("clasical")
    with pytest.raises(ValueError, match=r"unknown group 'image'\. Did you mean 'imaging'"):
        problems.collection(["image"])
    with pytest.raises(ValueError, match="which must be 'separate' or 'fused', got 'both'"):
        load("wood").compiled("both")


def test_missing_scikit_learn_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    regression._load.cache_clear()
    with pytest.raises(ImportError, match=r'pip install "fastmomentum\[demo\]"'):
        problems.get("logistic_iris")
    assert problems.get("huber_stack_loss").n == 4


@pytest.mark.parametrize("rotation", ["diagonal", "rotated", "dense"])
@pytest.mark.parametrize("spectrum", ["log", "clustered"])
def test_quadratic_has_its_spectrum(rotation, spectrum):
    problem = convex_quadratic(8, condition=1e3, spectrum=spectrum, rotation=rotation)
    columns = []
    for direction in np.eye(8):
        g = np.empty(8)
        problem.grad(problem.x_min + direction, g, *problem.args)
        columns.append(g)
    eigenvalues = np.linalg.eigvalsh(columns)
    assert eigenvalues[[0, -1]] == pytest.approx([1.0, 1e3], rel=1e-9)
    ratios = eigenvalues[1:] / eigenvalues[:-1]
    if spectrum == "log":
        np.testing.assert_allclose(ratios, 1e3 ** (1.0 / 7.0), rtol=1e-9)
    else:
        assert np.sum(ratios > 1.1) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"condition": 0.5}, "condition must be in"),
        ({"condition": 2.0, "spectrum": "flat"}, "spectrum must be one of"),
        ({"condition": 2.0, "rotation": "givens"}, "rotation must be one of"),
    ],
)
def test_quadratic_names_the_mistake(options, message):
    with pytest.raises(ValueError, match=message):
        convex_quadratic(4, **options)


def test_nesterov_worst_keeps_its_promises():
    k, lipschitz = 9, 3.0
    problem = nesterov_worst(12, k=k, lipschitz=lipschitz)
    g = np.empty(12)
    assert problem.fun_and_grad(problem.x_min, g, *problem.args) == pytest.approx(problem.f_min)
    np.testing.assert_allclose(g, 0.0, atol=1e-15)

    columns = []
    for direction in np.eye(12):
        problem.grad(problem.x_min + direction, g, *problem.args)
        columns.append(g.copy())
    largest = lipschitz * np.cos(np.pi / (2 * k + 2)) ** 2
    assert np.linalg.eigvalsh(columns)[-1] == pytest.approx(largest)


@pytest.mark.parametrize("t", [1, 4, 20])
def test_nesterov_worst_keeps_its_bound(t):
    problem = nesterov_worst(2 * t + 1)
    # The minimizer over the first t variables is that of the shorter chain.
    best = nesterov_worst(problem.n, k=t).x_min
    gap = problem.fun(best, *problem.args) - problem.f_min
    assert gap >= 3.0 * np.sum((problem.x0 - problem.x_min) ** 2) / (32.0 * (t + 1) ** 2)


def test_nesterov_worst_names_the_mistake():
    with pytest.raises(ValueError, match=r"k must be in \[1, 5\], got 6"):
        nesterov_worst(5, k=6)
    with pytest.raises(ValueError, match="lipschitz must be in"):
        nesterov_worst(5, lipschitz=0.0)


def run(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_import_loads_neither_numba_nor_scikit_learn():
    code = (
        "import sys; from fastmomentum import problems; problems.get('wood'); problems.names(); "
        "sys.exit('numba' in sys.modules or 'sklearn' in sys.modules)"
    )
    done = run(code)
    assert done.returncode == 0, done.stderr


def test_compiled_without_numba_is_plain_python():
    code = (
        "from fastmomentum import problems; p = problems.get('wood'); fun, grad = p.compiled(); "
        "assert fun is p.fun and grad is p.grad and p.compiled('fused') is p.fun_and_grad"
    )
    done = run(code, NUMBA_DISABLE_JIT="1")
    assert done.returncode == 0, done.stderr
