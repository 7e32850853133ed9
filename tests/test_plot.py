"""Pictures: what is drawn is what was recorded."""

import numpy as np
import pytest
from processes import run_python
from scipy.optimize import rosen, rosen_der

from fastmomentum import minimize, plot, problems

pyplot = pytest.importorskip("matplotlib.pyplot")
OPTIONS = {"history": True, "return_all": True}


@pytest.fixture(name="runs", scope="module")
def _runs():
    return {
        method: minimize(rosen, [-1.2, 1.0], jac=rosen_der, method=method, options=OPTIONS)
        for method in ("momentum", "gd")
    }


@pytest.fixture(autouse=True)
def _close():
    yield
    pyplot.close("all")


@pytest.mark.parametrize("quantity", ["grad_norm", "fun", "learning_rate"])
def test_convergence(runs, quantity):
    ax = plot.convergence(runs, quantity=quantity, f_min=0.0)
    assert [line.get_label() for line in ax.get_lines()] == ["momentum", "gd"]
    for line, result in zip(ax.get_lines(), runs.values(), strict=True):
        values = result.history[quantity]
        assert np.array_equal(line.get_ydata()[values > 0.0], values[values > 0.0])
    assert ax.get_yscale() == "log"


def test_convergence_from_the_lowest_value(runs):
    ax = plot.convergence([runs["momentum"], runs["gd"]], quantity="fun")
    lowest = min(result.history["fun"].min() for result in runs.values())
    values = [line.get_ydata() for line in ax.get_lines()]
    assert np.nanmin(np.concatenate(values)) > 0.0
    assert values[0][0] == runs["momentum"].history["fun"][0] - lowest
    assert [line.get_label() for line in ax.get_lines()] == ["run 0", "run 1"]


def test_axes_that_are_given(runs):
    _, axes = pyplot.subplots(1, 3)
    assert plot.convergence(runs["gd"], ax=axes[0]) is axes[0]
    assert axes[0].get_legend() is None
    assert plot.path(rosen, runs, ax=axes[1]) is axes[1]
    assert plot.profile({"a": [1.0]}, ax=axes[2]) is axes[2]


def test_path(runs):
    ax = plot.path(problems.get("rosenbrock"), runs)
    way, end = ax.get_lines()[:2]
    assert np.array_equal(way.get_xydata(), np.array(runs["momentum"].allvecs))
    assert np.array_equal(end.get_xydata()[0], runs["momentum"].allvecs[-1])
    (low_x, high_x), (low_y, high_y) = ax.get_xlim(), ax.get_ylim()
    for result in runs.values():
        x, y = np.array(result.allvecs).T
        assert low_x < x.min() and x.max() < high_x and low_y < y.min() and y.max() < high_y


def test_path_over_a_function_that_is_not_finite_everywhere():
    def fun(x):
        return np.log(x[0]) ** 2 + x[1] ** 2, np.array([2.0 * np.log(x[0]) / x[0], 2.0 * x[1]])

    run = minimize(fun, [0.2, 1.0], jac=True, options=OPTIONS)
    assert run.success
    plot.path(lambda x: fun(x)[0] if x[0] > 0.5 else np.nan, run)


def test_profile():
    ax = plot.profile(
        {"a": [10, 20, np.inf, 5], "b": [20, 10, np.inf, np.nan], "c": [np.inf, 40, 7, 5]}
    )
    lines = {line.get_label(): line.get_xydata() for line in ax.get_lines()}
    # By hand: the multiples are (1, 2, inf, 1), (2, 1, inf), (inf, 4, 1, 1).
    assert lines["a"][0].tolist() == [1.0, 0.5] and lines["a"][-1].tolist() == [64.0, 0.75]
    assert lines["b"][0].tolist() == [1.0, 1 / 3] and lines["b"][-1].tolist() == [64.0, 2 / 3]
    assert lines["c"].tolist()[-2:] == [[4.0, 0.75], [64.0, 0.75]]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda r: plot.convergence(r, quantity="f"), "quantity must be one of grad_norm, fun"),
        (lambda r: plot.convergence({"x": 1.0, "history": 0}, quantity="f"), "quantity must be"),
        (lambda r: plot.convergence(minimize(rosen, [0.0, 0.0])), "this one has no history"),
        (lambda r: plot.path(rosen, [minimize(rosen, [0.0, 0.0])]), "run 0 has no allvecs"),
        (lambda r: plot.path(rosen, minimize(rosen, [0.0] * 3, options=OPTIONS)), "got 3"),
        (lambda r: plot.profile({}), "as many numbers for each"),
        (lambda r: plot.profile({"a": [1.0], "b": [1.0, 2.0]}), "as many numbers for each"),
        (lambda r: plot.profile({"a": [1.0, -2.0]}), "costs must be positive, got -2"),
    ],
)
def test_bad_arguments(runs, call, words):
    with pytest.raises(ValueError, match=words):
        call(runs)


def test_without_matplotlib():
    code = """
    import sys
    sys.modules["matplotlib"] = None
    from fastmomentum import plot
    try:
        plot.profile({"a": [1.0]})
    except ImportError as error:
        print(error)
    """
    assert "pip install fastmomentum[plot]" in run_python(code).stdout
