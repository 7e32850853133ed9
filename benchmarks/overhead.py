"""What an iteration costs beside the user's own function.

The objective is a separable quartic, about the cheapest there is, so that the loop shows.
Iterations are timed as the slope between a short and a long run: a call's fixed cost falls out.
That cost, which small fits repeated many times feel, is measured on its own.

``python benchmarks/overhead.py`` prints the tables; it takes a minute or two. Nothing else should
run meanwhile.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numba import njit

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.common import (
    SCIPY_METHODS,
    Problem,
    best_time,
    machine,
    medians,
    quartic,
    quartic_gradient,
    quartic_start,
    quartic_value,
    solve_scipy,
)
from fastmomentum import minimize

SIZES = (2, 10, 100, 10_000, 1_000_000)
LARGE_SIZES = (1_000_000, 4_000_000, 16_000_000)
# Small enough that no run gets near the minimum, large enough that every iteration makes progress.
LEARNING_RATE = 1e-5
# Heavy ball reads x, velocity and gradient, and writes x and velocity; the quartic reads x and
# writes the gradient.
STEP_WORDS = 5
EVALUATION_WORDS = 2
# fun and jac.
STYLES = {"fused": (quartic, True), "pair": (quartic_value, quartic_gradient)}


@njit(cache=True)
def repeat_fused(x, out, times):
    """Call the fused objective `times` times; x changes, so that no call can be skipped."""
    total = 0.0
    for _ in range(times):
        x[0] = -x[0]
        total += quartic(x, out)
    return total


@njit(cache=True)
def repeat_pair(x, times):
    """Call fun and a gradient that returns a new array, `times` times."""
    total = 0.0
    for _ in range(times):
        x[0] = -x[0]
        total += quartic_value(x)
        total += quartic_gradient(x)[0]
    return total


@njit(cache=True)
def triad(a, b, c, scale):
    """STREAM triad: 24 bytes per element, counted as the STREAM benchmark counts."""
    for i in range(a.size):
        a[i] = b[i] + scale * c[i]


def _iterations(n: int) -> int:
    """Iterations that take about 50 ms."""
    return max(8, int(0.05 / (2e-8 + 2e-9 * n)))


def slope(run: Callable[[int], object], n: int, repeats: int = 5) -> float:
    """Seconds per iteration between a short run and a long one."""
    short, long = 4, 4 + _iterations(n)
    run(short)
    seconds = best_time(lambda: run(long), repeats) - best_time(lambda: run(short), repeats)
    return max(seconds, 0.0) / (long - short)


def bare(n: int, style: str = "fused") -> float:
    """Seconds of one fused evaluation, or of one fun and one allocating jac."""
    x, out = quartic_start(n), np.empty(n)
    if style == "fused":
        return slope(lambda times: repeat_fused(x, out, times), n)
    return slope(lambda times: repeat_pair(x, times), n)


def iterate(
    n: int, style: str = "fused", method: str = "momentum", **options
) -> Callable[[int], object]:
    """A function of `maxiter` that runs a method for exactly that many iterations."""
    fun, jac = STYLES[style]
    x0 = quartic_start(n)
    callback = options.pop("callback", None)
    own = {"momentum": 0.9} if method in ("momentum", "nesterov") else {}
    settings = {"learning_rate": LEARNING_RATE, "gtol": 0.0, **own, **options}

    def run(maxiter: int):
        result = minimize(
            fun,
            x0,
            jac=jac,
            method=method,
            callback=callback,
            options={**settings, "maxiter": maxiter},
        )
        if result.nit != maxiter:
            raise RuntimeError(f"{result.nit} iterations instead of {maxiter}: {result.message}")
        return result

    return run


def looped(n: int, style: str = "fused") -> float:
    """Seconds of one momentum iteration, which evaluates in this style."""
    return slope(iterate(n, style), n)


def scipy_iteration(n: int, method: str) -> tuple[float, float]:
    """Seconds per iteration and per evaluation of a SciPy method on the same objective."""
    problem = Problem(quartic, (), quartic_start(n), LEARNING_RATE)
    # Few enough iterations that no line search runs out of digits.
    run = functools.partial(solve_scipy, problem, method, gtol=0.0, maxiter=10)
    result = run()
    seconds = best_time(run, 5 if n <= 10_000 else 2)
    return seconds / max(result.nit, 1), seconds / result.nfev


class RepeatedCall(NamedTuple):
    """Medians of one warm call of `minimize`, in seconds."""

    iterations: int
    whole: float
    loop: float  # of the whole: the iterations
    own: float  # of the whole: the user's functions, called once from Python to check them
    fixed: float  # the rest


def repeated_call(n: int, style: str = "fused") -> RepeatedCall:
    """The default method on the quartic, solved again and again, and where the time goes.

    A run of no iterations is all but the loop.
    """
    x0, out = quartic_start(n), np.empty(n)
    fun, jac = STYLES[style]

    def solve():
        return minimize(fun, x0, jac=jac)

    def no_iterations():
        return minimize(fun, x0, jac=jac, options={"maxiter": 0})

    def own():
        if style == "fused":
            quartic(x0, out)
        else:
            quartic_value(x0)
            quartic_gradient(x0)

    def nothing():
        pass

    calls = {"whole": solve, "without": no_iterations, "work": own, "clock": nothing}
    whole, without, work, clock = medians(calls, 2000, skipped=200).values()
    return RepeatedCall(solve().nit, whole - clock, whole - without, work - clock, without - work)


def triad_bandwidth(n: int = 20_000_000) -> float:
    """Bytes per second of the triad."""
    a, b, c = np.zeros(n), np.ones(n), np.ones(n)
    triad(a, b, c, 0.5)
    return 24 * n / best_time(lambda: triad(a, b, c, 0.5))


def step_bandwidth(n: int) -> tuple[float, float]:
    """Bytes per second of a whole iteration, and of its update: less the bare evaluation.

    The second is the ideal of a fused evaluation whose arrays nothing evicts between two calls, so
    that it is too low rather than too high.
    """
    whole, work = looped(n), bare(n)
    moved = 8 * (STEP_WORDS + EVALUATION_WORDS) * n
    return moved / whole, 8 * STEP_WORDS * n / max(whole - work, 1e-12)


class Overhead:
    """Nanoseconds per iteration, less those of the bare evaluation."""

    params = (SIZES,)
    param_names = ("n",)
    timeout = 120

    def track_fused(self, n):
        return 1e9 * (looped(n) - bare(n))

    def track_fun_and_jac(self, n):
        return 1e9 * (looped(n, "pair") - bare(n, "pair"))

    track_fused.unit = track_fun_and_jac.unit = "ns/iteration"


class Repeat:
    """Microseconds of a warm call of `minimize` beside its loop and the user's functions."""

    params = ((2, 10), tuple(STYLES))
    param_names = ("n", "style")

    def track_fixed(self, n, style):
        return 1e6 * repeated_call(n, style).fixed

    def track_whole(self, n, style):
        return 1e6 * repeated_call(n, style).whole

    track_fixed.unit = track_whole.unit = "us"


class SciPyIteration:
    """The baselines' time per iteration on the same objective."""

    params = (SCIPY_METHODS, (2, 100))
    param_names = ("method", "n")

    def track_iteration(self, method, n):
        return 1e9 * scipy_iteration(n, method)[0]

    track_iteration.unit = "ns/iteration"


class Bandwidth:
    """Gigabytes per second of the update beside the triad's."""

    timeout = 120

    def track_step(self):
        return 1e-9 * step_bandwidth(LARGE_SIZES[-1])[1]

    def track_triad(self):
        return 1e-9 * triad_bandwidth()

    track_step.unit = track_triad.unit = "GB/s"


def _ignore(x):
    pass


def _print_overhead() -> None:
    print("\nOne momentum iteration at a fixed rate, nanoseconds\n")
    print("| n | bare fused | loop | overhead | bare fun + jac | loop | overhead |")
    print("|--:|--:|--:|--:|--:|--:|--:|")
    for n in SIZES:
        cells = []
        for style in STYLES:
            work, whole = 1e9 * bare(n, style), 1e9 * looped(n, style)
            cells += [work, whole, whole - work]
        print(f"| {n:,} | " + " | ".join(f"{cell:,.0f}" for cell in cells) + " |")


def _print_scipy() -> None:
    print("\nTime per iteration (per evaluation) on the same objective, microseconds\n")
    print("| n | fastmomentum momentum | " + " | ".join(SCIPY_METHODS) + " |")
    print("|--:|--:|" + "--:|" * len(SCIPY_METHODS))
    for n in SIZES:
        cells = [f"{1e6 * looped(n, 'fused'):,.2f}"]
        for method in SCIPY_METHODS:
            if method == "BFGS" and n > 1000:
                cells.append("n x n matrix")
                continue
            iteration, evaluation = scipy_iteration(n, method)
            cells.append(f"{1e6 * iteration:,.1f} ({1e6 * evaluation:,.1f})")
        print(f"| {n:,} | " + " | ".join(cells) + " |")


def _print_bandwidth() -> None:
    limit = triad_bandwidth()
    words = STEP_WORDS + EVALUATION_WORDS
    print(f"\nLarge n: an iteration counted as {8 * words} bytes per element, ", end="")
    print(f"its update as {8 * STEP_WORDS}; triad {1e-9 * limit:.1f} GB/s\n")
    print("| n | iteration, GB/s | of triad | update, GB/s | of triad |")
    print("|--:|--:|--:|--:|--:|")
    for n in LARGE_SIZES:
        cells = [f"{1e-9 * s:.1f} | {100 * s / limit:.0f} %" for s in step_bandwidth(n)]
        print(f"| {n:,} | {' | '.join(cells)} |")


def _print_control() -> None:
    n = 10
    print(f"\nThe cost of control at n = {n}, nanoseconds per iteration\n")
    print("| run | ns |")
    print("|---|--:|")
    for words, options in (
        ("plain", {}),
        ("with a time limit", {"maxtime": 3600.0}),
        ("with history", {"history": True}),
        ("with a Python callback", {"callback": _ignore}),
    ):
        print(f"| {words} | {1e9 * slope(iterate(n, **options), n, 3):,.1f} |")
    print("\nWhole calls of `minimize`, which start with short chunks\n")
    print("| iterations | microseconds | ns per iteration |")
    print("|--:|--:|--:|")
    for maxiter in (1, 64, 1_000, 100_000):
        run = iterate(n)
        run(maxiter)
        seconds = best_time(lambda run=run, maxiter=maxiter: run(maxiter), 20)
        print(f"| {maxiter:,} | {1e6 * seconds:,.1f} | {1e9 * seconds / maxiter:,.1f} |")


def _print_repeated_call() -> None:
    print("\nOne warm call of `minimize`, automatic rate, microseconds\n")
    print("| n | gradient | iterations | whole | loop | fun, jac from Python | fixed |")
    print("|--:|---|--:|--:|--:|--:|--:|")
    for n in (2, 10):
        for style, words in (("fused", "fused"), ("pair", "fun + jac")):
            call = repeated_call(n, style)
            cells = [f"{1e6 * s:,.1f}" for s in call[1:]]
            print(f"| {n} | {words} | {call.iterations} | {' | '.join(cells)} |")


def main() -> None:
    """Print every table."""
    print(machine())
    _print_overhead()
    _print_scipy()
    _print_bandwidth()
    _print_control()
    _print_repeated_call()


if __name__ == "__main__":
    main()
