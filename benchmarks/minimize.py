"""Whole solves: time, with evaluations and error beside it, so that a faster wrong answer shows."""

from __future__ import annotations

from fastmomentum import minimize

from .common import METHODS, PROBLEMS, SCIPY_METHODS, lowest_value, solve, solve_scipy


class Solve:
    """Each method on each problem, warm."""

    params = (METHODS, tuple(PROBLEMS))
    param_names = ("method", "problem")
    run = staticmethod(solve)

    def setup(self, method, name):
        self.problem = PROBLEMS[name]()
        # Compiles or loads, so that the timer sees warm calls only.
        self.run(self.problem, method)

    def time_solve(self, method, name):
        self.run(self.problem, method)

    def track_nfev(self, method, name):
        return int(self.run(self.problem, method).nfev)

    def track_error(self, method, name):
        # Zero would vanish from asv's logarithmic plots.
        return max(float(self.run(self.problem, method).fun) - lowest_value(name), 1e-16)

    track_nfev.unit = "evaluations"
    track_error.unit = "fun - minimum"


class SolveSciPy(Solve):
    """The baselines: SciPy on the same compiled objectives, stopped by the same rule."""

    params = (SCIPY_METHODS, tuple(PROBLEMS))
    run = staticmethod(solve_scipy)


class Calls:
    """The fixed cost of a call, and the cost of a Python callback."""

    def setup(self):
        self.problem = PROBLEMS["rosenbrock-2"]()
        self.time_short_call()
        self.time_callback_1000_iterations()

    def time_short_call(self):
        solve(self.problem, "momentum", learning_rate=1e-4, maxiter=10)

    def time_callback_1000_iterations(self):
        minimize(
            self.problem.fun,
            self.problem.x0,
            jac=True,
            method="momentum",
            callback=_ignore,
            options={"learning_rate": 1e-4, "maxiter": 1000, "gtol": 0.0},
        )


def _ignore(x):
    pass
