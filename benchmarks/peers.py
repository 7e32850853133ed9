"""The default method beside the minimizers of other packages, on the same problems in one run.

``python benchmarks/peers.py``. SciPy and NLopt get the same compiled
objectives; JAX's and torch's packages the same formulas in their own terms, compiled by jit where
they can be. Each solver stops by its own rules, set so that it reaches the tolerance if it can; it
counts as having solved a problem if the gradient, evaluated anew, is at most ten times that. Peers
that are not installed are left out: ``pip install nlopt jax optax optimistix jaxopt torch``.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.common import (
    PROBLEMS,
    SCIPY_METHODS,
    Problem,
    environment,
    printed_to,
    rosenbrock,
    scipy_minimize,
)
from fastmomentum import minimize

GTOL = 1e-6
SLACK = 10.0
MOST = 20_000
ROUNDS = 5
SECONDS = 1.0  # a solver that takes longer is run once
OURS = "fastmomentum momentum"
ALL: dict[str, Callable[[], Problem]] = {
    **PROBLEMS,
    "rosenbrock-1000": lambda: Problem(rosenbrock, (), np.tile([-1.2, 1.0], 500), 5e-4, 0.0),
}


class Row(NamedTuple):
    """One solver on one problem."""

    problem: str
    solver: str
    seconds: float
    gradient: float

    @property
    def solved(self) -> bool:
        return self.gradient <= SLACK * GTOL


def fastmomentum_solvers(name: str, problem: Problem) -> dict[str, Callable]:
    """Ours, compiled, with no option but the tolerance."""

    def run(method):
        options = {"gtol": GTOL, "maxiter": MOST}
        return lambda: (
            minimize(problem.fun, problem.x0, problem.args, method, True, options=options).x
        )

    return {f"fastmomentum {m}": run(m) for m in ("momentum", "nesterov", "adam")}


def scipy_solvers(name: str, problem: Problem) -> dict[str, Callable]:
    def run(method):
        # L-BFGS-B has a test of the value, too, which would end it early.
        own = {"ftol": 0.0, "maxfun": MOST} if method == "L-BFGS-B" else {}
        options = {"gtol": GTOL, "maxiter": MOST, **own}
        return lambda: (
            scipy_minimize(problem.pair, problem.x0, method=method, jac=True, options=options).x
        )

    return {f"SciPy {m}": run(m) for m in SCIPY_METHODS if m != "BFGS" or problem.x0.size <= 500}


def nlopt_solvers(name: str, problem: Problem) -> dict[str, Callable]:
    """It has no test of the gradient: changes of x stand for it."""
    import nlopt

    def run(algorithm):
        def value(x, gradient):
            return problem.fun(x, gradient, *problem.args)

        def solve():
            opt = nlopt.opt(algorithm, problem.x0.size)
            opt.set_min_objective(value)
            opt.set_xtol_rel(1e-12)
            opt.set_maxeval(MOST)
            try:
                return opt.optimize(problem.x0)
            except RuntimeError:  # rounding is all that is left
                return np.full_like(problem.x0, math.nan)

        return solve

    return {
        "NLopt LBFGS": run(nlopt.LD_LBFGS),
        "NLopt TNEWTON": run(nlopt.LD_TNEWTON_PRECOND_RESTART),
    }


def formulas(np_, name: str, problem: Problem) -> Callable:
    """The objective in the terms of jax.numpy or torch."""
    if name.startswith("rosenbrock"):

        def fun(x):
            return (100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2).sum()

    elif name.startswith("quadratic"):
        (curvature,) = (np_.asarray(a) for a in problem.args)

        def fun(x):
            return 0.5 * (curvature * x * x).sum()

    else:
        features, labels, ridge = problem.args
        features, labels = np_.asarray(features), np_.asarray(labels)
        zero = np_.asarray(0.0, dtype=labels.dtype)

        def fun(x):
            margin = -labels * (features @ x)
            losses = np_.logaddexp(zero, margin)
            return losses.sum() / len(labels) + 0.5 * ridge * (x * x).sum()

    return fun


def jax_solvers(name: str, problem: Problem) -> dict[str, Callable]:
    """optimistix, optax and jaxopt on the CPU in float64, each whole run in one jit."""
    import jax

    jax.config.update("jax_enable_x64", True)
    jnp = jax.numpy
    fun = formulas(jnp, name, problem)
    x0 = jnp.asarray(problem.x0)
    found: dict[str, Callable] = {}

    def add(solver, run):
        compiled = jax.jit(run)
        found[solver] = lambda: np.asarray(jax.block_until_ready(compiled(x0)))

    try:
        import optimistix

        def with_optimistix(kind):
            solver = kind(rtol=0.0, atol=GTOL, norm=optimistix.max_norm)
            return lambda x: (
                optimistix.minimise(
                    lambda y, _: fun(y), solver, x, max_steps=MOST, throw=False
                ).value
            )

        if problem.x0.size <= 500:
            add("optimistix BFGS", with_optimistix(optimistix.BFGS))
        add("optimistix NonlinearCG", with_optimistix(optimistix.NonlinearCG))
    except ImportError:
        pass
    try:
        import optax

        def with_optax(x):
            method = optax.lbfgs()
            value_and_grad = optax.value_and_grad_from_state(fun)

            def step(carry):
                x, state, k, _ = carry
                value, gradient = value_and_grad(x, state=state)
                updates, state = method.update(
                    gradient, state, x, value=value, grad=gradient, value_fn=fun
                )
                norm = jnp.abs(gradient).max()
                return optax.apply_updates(x, updates), state, k + 1, norm

            start = (x, method.init(x), 0, jnp.inf)
            return jax.lax.while_loop(lambda c: (c[3] > GTOL) & (c[2] < MOST), step, start)[0]

        add("optax lbfgs", with_optax)
    except ImportError:
        pass
    try:
        import jaxopt

        solver = jaxopt.LBFGS(fun, maxiter=MOST, tol=GTOL, jit=True)
        add("jaxopt LBFGS", lambda x: solver.run(x).params)
    except ImportError:
        pass
    return found


def torch_solvers(name: str, problem: Problem) -> dict[str, Callable]:
    import torch

    torch.set_num_threads(1)
    fun = formulas(torch, name, problem)

    def solve():
        x = torch.tensor(problem.x0, requires_grad=True)
        method = torch.optim.LBFGS(
            [x],
            max_iter=MOST,
            tolerance_grad=GTOL,
            tolerance_change=0.0,
            line_search_fn="strong_wolfe",
        )

        def closure():
            method.zero_grad()
            value = fun(x)
            value.backward()
            return value

        method.step(closure)
        return x.detach().numpy()

    return {"torch LBFGS": solve}


FAMILIES = (fastmomentum_solvers, scipy_solvers, nlopt_solvers, jax_solvers, torch_solvers)


def compare(names: Iterable[str] = ALL, rounds: int = ROUNDS) -> list[Row]:
    """Every solver on every problem, in turns, warm; medians."""
    rows = []
    for name in names:
        problem = ALL[name]()
        solvers: dict[str, Callable] = {}
        for family in FAMILIES:
            try:
                solvers |= family(name, problem)
            except ImportError:
                continue
        times: dict[str, list[float]] = {}
        gradients = {}
        for solver, solve in solvers.items():  # compiles
            x = np.array(solve(), float)
            with np.errstate(all="ignore"):
                gradients[solver] = float(np.abs(problem.pair(x)[1]).max())
        for _ in range(rounds):
            for solver, solve in solvers.items():
                if sum(times.get(solver, ())) > SECONDS:
                    continue
                begin = time.perf_counter()
                solve()
                times.setdefault(solver, []).append(time.perf_counter() - begin)
        rows += [
            Row(name, solver, statistics.median(times[solver]), gradients[solver])
            for solver in solvers
        ]
    return rows


def report(rows: list[Row]) -> None:
    """One table per problem, fastest first, and where ours is not the fastest."""
    for name in dict.fromkeys(row.problem for row in rows):
        mine = next(row for row in rows if row.problem == name and row.solver == OURS)
        print(f"{name}\n\n| solver | time | / ours | gradient |\n|---|--:|--:|--:|")
        here = sorted(
            (row for row in rows if row.problem == name),
            key=lambda row: (not row.solved, row.seconds),
        )
        for row in here:
            missed = "" if row.solved else " missed"
            print(
                f"| {row.solver} | {1e6 * row.seconds:,.0f} us | "
                f"{row.seconds / mine.seconds:.2f} | {row.gradient:.1e}{missed} |"
            )
        print()
    losses = [
        f"{row.problem}: {row.solver}"
        for row in rows
        if row.solved
        and row.seconds
        < next(r.seconds for r in rows if r.problem == row.problem and r.solver == OURS)
    ]
    print(f"Faster than {OURS}: {', '.join(losses) or 'none'}")


def picture(rows: list[Row], path: str) -> None:
    """Times relative to ours, on a logarithmic axis; solvers that missed the tolerance are open."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    from fastmomentum.plot import COLOURS

    names = list(dict.fromkeys(row.problem for row in rows))
    solvers = list(dict.fromkeys(row.solver for row in rows))[::-1]
    figure, ax = plt.subplots(figsize=(7.5, 0.32 * len(solvers) + 1.2), layout="constrained")
    mine = {row.problem: row.seconds for row in rows if row.solver == OURS}
    for i, name in enumerate(names):
        here = [row for row in rows if row.problem == name]
        ax.scatter(
            [row.seconds / mine[name] for row in here],
            [solvers.index(row.solver) for row in here],
            facecolors=[COLOURS[i] if row.solved else "none" for row in here],
            edgecolors=COLOURS[i],
            label=name,
        )
    ax.axvline(1.0, color="0.6", linewidth=0.8)
    ax.set_xscale("log")
    ax.set_yticks(range(len(solvers)), solvers)
    ax.set_xlabel(f"time / {OURS}'s; open: missed the tolerance")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", type=Path, help="write the tables there, too")
    parser.add_argument("--picture", help="draw them")
    arguments = parser.parse_args()
    with printed_to(arguments.output):
        print(environment("nlopt", "jax", "optax", "optimistix", "jaxopt", "torch"))
        rows = compare()
        report(rows)
    if arguments.picture:
        picture(rows, arguments.picture)


if __name__ == "__main__":
    main()
