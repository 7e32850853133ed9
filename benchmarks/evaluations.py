"""Evaluations that the methods need, with how many problems they solve: no times, no noise."""

from __future__ import annotations

from fastmomentum import minimize

NAMES = (
    "rosenbrock-2",
    "rosenbrock-100",
    "beale",
    "wood",
    "gaussian",
    "powell_singular-100",
    "trigonometric-10",
    "quadratic_diagonal_log_1e4-100",
    "quadratic_rotated_log_1e4-10",
    "diagonal_1-100",
    "fletchcr-100",
)
BUDGET = 5000


class Evaluations:
    """With an automatic rate, to the default gtol within a budget."""

    params = (("momentum", "nesterov", "gd", "adam"),)
    param_names = ("method",)
    timeout = 300

    def setup(self, method):
        try:
            from fastmomentum import problems
        except ImportError:  # a commit before they came
            raise NotImplementedError from None
        try:
            self.problems = [problems.get(name) for name in NAMES]
        except ValueError:  # a commit since some of them are in this folder
            from .holdout import ALL

            self.problems = [ALL.get(name) for name in NAMES]

    def runs(self, method):
        """Results of all problems."""
        options = {"maxfev": BUDGET, "maxiter": BUDGET}
        return [
            minimize(p.compiled("fused"), p.x0, p.args, method, True, options=options)
            for p in self.problems
        ]

    def track_evaluations(self, method):
        return sum(int(run.nfev) for run in self.runs(method))

    def track_solved(self, method):
        return sum(bool(run.success) for run in self.runs(method))

    track_evaluations.unit = "evaluations"
    track_solved.unit = "problems"
