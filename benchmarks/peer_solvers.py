"""The minimizers that `peers.py` compares, each in the terms of its own package.

SciPy, NLopt and scijit get the same compiled objectives as fastmomentum; JAX's packages and torch
the same formulas, compiled by jit where they can be. A solver stops by its own rules, set so that
it reaches the tolerance if it can. One whose rules do not see the gradient comes with several
tolerances, the loosest first.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

from .batch import (
    TIMES,
    batch,
    decay,
    decay_pair,
    jax_solvers,
    loop_fastmomentum,
    loop_lbfgsb,
    ndoptimize_solver,
)
from .common import (
    GTOL,
    PROBLEMS,
    SCIPY_METHODS,
    Problem,
    compiled_wide,
    logistic_problem,
    rosenbrock,
    solve_scipy,
)

MOST = 20_000
DENSE = 500  # most variables for methods that keep n * n numbers
OURS = "fastmomentum momentum"
BATCH = "decays"
# Attempts at one problem, from the loosest tolerance on; each returns the point found.
Solver = tuple[Callable[[], Any], ...]


@compiled_wide
def dense_quadratic(x, out, matrix):
    """x A x / 2: a metric that is diagonal does not help."""
    total = 0.0
    for i in range(x.size):
        slope = 0.0
        for j in range(x.size):
            slope += matrix[i, j] * x[j]
        out[i] = slope
        total += 0.5 * slope * x[i]
    return total


def _rotated_quadratic() -> Problem:
    q, _ = np.linalg.qr(np.random.default_rng(3).standard_normal((100, 100)))
    matrix = q * np.logspace(-4.0, 0.0, 100) @ q.T
    return Problem(dense_quadratic, (0.5 * (matrix + matrix.T),), np.ones(100), 1.0, 0.0)


TASKS: dict[str, Callable[[], Problem]] = {
    **PROBLEMS,
    "rotated-100": _rotated_quadratic,
    "logistic-5000x200": lambda: logistic_problem(5000, 200, seed=7),
    "rosenbrock-1000": lambda: Problem(rosenbrock, (), np.tile([-1.2, 1.0], 500), 5e-4, 0.0),
}


# -- one problem -----------------------------------------------------------------------------------


def fastmomentum_solvers(name: str, problem: Problem) -> dict[str, Solver]:
    """Ours, with no option but the tolerance."""
    from fastmomentum import minimize

    def run(method):
        options = {"gtol": GTOL, "maxiter": MOST}
        return lambda: (
            minimize(problem.fun, problem.x0, problem.args, method, True, options=options).x
        )

    return {f"fastmomentum {m}": (run(m),) for m in ("momentum", "nesterov", "adam")}


def scipy_solvers(name: str, problem: Problem) -> dict[str, Solver]:
    """The methods that use a gradient and no Hessian."""

    def run(method):
        own = {"maxfun": MOST} if method == "L-BFGS-B" else {}
        return lambda: solve_scipy(problem, method, maxiter=MOST, **own).x

    few = problem.x0.size <= DENSE
    return {f"SciPy {m}": (run(m),) for m in SCIPY_METHODS if m != "BFGS" or few}


def nlopt_solvers(name: str, problem: Problem) -> dict[str, Solver]:
    """It has no test of the gradient: the objective stops it as soon as that is small enough."""
    import nlopt

    def run(algorithm):
        def solve():
            found = problem.x0

            def value(x, gradient):
                nonlocal found
                f = problem.fun(x, gradient, *problem.args)
                if np.abs(gradient).max() <= GTOL:
                    found = x.copy()
                    opt.force_stop()
                return f

            opt = nlopt.opt(algorithm, problem.x0.size)
            opt.set_min_objective(value)
            opt.set_maxeval(MOST)
            with contextlib.suppress(nlopt.ForcedStop, nlopt.RoundoffLimited, RuntimeError):
                found = opt.optimize(problem.x0)
            return found

        return solve

    return {
        "NLopt LBFGS": (run(nlopt.LD_LBFGS),),
        "NLopt TNEWTON": (run(nlopt.LD_TNEWTON_PRECOND_RESTART),),
    }


def scijit_solvers(name: str, problem: Problem) -> dict[str, Solver]:
    """SciPy's L-BFGS-B, compiled."""
    from scijit.optimize import minimize

    fun = problem.fun

    @njit
    def without(x):
        gradient = np.empty_like(x)
        return fun(x, gradient), gradient

    @njit
    def with_one(x, a):
        gradient = np.empty_like(x)
        return fun(x, gradient, a), gradient

    @njit
    def with_three(x, a, b, c):
        gradient = np.empty_like(x)
        return fun(x, gradient, a, b, c), gradient

    pair = {0: without, 1: with_one, 3: with_three}[len(problem.args)]

    options = {"gtol": GTOL, "ftol": 0.0, "maxiter": MOST, "maxfun": MOST}

    def solve():
        return minimize(pair, problem.x0, problem.args, "L-BFGS-B", options=options).x

    # Its BFGS and CG take up to half a minute to compile for each type of args.
    return {"scijit L-BFGS-B": (solve,)}


def formulas(np_, name: str, problem: Problem) -> Callable:
    """The objective in the terms of jax.numpy or torch."""
    if name.startswith("rosenbrock"):

        def fun(x):
            return (100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2).sum()

    elif name.startswith("rotated"):
        (matrix,) = (np_.asarray(a) for a in problem.args)

        def fun(x):
            return 0.5 * (x @ (matrix @ x))

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


def _jax(name: str, problem: Problem):
    """jax, the objective and the start; float64 on the CPU."""
    import jax

    jax.config.update("jax_enable_x64", True)
    return jax, formulas(jax.numpy, name, problem), jax.numpy.asarray(problem.x0)


def _compiled(jax, run: Callable, x0) -> Callable:
    """A whole run in one jit."""
    whole = jax.jit(run)
    return lambda: np.asarray(jax.block_until_ready(whole(x0)))


def optimistix_solvers(name: str, problem: Problem) -> dict[str, Solver]:
    """Its rule looks at changes of x and f."""
    import optimistix

    jax, fun, x0 = _jax(name, problem)

    def run(kind, tol):
        solver = kind(rtol=0.0, atol=tol, norm=optimistix.max_norm)

        def whole(x):
            found = optimistix.minimise(lambda y, _: fun(y), solver, x, max_steps=MOST, throw=False)
            return found.value

        return _compiled(jax, whole, x0)

    kinds = {"NonlinearCG": optimistix.NonlinearCG}
    if problem.x0.size <= DENSE:
        kinds = {"BFGS": optimistix.BFGS, **kinds}
    return {
        f"optimistix {k}": tuple(run(kind, tol) for tol in (1e-6, 1e-8, 1e-10))
        for k, kind in kinds.items()
    }


def optax_solvers(name: str, problem: Problem) -> dict[str, Solver]:
    """The loop of its documentation."""
    import optax

    jax, fun, x0 = _jax(name, problem)
    jnp = jax.numpy

    def whole(x):
        method = optax.lbfgs()
        value_and_grad = optax.value_and_grad_from_state(fun)

        def step(carry):
            x, state, k, _ = carry
            value, gradient = value_and_grad(x, state=state)
            updates, state = method.update(
                gradient, state, x, value=value, grad=gradient, value_fn=fun
            )
            x = optax.apply_updates(x, updates)
            # The line search leaves the gradient at the new point in the state.
            left = jnp.abs(optax.tree.get(state, "grad")).max()
            return x, state, k + 1, left

        start = (x, method.init(x), 0, jnp.inf)
        return jax.lax.while_loop(lambda c: (c[3] > GTOL) & (c[2] < MOST), step, start)[0]

    return {"optax lbfgs": (_compiled(jax, whole, x0),)}


def jaxopt_solvers(name: str, problem: Problem) -> dict[str, Solver]:
    """Its tolerance is of the Euclidean norm."""
    import jaxopt

    jax, fun, x0 = _jax(name, problem)
    solver = jaxopt.LBFGS(fun, maxiter=MOST, tol=GTOL, jit=True)
    return {"jaxopt LBFGS": (_compiled(jax, lambda x: solver.run(x).params, x0),)}


def torch_solvers(name: str, problem: Problem) -> dict[str, Solver]:
    """Eager, as it is used."""
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

    return {"torch LBFGS": (solve,)}


# -- many small fits -------------------------------------------------------------------------------


def fastmomentum_fits(y, X0) -> dict[str, Solver]:
    from fastmomentum.jit import minimizer

    solve = minimizer(decay, jac=True)

    @njit
    def loop(y, X0):
        found = np.empty_like(X0)
        for i in range(len(X0)):
            found[i] = solve(X0[i], TIMES, y[i]).x
        return found

    return {
        "fastmomentum minimize_batch": (lambda: batch(y, X0, 1).x,),
        "fastmomentum.jit, loop in @njit": (lambda: loop(y, X0),),
        "fastmomentum minimize, loop": (lambda: loop_fastmomentum(y, X0),),
    }


def scipy_fits(y, X0) -> dict[str, Solver]:
    return {"SciPy L-BFGS-B, loop": (lambda: loop_lbfgsb(y, X0),)}


def ndoptimize_fits(y, X0) -> dict[str, Solver]:
    if importlib.util.find_spec("ndoptimize") is None:
        raise ImportError("no module named ndoptimize")
    # Compiles, most of it when it is imported, which belongs to the first call.
    solver = functools.cache(ndoptimize_solver)
    return {"ndoptimize, Levenberg-Marquardt": (lambda: solver()(y, X0),)}


def scijit_fits(y, X0) -> dict[str, Solver]:
    from scijit.optimize import minimize

    @njit
    def loop(y, X0):
        found = np.empty_like(X0)
        for i in range(len(X0)):
            found[i] = minimize(decay_pair, X0[i], (TIMES, y[i]), "L-BFGS-B").x
        return found

    return {"scijit L-BFGS-B, loop in @njit": (lambda: loop(y, X0),)}


def optimistix_fits(y, X0) -> dict[str, Solver]:
    import optimistix  # noqa: F401

    return {name: (lambda run=run: run(y, X0),) for name, run in jax_solvers().items()}


def jaxopt_fits(y, X0) -> dict[str, Solver]:
    import jax
    import jaxopt

    jax.config.update("jax_enable_x64", True)
    t = jax.numpy.asarray(TIMES)

    def value(x, y):
        r = x[0] * jax.numpy.exp(-x[1] * t) + x[2] - y
        return 0.5 * (r * r).sum()

    solver = jaxopt.LBFGS(value, maxiter=256, tol=1e-5, jit=True)
    whole = jax.jit(jax.vmap(lambda x, y: solver.run(x, y).params))
    return {"jax.vmap, jaxopt LBFGS": (lambda: np.asarray(jax.block_until_ready(whole(X0, y))),)}


# By package: the solvers of one problem, and those of many small fits.
PEERS: dict[str, tuple[Callable | None, Callable | None]] = {
    "fastmomentum": (fastmomentum_solvers, fastmomentum_fits),
    "scipy": (scipy_solvers, scipy_fits),
    "scijit": (scijit_solvers, scijit_fits),
    "nlopt": (nlopt_solvers, None),
    "optax": (optax_solvers, None),
    "optimistix": (optimistix_solvers, optimistix_fits),
    "jaxopt": (jaxopt_solvers, jaxopt_fits),
    "torch": (torch_solvers, None),
    "ndoptimize": (None, ndoptimize_fits),
}
