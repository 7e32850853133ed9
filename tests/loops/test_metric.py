"""The diagonal metric of the automatic momentum: learned, started by x_scale, or a method's own."""

import copy
import functools
import math

import numpy as np
import objectives
import pytest
import reference
from constants import other_constants

from benchmarks import holdout
from fastmomentum import Status, minimize
from fastmomentum._check.arguments import check_method
from fastmomentum._check.options import check_options
from fastmomentum._language import layout
from fastmomentum._methods import METHODS
from fastmomentum._minimize.run import Run
from fastmomentum._problem.objective import Objective

ADAPTIVE = tuple(name for name, method in METHODS.items() if method.metric is not None)
adaptive = pytest.mark.parametrize("method", ADAPTIVE)


@functools.cache
def load(name):
    return holdout.ALL.get(name)


def rescaled(name, scale):
    """The function of z = x / scale as a Python function that returns (f, g), and its start."""
    problem = load(name)
    fused = problem.compiled("fused")

    def fun(z):
        gradient = np.empty_like(z)
        value = fused(scale * z, gradient, *problem.args)
        return value, scale * gradient

    return fun, problem.x0 / scale


def begin(fun, x0, method="momentum", args=(), **options):
    """A run before its first step, whose state can be looked at."""
    x0 = np.array(x0)
    settings = check_options(check_method(method), None, options, x0)
    run = Run(Objective(fun, True, args, x0, "auto"), settings, x0)
    run.start()
    return run


def ints(run, name):
    return int(run.ints[getattr(layout.INT, name)])


def floats(run, name):
    return float(run.floats[getattr(layout.FLOAT, name)])


# -- x_scale ---------------------------------------------------------------------------------------

SCALED = ("rosenbrock-10", "wood", "brown_dennis", "logistic_iris", "tv_1d-200", "levy-4")
SMOOTH = ("rosenbrock-10", "wood", "brown_dennis", "logistic_iris", "tv_1d-200")


@pytest.mark.parametrize("memory", (1, 10))
@pytest.mark.parametrize("name", SCALED)
def test_rescaled_variables_with_their_scale_are_the_same_run(name, memory, rng):
    """Powers of two, bit by bit: also the first step, the metric learned, and each trial."""
    n = load(name).n
    scale = 2.0 ** rng.integers(-6, 7, n)
    options = {"memory": memory, "gtol": 0.0, "maxiter": 50, "return_all": True, "history": True}
    fun, x0 = rescaled(name, np.ones(n))
    by_scale = minimize(fun, x0, jac=True, options={"x_scale": scale, **options})
    fun, z0 = rescaled(name, scale)
    plain = minimize(fun, z0, jac=True, options={"x_scale": 1.0, **options})
    assert by_scale.nit == plain.nit > 15
    assert by_scale.nfev == plain.nfev
    assert np.array_equal(by_scale.allvecs, scale * np.array(plain.allvecs))
    assert np.array_equal(by_scale.history["fun"], plain.history["fun"])
    # The scale does matter.
    other = minimize(fun, z0, jac=True, options={"x_scale": scale, **options})
    assert not np.array_equal(other.history["fun"], plain.history["fun"])


@pytest.mark.parametrize("number", (0.25, 4096.0, np.float32(2.0), np.array(8), [16.0], 1))
@pytest.mark.parametrize("name", SCALED)
def test_one_number_for_all_variables_changes_nothing(name, number):
    problem = load(name)
    runs = [
        minimize(
            problem.compiled("fused"),
            problem.x0,
            args=problem.args,
            jac=True,
            options={"x_scale": x_scale, "return_all": True},
        )
        for x_scale in (1.0, number, np.full(problem.n, number))
    ]
    for run in runs[1:]:
        assert np.array_equal(run.allvecs, runs[0].allvecs)
        assert run.nfev == runs[0].nfev


@pytest.mark.parametrize("number", ("auto", 1.0, 3.7, 1e-3))
@pytest.mark.parametrize("name", SMOOTH)
def test_any_number_for_all_variables_is_the_default(name, number):
    """Up to rounding; x0 gives the first step its length, not the number."""
    problem = load(name)
    default, other = (
        minimize(
            problem.compiled("fused"),
            problem.x0,
            args=problem.args,
            jac=True,
            options={"return_all": True, "maxiter": 8, **options},
        )
        for options in ({}, {"x_scale": number})
    )
    assert other.nfev == default.nfev
    np.testing.assert_allclose(other.allvecs, default.allvecs, rtol=1e-6, atol=1e-9)


def test_the_run_starts_from_x_scale():
    """The first step is along -x_scale**2 grad(x0)."""
    scale = np.array([1.0, 10.0, 0.1])
    d, b = np.array([1.0, 2.0, 3.0]), np.array([1.0, -1.0, 2.0])
    fun, _ = objectives.style("quadratic", "fused")
    x0 = np.array([0.5, 4.0, -0.2])
    options = {"x_scale": scale, "maxiter": 1, "return_all": True}
    result = minimize(fun, x0, args=(d, b), jac=True, options=options)
    direction = scale**2 * (d * x0 - b)
    step = x0 - result.allvecs[1]
    np.testing.assert_allclose(step / direction, step[0] / direction[0], rtol=1e-12)
    # An array of the caller's is not kept.
    scale[:] = 1.0
    again = minimize(fun, x0, args=(d, b), jac=True, options=options)
    assert not np.allclose(again.allvecs[1], result.allvecs[1])


def test_a_good_scale_spares_evaluations():
    """Variables of sizes from 1e-3 to 1e3, known or not."""
    gains = []
    for name in ("broyden_tridiagonal-100", "logistic_wine", "hager-100", "bdqrtic-100"):
        size = np.resize(np.logspace(-3.0, 3.0, 7), load(name).n)
        known, unknown = (evaluations(name, 1.0 / size, x_scale=s) for s in (size, "auto"))
        gains.append(unknown / known)
        # What is left is the problem itself.
        assert known == evaluations(name, np.ones(size.size), x_scale=1.0)
    assert min(gains) >= 1.5, gains


def sphere(n=3, dtype=np.float64, method="momentum", **options):
    fun, jac = objectives.style("sphere", "fused")
    return minimize(fun, np.ones(n, dtype), jac=jac, method=method, options=options)


@pytest.mark.parametrize(
    ("value", "error", "words"),
    [
        ("Auto", ValueError, "got 'Auto'"),
        ("1.0", ValueError, "got '1.0'"),
        ("", ValueError, "got ''"),
        (None, TypeError, "got dtype object: None"),
        (True, TypeError, "got dtype bool: True"),
        ([True, True, True], TypeError, "got"),
        (["1", "2", "3"], TypeError, "got"),
        (1j, TypeError, "got dtype complex128: 1j"),
        (np.ones(3, complex), TypeError, "got"),
        ({1.0}, TypeError, "got"),
        (lambda k: 1.0, TypeError, "got"),
        ([1.0, 2.0], ValueError, r"got shape \(2,\)"),
        (np.ones((3, 1)), ValueError, r"got shape \(3, 1\)"),
        (np.ones((1, 3)), ValueError, r"got shape \(1, 3\)"),
        ([[1.0], [2.0, 3.0]], ValueError, "inhomogeneous"),
        ([], ValueError, r"got shape \(0,\)"),
        (0, ValueError, r"x_scale\[0\] = 0\.0"),
        (-1.0, ValueError, r"x_scale\[0\] = -1\.0"),
        (math.nan, ValueError, r"x_scale\[0\] = nan"),
        (math.inf, ValueError, r"x_scale\[0\] = inf"),
        ([1.0, 2.0, -3.0], ValueError, r"x_scale\[2\] = -3\.0"),
        ([1.0, math.nan, -3.0], ValueError, r"x_scale\[1\] = nan"),
        (np.ma.array([1.0, 2.0, 3.0], mask=[0, 1, 0]), ValueError, "got a masked entry"),
        (np.timedelta64(3, "s"), TypeError, "got dtype timedelta64"),
        ([1.0, 2.0, math.inf], ValueError, r"x_scale\[2\] = inf"),
        ([1.0, 1e-200, 1.0], ValueError, r"in float64, got x_scale\[1\] = 1e-200"),
        ([1.0, 1e200, 1.0], ValueError, r"in float64, got x_scale\[1\] = 1e\+200"),
    ],
)
def test_invalid_x_scale(value, error, words):
    rule = "^x_scale must be 'auto', a positive number, or an array of 3 of them"
    with pytest.raises(error, match=rf"{rule}.*{words}"):
        sphere(x_scale=value)


@pytest.mark.parametrize("value", (1e-25, 1e25))
def test_x_scale_is_checked_in_the_precision_of_the_run(value):
    with pytest.raises(ValueError, match=r"finite in float32, got x_scale\[0\] = [19]"):
        sphere(dtype=np.float32, x_scale=value)
    assert sphere(x_scale=value).success
    assert sphere(dtype=np.float32, x_scale=[1, 2, 3]).success


def test_x_scale_where_it_has_no_meaning():
    for rate in (0.1, lambda k: 0.1):
        for value in ("auto", 1.0, np.ones(3)):
            with pytest.raises(
                ValueError, match=r"^x_scale is an option of learning_rate='auto' o"
            ):
                sphere(x_scale=value, learning_rate=rate)
    for method in set(METHODS) - {"momentum"}:
        with pytest.raises(ValueError, match=f"method '{method}' has no option 'x_scale'"):
            sphere(x_scale=1.0, method=method)


# -- the decision, beside a plain one --------------------------------------------------------------


class Learned:
    """The learned metric as its description says, in plain NumPy: pairs in, metric out."""

    def __init__(self, n, x_scale=None):
        self.start = np.ones(n) if x_scale is None else np.asarray(x_scale) ** 2
        self.metric = self.start
        self.steps, self.changes = np.zeros(n), np.zeros(n)
        self.candidate = None
        self.scores = {}
        self.judged = -1
        self.next = 2
        self.pairs = 0
        self.adopted = []

    def take(self, s, y, sy):
        """One pair; returns the scale of the direction."""
        self.pairs += 1
        if self.judged >= 0:
            self.judge(s, y, sy)
        self.steps += s**2 / sy
        self.changes += y**2 / sy
        if self.judged < 0 and self.pairs >= self.next:
            with np.errstate(all="ignore"):
                r = np.sqrt(self.steps / self.changes)
            r /= np.sqrt((self.steps / self.start).sum() / (self.changes * self.start).sum())
            self.candidate = np.where((r > 0.0) & np.isfinite(r), r, self.start)
            self.scores = dict.fromkeys(("kept", "root", "full", "start"), 0.0)
            self.judged = 0
        return sy / (y @ (self.metric * y))

    def judge(self, s, y, sy):
        metrics = {
            "kept": self.metric,
            "root": np.sqrt(self.candidate * self.start),
            "full": self.candidate,
            "start": self.start,
        }
        for name, m in metrics.items():
            self.scores[name] += np.log(sy**2 / ((s @ (s / m)) * (y @ (m * y))))
        self.judged += 1
        rivals = ("root", "full", "start")
        lead = max(self.scores[name] for name in rivals) - self.scores["kept"]
        if self.judged < 6 and lead <= 3.0:
            return
        chosen = "kept"
        for name in rivals:
            if self.scores[name] > self.scores[chosen] + 1.2:
                chosen = name
        self.adopted.append(chosen)
        self.metric = metrics[chosen]
        self.judged = -1
        self.next = int(1.3 * self.pairs + 1e-9)


FOLLOWED = (
    "quadratic_rotated_log_1e2-100",
    "quadratic_diagonal_log_1e4-100",
    "rosenbrock-10",
    "wood",
    "brown_dennis",
    "logistic_iris",
    "logistic_wine",
    "tv_1d-200",
    "osborne_2",
)


def follow(run, plain, iterations=150):
    """Feed the pairs of a run to the plain metric, and compare after each iteration."""
    pairs = layout.PAIRS + 2 * ints(run, "MEMORY")
    rtol = 1e-7
    for k in range(1, iterations):
        seen, failures = ints(run, "PAIRS_SEEN"), ints(run, "LINE_SEARCH_FAILURES")
        if run.advance(k) != layout.RUNNING:
            break
        assert ints(run, "PAIRS_SEEN") - seen <= 1
        if ints(run, "LINE_SEARCH_FAILURES") > failures:
            break
        if ints(run, "PAIRS_SEEN") == seen:
            continue
        j = (ints(run, "HEAD") - 1) % ints(run, "MEMORY")
        s, y = (run.row(layout.PAIRS + 2 * j + i).astype(float) for i in (0, 1))
        scale = plain.take(s, y, 1.0 / run.floats[layout.OWN + j])
        assert floats(run, "SCALE") == pytest.approx(scale, rel=rtol)
        assert ints(run, "JUDGED") == plain.judged
        assert ints(run, "NEXT_CANDIDATE") == plain.next
        in_use = ints(run, "METRIC_IN_USE")
        if in_use == 0:
            assert np.array_equal(plain.metric, np.ones(run.n))
        else:
            assert in_use in (pairs + layout.METRIC_ROW, pairs + layout.START_ROW)
            np.testing.assert_allclose(run.row(in_use), plain.metric, rtol=rtol)
        if plain.judged >= 0:
            found = run.row(pairs + layout.CANDIDATE_ROW)
            np.testing.assert_allclose(found, plain.candidate, rtol=rtol)
            for name, value in plain.scores.items():
                found = floats(run, f"SCORE_{name.upper()}")
                assert found == pytest.approx(value, rel=1e-6, abs=1e-6)
    return plain.adopted


@pytest.mark.parametrize("memory", (1, 10))
@pytest.mark.parametrize("scaled", (False, True))
@pytest.mark.parametrize("name", FOLLOWED)
def test_decisions_are_those_of_the_plain_metric(name, scaled, memory, rng):
    problem = load(name)
    options = {"memory": memory, "gtol": 0.0}
    x_scale = 10.0 ** rng.uniform(-1.0, 1.0, problem.n) if scaled else None
    if scaled:
        options["x_scale"] = x_scale
    run = begin(problem.compiled("fused"), problem.x0, args=problem.args, **options)
    adopted = follow(run, Learned(problem.n, x_scale))
    assert ints(run, "PAIRS_SEEN") >= 5
    assert adopted


@pytest.mark.parametrize("scaled", (False, True))
def test_a_variable_that_never_moves_counts_as_at_the_start(scaled):
    d = np.logspace(0.0, 3.0, 20) * (np.arange(20) % 7 != 3)
    x_scale = np.linspace(1.0, 3.0, 20) if scaled else None
    options = {"x_scale": x_scale} if scaled else {}
    run = begin(diagonal(d), np.ones(20) + np.cos(np.arange(20)), gtol=1e-8, **options)
    plain = Learned(20, x_scale)
    assert {"root", "full"} & set(follow(run, plain))
    assert np.array_equal(plain.candidate[d == 0.0], plain.start[d == 0.0])


def test_every_decision_occurs(rng):
    """The comparison above is of all ways through the code: a start is left, and returned to."""
    adopted = []
    for name in ("quadratic_diagonal_log_1e4-100", "rosenbrock-10", "tv_1d-200", "wood"):
        problem = load(name)
        for spread in (0.0, 1.0, 3.0):
            x_scale = 10.0 ** rng.uniform(-spread, spread, problem.n)
            run = begin(problem.compiled("fused"), problem.x0, args=problem.args, x_scale=x_scale,
                        gtol=0.0)  # fmt: skip
            adopted += follow(run, Learned(problem.n, x_scale), 300)
    assert set(adopted) == {"kept", "root", "full", "start"}


def test_a_line_search_failure_goes_back_to_the_start():
    """The metric may be to blame."""
    d = np.logspace(0.0, 4.0, 30)

    def fun(x):
        g = d * x
        return (float(x @ g), 2.0 * g) if sound else (math.nan, g)

    sound = True
    run = begin(fun, np.ones(30) + np.cos(np.arange(30)), x_scale=np.linspace(1.0, 2.0, 30))
    k = 0
    while ints(run, "METRIC_IN_USE") == ints(run, "METRIC_START") or ints(run, "COUNT") == 0:
        k += 1
        assert run.advance(k) == layout.RUNNING
    sound = False
    run.advance(k + 1)
    assert ints(run, "LINE_SEARCH_FAILURES") > 0
    assert ints(run, "METRIC_IN_USE") == ints(run, "METRIC_START") != 0


# -- what it is for --------------------------------------------------------------------------------


def diagonal(d):
    def fun(x):
        gradient = d * x
        return 0.5 * float(x @ gradient), gradient

    return fun


@pytest.mark.parametrize("n", (100, 300, 1000))
@pytest.mark.parametrize("condition", (1e6, 1e8))
def test_diagonal_quadratics_take_few_evaluations(n, condition, rng):
    """About as many for any n and condition; without the metric, hundreds or thousands."""
    d = rng.permutation(np.logspace(0.0, math.log10(condition), n))
    x0 = rng.standard_normal(n)
    result = minimize(diagonal(d), x0, jac=True, options={"maxfev": 5000})
    assert result.success
    assert result.nfev <= 25
    run = begin(diagonal(d), x0, maxfev=250, memory=10)
    without_metric(run)
    assert run.advance(10**6) == Status.MAXFEV


def without_metric(run):
    """Switch learning off."""
    run.ints[layout.INT.NEXT_CANDIDATE] = 2**62


RESCALED = (
    "rosenbrock-10", "rosenbrock-100", "wood", "beale", "kowalik_osborne", "osborne_1", "bard",
    "logistic_iris", "logistic_wine", "quadratic_diagonal_log_1e2-100",
    "quadratic_rotated_log_1e2-100", "hager-100", "tv_1d-200", "watson", "powell_singular",
    "penalty_1-10", "trigonometric-10",
)  # fmt: skip


def evaluations(name, scale, metric=True, budget=5000, **options):
    """Until the gradient of the variables scale * z, for a run in z, is at most 1e-5."""
    problem = load(name)
    fused = problem.compiled("fused")
    calls = hit = 0

    def fun(z):
        nonlocal calls, hit
        calls += 1
        gradient = np.empty_like(z)
        value = fused(scale * z, gradient, *problem.args)
        if not hit and np.abs(gradient).max() <= 1e-5:
            hit = calls
            gradient[:] = 0.0  # the end
        return value, scale * gradient

    run = begin(fun, problem.x0 / scale, maxfev=budget, gtol=0.0, **options)
    if not metric:
        without_metric(run)
    with np.errstate(all="ignore"):
        run.advance(10**6)
    return hit or budget


def mean(values):
    return math.exp(math.fsum(map(math.log, values)) / len(values))


@pytest.mark.parametrize(("spread", "factor", "gain"), ((1.0, 1.6, 2.0), (2.0, 2.2, 3.0)))
def test_rescaled_variables_cost_little(spread, factor, gain, rng):
    """Sizes between 10**-spread and 10**spread, at random, unknown to the method."""
    costs, gains = [], []
    for name in RESCALED:
        n = load(name).n
        plain = evaluations(name, np.ones(n))
        for _ in range(2):
            scale = 10.0 ** rng.uniform(-spread, spread, n)
            found = evaluations(name, scale)
            costs.append(found / plain)
            gains.append(evaluations(name, scale, metric=False) / found)
    assert mean(costs) <= factor, mean(costs)
    assert mean(gains) >= gain, mean(gains)


# -- edges -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", (np.float64, np.float32))
@pytest.mark.parametrize("x_scale", ("auto", 3.0))
def test_one_variable_has_no_metric_to_learn(x_scale, dtype):
    def fun(x):
        return float(np.float64(x[0]) ** 4 - x[0]), 4.0 * x**3 - 1.0

    run = begin(fun, np.array([3.0], dtype), x_scale=x_scale)
    assert run.advance(1000) == 0
    assert ints(run, "METRIC_IN_USE") == ints(run, "METRIC_START")
    assert ints(run, "PAIRS_SEEN") > 4
    assert run.row(ints(run, "RESULT"))[0] == pytest.approx(0.25 ** (1 / 3), abs=1e-3)


@pytest.mark.parametrize("method", ("momentum", *ADAPTIVE))
@pytest.mark.parametrize("dtype", (np.float64, np.float32))
def test_a_variable_without_effect_stays(method, dtype):
    """Its step and its change are 0 in all pairs: 0 / 0 in its entry of the metric."""
    d = np.logspace(0.0, 3.0, 20).astype(dtype)
    d[[0, 7, 19]] = 0.0

    def fun(x):
        return 0.5 * float(x @ (d * x)), d * x

    x0 = np.linspace(1.0, 2.0, 20).astype(dtype)
    for options in ({}, {"x_scale": np.linspace(1.0, 3.0, 20)}):
        if options and method != "momentum":
            continue
        result = minimize(fun, x0, jac=True, method=method, options=options)
        assert result.success
        assert result.x.dtype == dtype
        assert np.array_equal(result.x[d == 0.0], x0[d == 0.0])


@pytest.mark.parametrize("method", ("momentum", *ADAPTIVE))
def test_a_variable_at_its_minimum_does_not_move(method):
    """Alone of all, it starts where its gradient is zero."""
    d = np.logspace(0.0, 4.0, 50)
    x0 = np.ones(50)
    x0[30] = 0.0
    result = minimize(diagonal(d), x0, jac=True, method=method)
    assert result.success
    assert result.x[30] == 0.0
    assert np.abs(result.jac).max() <= 1e-5


def test_learning_in_float32(rng):
    """The metric learned is as good, and rounding does not end the run."""
    d = rng.permutation(np.logspace(0.0, 4.0, 200)).astype(np.float32)
    x0 = rng.standard_normal(200).astype(np.float32)

    def fun(x):
        return 0.5 * float(np.float64(x) @ (d * x)), d * x

    result = minimize(fun, x0, jac=True, options={"maxfev": 300})
    assert result.success
    assert result.x.dtype == np.float32
    assert result.nfev <= 80


# -- the adaptive methods' diagonals ---------------------------------------------------------------


def constants_of(method):
    """Others than the defaults, of those that its metric takes, which has no beta1.

    The metric is what the rule's step is, rate * diagonal * g, with beta1 = 0 (its bias is 1 then).
    """
    own, chosen = other_constants(method), METHODS[method]
    return {name: value for name, value in own.items() if not chosen.chooses_without(name)}


def diagonals(method, gradients, steps, **own):
    """What the metric's text gives for these gradients and the steps to them."""
    chosen = METHODS[method]
    constants = [own.get(p.name, math.nan) for p in chosen.constants]
    n = len(gradients[0])
    kept = np.zeros((len(chosen.metric_vectors), n))
    found = []
    for count, (g, step) in enumerate(zip(gradients, steps, strict=True), 1):
        diagonal = np.empty(n)
        for i in range(n):
            diagonal[i], kept[:, i] = chosen.metric(
                g[i], step[i], kept[:, i], count, constants, 0.0, 1.0
            )
        found.append(diagonal)
    return found


@adaptive
def test_the_metric_is_the_diagonal_of_the_rule(method, rng):
    """With beta1 = 0 the rule moves by -learning_rate * diagonal * grad(x), after bias correction.

    Adadelta's diagonal takes in the step to the new gradient, which the rule knows one step later.
    """
    gradients = rng.standard_normal((12, 4))
    gradients[:, 2] *= 100.0
    own = constants_of(method)
    more = {"beta1": 0.0} if "beta1" in METHODS[method].parameter_names else {}
    remaining = iter(gradients)
    points = getattr(reference, method)(
        lambda x: next(remaining), np.zeros(4), 1.0, 12, **own, **more
    )
    moves = np.diff(points, axis=0)
    if method == "adadelta":
        # Numerator of the steps before, denominator of the gradients up to now.
        found = diagonals(method, gradients, np.vstack([np.zeros(4), moves[:-1]]), **own)
    else:
        found = diagonals(method, gradients, np.full((12, 4), np.nan), **own)
    np.testing.assert_allclose(moves, -np.array(found) * gradients, rtol=1e-12)


@adaptive
def test_the_loop_uses_that_metric(method):
    """Rows of a compiled run: the metric over the gradients at the ends of its velocities."""
    problem = load("wood")
    own = {"epsilon": 1e-3} if "epsilon" in METHODS[method].parameter_names else {}
    run = begin(problem.compiled("fused"), problem.x0, method, problem.args, gtol=0.0, **own)
    own = {p.name: p.default for p in METHODS[method].constants} | own
    row = layout.PAIRS + 2 * ints(run, "MEMORY") + layout.METRIC_ROW
    gradients, steps = [], []
    for k in range(1, 40):
        seen = ints(run, "PAIRS_SEEN")
        before = run.row(layout.N_POINTS + ints(run, "BASE")).copy()
        assert run.advance(k) == layout.RUNNING
        if ints(run, "PAIRS_SEEN") == seen:
            continue
        j = (ints(run, "HEAD") - 1) % ints(run, "MEMORY")
        s, y = (run.row(layout.PAIRS + 2 * j + i).copy() for i in (0, 1))
        gradients.append(before + y)
        steps.append(s)
        expected = diagonals(method, gradients, steps, **own)[-1]
        # g is before + y where both are of this step; a pair from the last real point differs.
        if not np.allclose(run.row(row), expected, rtol=1e-6):
            candidates = [run.row(layout.N_POINTS + i).copy() for i in range(layout.N_POINTS)]
            for g in candidates:
                gradients[-1] = g
                expected = diagonals(method, gradients, steps, **own)[-1]
                if np.allclose(run.row(row), expected, rtol=1e-6):
                    break
        np.testing.assert_allclose(run.row(row), expected, rtol=1e-6)
        in_metric = y @ (run.row(row) * y)
        assert floats(run, "SCALE") == pytest.approx(1.0 / run.floats[layout.OWN + j] / in_metric)
        assert ints(run, "METRIC_IN_USE") == row
    assert len(gradients) > 25


@adaptive
@pytest.mark.parametrize(
    "name", ("rosenbrock-100", "logistic_wine", "quadratic_rotated_log_1e2-100", "tv_2d-1024")
)
def test_automatic_rate_of_the_adaptive_methods(name, method):
    """One problem of each group, compiled and from Python: the same bits."""
    problem = load(name)
    fused = problem.compiled("fused")
    plain, python = (
        minimize(fused, problem.x0, args=problem.args, jac=True, method=method,
                 options={"backend": backend, "history": True})
        for backend in ("numba", "python")
    )  # fmt: skip
    assert (plain.backend, python.backend) == ("numba", "python")
    assert plain.success and plain.status == 0
    gradient = np.empty(problem.n)
    assert fused(plain.x, gradient, *problem.args) == plain.fun
    assert np.abs(gradient).max() == plain.grad_norm <= 1e-5
    assert np.array_equal(plain.x, python.x)
    assert (plain.nit, plain.nfev) == (python.nit, python.nfev)
    for key, values in plain.history.items():
        assert np.array_equal(values, python.history[key], equal_nan=True)
    assert (plain.history["learning_rate"] > 0.0).all()


@adaptive
def test_parameters_matter_to_the_automatic_rate(method):
    problem = load("rosenbrock-10")
    runs = [
        minimize(problem.compiled("fused"), problem.x0, args=problem.args, jac=True,
                 method=method, options=own)
        for own in ({}, constants_of(method), {"memory": 3})
    ]  # fmt: skip
    assert all(run.success for run in runs)
    assert len({run.fun for run in runs}) == 3


def test_nadam_is_adam_with_the_automatic_rate():
    """They differ in the momentum, which is chosen for both."""
    problem = load("wood")
    adam, nadam = (
        minimize(problem.compiled("fused"), problem.x0, args=problem.args, jac=True, method=method)
        for method in ("adam", "nadam")
    )
    assert np.array_equal(adam.x, nadam.x)
    assert adam.nfev == nadam.nfev


def test_runs_with_the_same_settings_share_no_state():
    """The metric of one run is not the start of the next."""
    problem = load("quadratic_diagonal_log_1e4-100")
    options = {"x_scale": np.linspace(1.0, 2.0, problem.n)}
    fused = problem.compiled("fused")
    runs = [
        minimize(fused, problem.x0, args=problem.args, jac=True, options=copy.deepcopy(options))
        for _ in range(2)
    ]
    assert np.array_equal(runs[0].x, runs[1].x)
    assert runs[0].nfev == runs[1].nfev
