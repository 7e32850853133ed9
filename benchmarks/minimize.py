"""Whole solves: time, with evaluations and error beside it, so that a faster wrong answer shows."""

from __future__ import annotations

from fastmomentum import minimize

from .common import PROBLEMS, SCIPY_METHODS, SOLVERS, lowest_value, solve, solve_scipy


class Solve:
    """The automatic methods and each method at a fixed rate, on each problem, warm."""

    params = (SOLVERS, tuple(PROBLEMS))
    param_names = ("solver", "problem")
    run = staticmethod(solve)

    def setup(self, solver, name):
        self.problem = PROBLEMS[name]()
        # Compiles or loads, so that the timer sees warm calls only.
        self.run(self.problem, solver)

    def time_solve(self, solver, name):
        self.run(self.problem, solver)

    def track_nfev(self, solver, name):
        return int(self.run(self.problem, solver).nfev)

    def track_error(self, solver, name):
        # Zero would vanish from asv's logarithmic plots.
        return max(float(self.run(self.problem, solver).fun) - lowest_value(name), 1e-16)

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
