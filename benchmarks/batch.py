"""Many small fits: `minimize_batch` beside loops over SciPy, and beside other batched solvers.

``python benchmarks/batch.py`` prints the tables and draws a map of fitted parameters; it takes some
minutes. ndoptimize, jax with optimistix, and dipy's data are used where they are installed.
"""

from __future__ import annotations

import math
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numba import njit
from scipy.optimize import curve_fit, least_squares
from scipy.optimize import minimize as scipy_minimize

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.common import compiled, compiled_wide, machine, medians, run_child
from fastmomentum import minimize, minimize_batch

TIMES = np.linspace(0.0, 4.0, 64)
FITS = 100_000
SAMPLED = 500  # fits of each loop in Python
ROUNDS = 3
# A fit counts as solved if its sum of squares is at most this much, relatively, above the best.
EXCESS = 1e-4


# -- exponential decays ----------------------------------------------------------------------------


@compiled
def decay(x, out, t, y):
    """Half the sum of squares of x[0] exp(-x[1] t) + x[2] - y, and its gradient."""
    total, g0, g1, g2 = 0.0, 0.0, 0.0, 0.0
    for k in range(t.size):
        e = math.exp(-x[1] * t[k])
        r = x[0] * e + x[2] - y[k]
        total += r * r
        g0 += r * e
        g1 -= r * x[0] * e * t[k]
        g2 += r
    out[0], out[1], out[2] = g0, g1, g2
    return 0.5 * total


# fastmath is said, not left out: compiled as part of another function it would inherit it.
@njit(cache=True, error_model="numpy", fastmath=False)
def short_exp(x):
    """exp to about 1e-13, |x| < 700: nothing in it keeps LLVM from vectorising a loop."""
    shifted = x * 1.4426950408889634 + 6755399441055744.0  # 1.5 * 2**52: the integer is at its end
    n = shifted - 6755399441055744.0
    r = (x - n * 0.693147180369123816490) - n * 1.90821492927058770002e-10
    s = r * r
    low = (1.0 + r) + s * (0.5 + r * (1.0 / 6.0))
    middle = (1.0 / 24.0 + r * (1.0 / 120.0)) + s * (1.0 / 720.0 + r * (1.0 / 5040.0))
    high = (1.0 / 40320.0 + r * (1.0 / 362880.0)) + s * (1.0 / 3628800.0 + r * (1.0 / 39916800.0))
    p = low + (s * s) * (middle + (s * s) * high)
    bits = (np.float64(shifted).view(np.int64) << 52) + (1023 << 52)
    return p * np.int64(bits).view(np.float64)


@compiled_wide
def decay_wide(x, out, t, y):
    """`decay` with an exp and sums that vectorise; for |x[1] t| < 700."""
    total, g0, g1, g2 = 0.0, 0.0, 0.0, 0.0
    a, k, c = x[0], x[1], x[2]
    for i in range(t.size):
        e = short_exp(-k * t[i])
        r = a * e + c - y[i]
        total += r * r
        g0 += r * e
        g1 -= r * a * e * t[i]
        g2 += r
    out[0], out[1], out[2] = g0, g1, g2
    return 0.5 * total


@compiled
def decay_pair(x, t, y):
    """`decay` as SciPy takes it."""
    out = np.empty(3)
    return decay(x, out, t, y), out


@compiled
def decay_residuals(x, t, y):
    """Of one fit, for `least_squares`."""
    return x[0] * np.exp(-x[1] * t) + x[2] - y


@compiled
def decay_jacobian(x, t, y):
    """Of `decay_residuals`."""
    out = np.empty((t.size, 3))
    for k in range(t.size):
        e = math.exp(-x[1] * t[k])
        out[k, 0], out[k, 1], out[k, 2] = e, -x[0] * t[k] * e, 1.0
    return out


def decay_data(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Signals (count, 64), and starts from their ends."""
    rng = np.random.default_rng(seed)
    scale, rate = rng.uniform(1.0, 5.0, count), rng.uniform(0.5, 3.0, count)
    y = scale[:, None] * np.exp(-rate[:, None] * TIMES) + rng.uniform(0.0, 1.0, (count, 1))
    y += 0.02 * rng.standard_normal(y.shape)
    return y, np.stack([y[:, 0] - y[:, -1], np.ones(count), y[:, -1]], axis=1)


def decay_values(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Half the sums of squares of many fits."""
    model = x[:, :1] * np.exp(-x[:, 1:2] * TIMES) + x[:, 2:]
    return 0.5 * ((model - y) ** 2).sum(axis=1)


def batch(y, X0, workers, fun=decay):
    return minimize_batch(fun, X0, (TIMES, y), (False, True), jac=True, workers=workers)


def loop(fit: Callable) -> Callable:
    """A function of all signals and starts, from `fit` of one of each."""
    return lambda y, X0: np.array([fit(b, a) for b, a in zip(y, X0, strict=True)])


@loop
def loop_fastmomentum(y, x0):
    return minimize(decay, x0, (TIMES, y), jac=True).x


@loop
def loop_lbfgsb(y, x0):
    return scipy_minimize(decay_pair, x0, (TIMES, y), jac=True, method="L-BFGS-B").x


@loop
def loop_least_squares(y, x0):
    return least_squares(decay_residuals, x0, decay_jacobian, method="lm", args=(TIMES, y)).x


@loop
def loop_curve_fit(y, x0):
    return curve_fit(lambda t, a, k, c: a * np.exp(-k * t) + c, TIMES, y, x0)[0]


def ndoptimize_solver() -> Callable | None:
    """Batched Levenberg-Marquardt in Numba, in as many threads as Numba has."""
    try:
        import ndoptimize
    except ImportError:
        return None

    @ndoptimize.model(("a", "k", "c"), inputs=("t",), cache=False)
    def model(x, parameters, f, jacobian):
        a, k, c = parameters[0], parameters[1], parameters[2]
        for i in range(x.shape[0]):
            e = math.exp(-k * x[i, 0])
            f[i] = a * e + c
            jacobian[i, 0] = e
            jacobian[i, 1] = -a * x[i, 0] * e
            jacobian[i, 2] = 1.0

    t = TIMES[:, None]

    def solve(y, X0):
        return ndoptimize.least_squares(model, t, y, np.ones(64), X0).parameters

    return solve


def jax_solvers() -> dict[str, Callable]:
    """vmap of optimistix on the CPU, float64: Levenberg-Marquardt and BFGS, tolerance 1e-6."""
    try:
        import jax
        import optimistix
    except ImportError:
        return {}
    jax.config.update("jax_enable_x64", True)
    t = jax.numpy.asarray(TIMES)

    def residuals(x, y):
        return x[0] * jax.numpy.exp(-x[1] * t) + x[2] - y

    def value(x, y):
        r = residuals(x, y)
        return 0.5 * (r * r).sum()

    lm = optimistix.LevenbergMarquardt(rtol=1e-6, atol=1e-6)
    bfgs = optimistix.BFGS(rtol=1e-6, atol=1e-6)

    @jax.jit
    @jax.vmap
    def with_lm(x, y):
        return optimistix.least_squares(residuals, lm, x, y, throw=False, max_steps=256).value

    @jax.jit
    @jax.vmap
    def with_bfgs(x, y):
        return optimistix.minimise(value, bfgs, x, y, throw=False, max_steps=256).value

    return {
        "jax.vmap, optimistix LM": lambda y, X0: np.asarray(with_lm(X0, y)),
        "jax.vmap, optimistix BFGS": lambda y, X0: np.asarray(with_bfgs(X0, y)),
    }


def compare_decays(
    count: int = FITS, rounds: int = ROUNDS
) -> list[tuple[str, float, float, float]]:
    """(name, medians of seconds and of CPU seconds per fit, share of fits solved), in turns."""
    y, X0 = decay_data(count)
    every, some, part = slice(None), slice(0, SAMPLED), slice(0, min(count, 10_000))
    runs: dict[str, tuple[Callable, slice]] = {
        "minimize_batch, 2 threads": (lambda y, X0: batch(y, X0, 2).x, every),
        "minimize_batch, 1 thread": (lambda y, X0: batch(y, X0, 1).x, every),
        "2 threads, an exp that vectorises": (lambda y, X0: batch(y, X0, 2, decay_wide).x, every),
        "1 thread, an exp that vectorises": (lambda y, X0: batch(y, X0, 1, decay_wide).x, every),
        "loop over minimize": (loop_fastmomentum, some),
        "loop over SciPy L-BFGS-B": (loop_lbfgsb, some),
        "loop over SciPy least_squares (lm)": (loop_least_squares, some),
        "loop over SciPy curve_fit": (loop_curve_fit, some),
    }
    solver = ndoptimize_solver()
    if solver is not None:
        runs["ndoptimize (LM, Numba's threads)"] = (solver, every)
    runs |= {name: (solve, part) for name, solve in jax_solvers().items()}
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    values = {}
    for name, (solve, rows) in runs.items():  # compile for these shapes
        values[name] = decay_values(solve(y[rows], X0[rows]), y[rows])
    best = np.full(count, np.inf)
    for name, (_, rows) in runs.items():
        best[rows] = np.fmin(best[rows], values[name])
    for _ in range(rounds):
        for name, (solve, rows) in runs.items():
            start, cpu = time.perf_counter(), time.process_time()
            solve(y[rows], X0[rows])
            cpu = time.process_time() - cpu
            times[name].append(((time.perf_counter() - start) / len(y[rows]), cpu / len(y[rows])))
    return [
        (
            name,
            statistics.median(wall for wall, _ in times[name]),
            statistics.median(cpu for _, cpu in times[name]),
            float((values[name] <= (1.0 + EXCESS) * best[rows]).mean()),
        )
        for name, (_, rows) in runs.items()
    ]


# -- diffusion tensors -----------------------------------------------------------------------------


@compiled
def tensor(x, out, design, s):
    """Half the sum of squares of x[0] exp(-design @ x[1:]) - s: six entries of D, in mm^2/s."""
    total = 0.0
    for j in range(7):
        out[j] = 0.0
    for i in range(s.size):
        power = 0.0
        for j in range(6):
            power += design[i, j] * x[1 + j]
        e = math.exp(min(-power, 50.0))
        r = x[0] * e - s[i]
        total += r * r
        out[0] += r * e
        for j in range(6):
            out[1 + j] -= r * x[0] * e * design[i, j]
    return 0.5 * total


@compiled
def tensor_pair(x, design, s):
    """`tensor` as SciPy takes it."""
    out = np.empty(7)
    return tensor(x, out, design, s), out


def tensor_data() -> tuple[str, np.ndarray, np.ndarray]:
    """Design (65, 6) and signals (voxels, 65), relative to those without gradient."""
    try:
        import dipy
        import nibabel

        folder = Path(dipy.__file__).parent / "data" / "files"
        signal = nibabel.load(folder / "small_64D.nii").get_fdata().reshape(-1, 65)
        b = np.load(folder / "small_64D.bvals.npy")
        g = np.nan_to_num(np.load(folder / "small_64D.gradients.npy"))
        words = "dipy's small_64D"
    except (ImportError, OSError):
        rng = np.random.default_rng(0)
        b = np.append(0.0, np.full(64, 1000.0))
        g = rng.standard_normal((65, 3))
        g /= np.linalg.norm(g, axis=1, keepdims=True)
        words = "synthetic tensors"
    columns = [g[:, 0] ** 2, g[:, 1] ** 2, g[:, 2] ** 2]
    columns += [2.0 * g[:, i] * g[:, j] for i, j in ((0, 1), (0, 2), (1, 2))]
    design = b[:, None] * np.stack(columns, axis=1)
    if words.startswith("synthetic"):
        parts = rng.standard_normal((1000, 3, 3)) * 0.02
        d = parts @ parts.transpose(0, 2, 1) + 3e-4 * np.eye(3)
        entries = [d[:, i, j] for i, j in ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))]
        signal = 500.0 * np.exp(-np.stack(entries, axis=1) @ design.T)
        signal += 10.0 * rng.standard_normal(signal.shape)
    good = signal[:, 0] > 0.0
    return words, design, np.ascontiguousarray(signal[good] / signal[good, :1])


def compare_tensors() -> tuple[str, list[tuple[str, float, float, float]]]:
    """(name, seconds per voxel, share of voxels within 1e-3, share that is not but says success).

    Within 1e-3 of the lowest of `least_squares` and the others: all entries of D, relative to the
    largest.
    """
    words, design, s = tensor_data()
    start = np.array([1.0, 1e-3, 1e-3, 1e-3, 0.0, 0.0, 0.0])

    def value(x, s):
        return 0.5 * ((x[:, :1] * np.exp(-x[:, 1:] @ design.T) - s) ** 2).sum(axis=1)

    def batched():
        found = minimize_batch(tensor, start, (design, s), (False, True), jac=True, workers=2)
        return found.x, found.success

    def loop(**kwargs):
        runs = [scipy_minimize(tensor_pair, start, (design, row), jac=True, **kwargs) for row in s]
        return np.array([r.x for r in runs]), np.array([r.success for r in runs])

    def reference():
        def residuals(x, row):
            return x[0] * np.exp(-design @ x[1:]) - row

        def jacobian(x, row):
            e = np.exp(-design @ x[1:])
            return np.concatenate([e[:, None], -x[0] * e[:, None] * design], axis=1)

        tight = {"xtol": 1e-12, "ftol": 1e-12, "gtol": 1e-12, "x_scale": "jac"}
        runs = [
            least_squares(residuals, start, jacobian, args=(row,), method="lm", **tight)
            for row in s
        ]
        return np.array([r.x for r in runs]), np.array([r.success for r in runs])

    solvers = {
        "minimize_batch, 2 threads": batched,
        "loop over SciPy L-BFGS-B": lambda: loop(method="L-BFGS-B"),
        "loop over SciPy BFGS": lambda: loop(method="BFGS"),
        "loop over SciPy least_squares (lm)": reference,
    }
    found = {name: solve() for name, solve in solvers.items()}
    taken = medians(solvers, ROUNDS)
    values = {name: value(x, s) for name, (x, _) in found.items()}
    names = list(solvers)
    lowest = np.argmin([np.where(np.isfinite(values[name]), values[name], np.inf)
                        for name in reversed(names)], axis=0)  # fmt: skip
    best = np.array([found[name][0] for name in reversed(names)])[lowest, np.arange(len(s))]
    size = np.abs(best[:, 1:]).max(axis=1)
    rows = []
    for name in names:
        x, success = found[name]
        close = np.abs(x[:, 1:] - best[:, 1:]).max(axis=1) <= 1e-3 * size
        rows.append((name, taken[name] / len(s), close.mean(), (success & ~close).mean()))
    return f"{words}, {len(s)} voxels", rows


# -- the first call --------------------------------------------------------------------------------

FIRST_CALL = """
import sys, time
import numpy as np
from numba import njit
from fastmomentum import minimize_batch

@njit(cache=True)
def fun(x, out, a):
    total = 0.0
    for i in range(x.size):
        out[i] = 2.0 * (x[i] - a[i])
        total += (x[i] - a[i]) ** 2
    return total

a = np.ones((4, 3))
fun(a[0], a[1].copy(), a[0])
times = []
for _ in range(2):
    start = time.process_time()
    minimize_batch(fun, np.zeros(3), (a,), True, jac=True)
    times.append(time.process_time() - start)
sys.stdout.write(" ".join(map(str, times)))
"""


def first_call() -> tuple[float, float, float]:
    """CPU seconds of the first call with an empty cache, with a filled one, and of the second."""
    with tempfile.TemporaryDirectory() as folder:
        cold = run_child(FIRST_CALL, folder, NUMBA_CACHE_DIR=folder).split()
        warm = run_child(FIRST_CALL, folder, NUMBA_CACHE_DIR=folder).split()
    return float(cold[0]), float(warm[0]), float(warm[1])


# -- one problem per vector lane -------------------------------------------------------------------
# What a structure of arrays would give: gradient descent at a fixed rate for the decays, the same
# number of steps for each, 8 problems at once. Not in the library: the objective would have to be
# written for it, and an objective whose loop over the data vectorises gains more, with no change
# of the library.

LANES = 8


def _descent(exp):
    @njit(error_model="numpy", fastmath={"contract", "reassoc", "nsz"}, nogil=True)
    def run(X, t, y, rate, steps):
        for p in range(len(X)):
            a, k, c = X[p, 0], X[p, 1], X[p, 2]
            for _ in range(steps):
                g0, g1, g2 = 0.0, 0.0, 0.0
                for i in range(t.size):
                    e = exp(-k * t[i])
                    r = a * e + c - y[p, i]
                    g0 += r * e
                    g1 -= r * a * e * t[i]
                    g2 += r
                a, k, c = a - rate * g0, k - rate * g1, c - rate * g2
            X[p, 0], X[p, 1], X[p, 2] = a, k, c

    return run


@njit(error_model="numpy", fastmath={"contract", "reassoc", "nsz"}, nogil=True)
def lanes(X, t, y, rate, steps):
    """X is (blocks, 3, LANES), y is (blocks, n_t, LANES)."""
    g = np.empty((3, LANES))
    for p in range(len(X)):
        x = X[p]
        for _ in range(steps):
            for j in range(LANES):
                g[0, j] = g[1, j] = g[2, j] = 0.0
            for i in range(t.size):
                for j in range(LANES):
                    e = short_exp(-x[1, j] * t[i])
                    r = x[0, j] * e + x[2, j] - y[p, i, j]
                    g[0, j] += r * e
                    g[1, j] -= r * x[0, j] * e * t[i]
                    g[2, j] += r
            for j in range(LANES):
                x[0, j] -= rate * g[0, j]
                x[1, j] -= rate * g[1, j]
                x[2, j] -= rate * g[2, j]


def lane_figures(count: int = 4096, steps: int = 20) -> dict[str, float]:
    """Nanoseconds per gradient of one problem of 64 points, one thread."""
    y, X0 = decay_data(count)
    blocks = np.ascontiguousarray(X0.reshape(-1, LANES, 3).transpose(0, 2, 1))
    y_blocks = np.ascontiguousarray(y.reshape(-1, LANES, 64).transpose(0, 2, 1))
    plain, short = _descent(math.exp), _descent(short_exp)
    rate = 1e-3
    runs = {
        "one problem after the other, libm's exp": lambda: plain(X0.copy(), TIMES, y, rate, steps),
        "one after the other, polynomial exp": lambda: short(X0.copy(), TIMES, y, rate, steps),
        "8 problems at once, polynomial exp": lambda: lanes(
            blocks.copy(), TIMES, y_blocks, rate, steps
        ),
    }
    medians(runs, 1)  # compiles
    return {name: 1e9 * taken / count / steps for name, taken in medians(runs).items()}


# -- asv -------------------------------------------------------------------------------------------


class Decays:
    """Microseconds per fit of 20,000 exponential decays."""

    params = (1, 2)
    param_names = ("workers",)
    timeout = 120

    def setup(self, workers):
        self.y, self.X0 = decay_data(20_000)
        batch(self.y[:10], self.X0[:10], workers)

    def track_fit(self, workers):
        start = time.perf_counter()
        batch(self.y, self.X0, workers)
        return 1e6 * (time.perf_counter() - start) / len(self.y)

    track_fit.unit = "us/fit"


class Tiny:
    """What a problem costs beside its evaluations: a parabola in one variable."""

    def setup(self):
        self.a = np.random.default_rng(0).standard_normal(100_000)
        self.solve(10)

    def solve(self, count):
        return minimize_batch(parabola, [0.0], (self.a[:count],), True, jac=True, workers=1)

    def track_problem(self):
        start = time.perf_counter()
        self.solve(len(self.a))
        return 1e9 * (time.perf_counter() - start) / len(self.a)

    track_problem.unit = "ns/problem"


@compiled
def parabola(x, out, a):
    """One variable."""
    out[0] = 2.0 * (x[0] - a)
    return (x[0] - a) ** 2


@njit(nogil=True, cache=True)
def spin(count):
    """Arithmetic without memory."""
    total = 0.0
    for i in range(count):
        total = math.sin(total + i)
    return total


def two_threads() -> float:
    """Time of two threads at once, over that of one: what the machine has to give just now."""
    spin(10)

    def seconds(count):
        threads = [threading.Thread(target=spin, args=(5_000_000,)) for _ in range(count)]
        start = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.perf_counter() - start

    return statistics.median(seconds(2) / seconds(1) for _ in range(5))


# -- report ----------------------------------------------------------------------------------------


def phantom(size: int = 160) -> tuple[np.ndarray, np.ndarray]:
    """Decay rates of an image of ellipses, and noisy signals pixel by pixel."""
    v, u = np.mgrid[-1.0 : 1.0 : size * 1j, -1.0 : 1.0 : size * 1j]
    rate = np.full((size, size), 0.6)
    for cu, cv, ru, rv, value in (
        (0.0, 0.0, 0.8, 0.92, 1.2),
        (0.0, 0.05, 0.7, 0.8, 1.6),
        (-0.3, -0.1, 0.2, 0.4, 2.6),
        (0.3, -0.1, 0.15, 0.4, 2.2),
        (0.0, 0.45, 0.25, 0.15, 0.9),
        (0.0, -0.6, 0.1, 0.1, 3.0),
    ):
        rate[((u - cu) / ru) ** 2 + ((v - cv) / rv) ** 2 < 1.0] = value
    rng = np.random.default_rng(0)
    y = 3.0 * np.exp(-rate[..., None] * TIMES) + 0.5 + 0.1 * rng.standard_normal((size, size, 64))
    return rate, y


def draw(path: str) -> None:
    """The phantom's decay rates, fitted pixel by pixel."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rate, y = phantom()
    flat = y.reshape(-1, 64)
    X0 = np.stack([flat[:, 0] - flat[:, -1], np.ones(len(flat)), flat[:, -1]], axis=1)
    batch(flat[:10], X0[:10], 2)
    found = batch(flat, X0, 2)
    figure, axes = pyplot.subplots(1, 3, figsize=(9.0, 3.2), layout="constrained")
    titles = ("signal at t = 0.63", "decay rate, fitted", "decay rate, true")
    pictures = (y[..., 10], found.x[:, 1].reshape(rate.shape), rate)
    for axis, title, picture in zip(axes, titles, pictures, strict=True):
        limits = {} if axis is axes[0] else {"vmin": 0.4, "vmax": 3.2}
        shown = axis.imshow(picture, cmap="viridis", interpolation="nearest", **limits)
        axis.set_title(title, fontsize=10)
        axis.set_axis_off()
    figure.colorbar(shown, ax=axes[1:], shrink=0.8)
    figure.suptitle(f"{len(flat):,} fits in {found.time:.2f} s", fontsize=11)
    figure.savefig(path, dpi=90)


def main() -> None:
    """Print every table."""
    print(machine())
    rows = compare_decays()
    base, base_cpu = next(row[1:3] for row in rows if row[0] == "loop over SciPy L-BFGS-B")
    print(f"\n{FITS:,} exponential decays of 64 points, 3 parameters (loops: {SAMPLED} of them,")
    print(f"jax: 10,000), medians of {ROUNDS} rounds in turns; solved: within {EXCESS:g} of the")
    print("lowest sum of squares\n")
    print("| solver | us per fit | SciPy L-BFGS-B / it | CPU us per fit | ratio | solved |")
    print("|---|--:|--:|--:|--:|--:|")
    for name, s, cpu, share in rows:
        print(f"| {name} | {1e6 * s:,.1f} | {base / s:,.1f} | {1e6 * cpu:,.1f} | "
              f"{base_cpu / cpu:,.1f} | {100 * share:.2f} % |")  # fmt: skip
    print(
        f"\nTwo threads of plain arithmetic took {two_threads():.2f} times as long as one (1.0 on"
    )
    print("two idle cores, 2.0 where there was one).")
    words, tensors = compare_tensors()
    base = tensors[1][1]
    print(f"\nDiffusion tensors: {words}, 65 signals, 7 parameters of sizes 1 and 1e-3\n")
    print("| solver | us per voxel | L-BFGS-B / it | within 1e-3 | success, but not within |")
    print("|---|--:|--:|--:|--:|")
    for name, s, share, silent in tensors:
        print(f"| {name} | {1e6 * s:,.0f} | {base / s:,.1f} | {100 * share:.1f} % | "
              f"{100 * silent:.1f} % |")  # fmt: skip
    tiny = Tiny()
    tiny.setup()
    cost = statistics.median(tiny.track_problem() for _ in range(5))
    print(f"\nA parabola in one variable, 5 evaluations: {cost:,.0f} ns per problem")
    cold, warm, again = first_call()
    print(f"\nCPU time of the first call: {cold:.1f} s with an empty cache, {warm:.2f} s with a ")
    print(f"filled one; of the next: {1e3 * again:.1f} ms")
    print("\nA gradient of 64 points, ns, at a fixed rate in one thread (prototype)\n")
    for name, ns in lane_figures().items():
        print(f"{name}: {ns:,.0f}")
    try:
        draw(str(Path(__file__).parent / "results" / "decay-map.png"))
    except ImportError:
        print("\nno picture without matplotlib")


if __name__ == "__main__":
    main()
