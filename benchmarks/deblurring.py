"""Total-variation denoising and deblurring of a photograph, 512 x 512: 262,144 unknowns.

The picture is scikit-image's `camera`, in [0, 1]. The data term is the user's own compiled
function: the distance to the noisy picture, or to the noisy and blurred one, the blur a separable
Gaussian with reflecting edges, which is its own adjoint.

Smoothed total variation is solved by momentum, in float64 and float32, beside SciPy's L-BFGS-B on
the same compiled function; exact total variation by Nesterov's method with `penalties.TV2D`, beside
scikit-image's `denoise_tv_chambolle` where that fits.

``python benchmarks/deblurring.py [folder]`` prints the tables, and writes them and a picture to the
folder; it takes a few minutes. scikit-image is needed, and matplotlib for the picture.
"""

from __future__ import annotations

import functools
import importlib.util
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.common import compiled_wide, environment, medians, printed_to, solve_scipy
from fastmomentum import minimize
from fastmomentum.penalties import TV2D

WEIGHT = 0.1
EPSILON = 1e-3
BLUR = 1.5
# Noise, and the scale of the data term, scale / 2 |A x - b|^2: with the scale 1 the weight 0.1 is
# right for noise of 0.1 and much too high for the deblurring, whose noise is 0.02.
DENOISING = (0.1, 1.0)
DEBLURRING = (0.02, 50.0)


# -- the user's functions --------------------------------------------------------------------------


@compiled_wide
def blur(image, out, rows, columns, taps, work):
    """Gaussian blur, edges reflected about the border (…b a | a b…): a symmetric matrix.

    `taps` is the half kernel; `work` holds a row and its reflections.
    """
    reach = taps.size - 1
    line = work[reach : reach + columns]
    for i in range(rows):
        here = image[i * columns : (i + 1) * columns]
        for j in range(columns):
            line[j] = taps[0] * here[j]
        for k in range(1, reach + 1):
            up = i - k if i >= k else k - 1 - i
            down = i + k if i + k < rows else 2 * rows - 1 - i - k
            above = image[up * columns : (up + 1) * columns]
            below = image[down * columns : (down + 1) * columns]
            tap = taps[k]
            for j in range(columns):
                line[j] += tap * (above[j] + below[j])
        for k in range(reach):
            work[reach - 1 - k] = line[k]
            work[reach + columns + k] = line[columns - 1 - k]
        target = out[i * columns : (i + 1) * columns]
        for j in range(columns):
            target[j] = taps[0] * line[j]
        for k in range(1, reach + 1):
            left = work[reach - k : reach - k + columns]
            right = work[reach + k : reach + k + columns]
            tap = taps[k]
            for j in range(columns):
                target[j] += tap * (left[j] + right[j])


@compiled_wide
def distance(x, out, data, scale):
    """`scale` / 2 |x - data|^2."""
    total = 0.0
    for i in range(x.size):
        gap = x[i] - data[i]
        out[i] = scale * gap
        total += gap * gap
    return 0.5 * scale * total


@compiled_wide
def blurred_distance(x, out, data, scale, size, kernel):
    """`scale` / 2 |blur(x) - data|^2; the kernel's taps, and space to work in."""
    rows, columns = size
    taps, gap, work = kernel
    blur(x, gap, rows, columns, taps, work)
    total = 0.0
    for i in range(x.size):
        gap[i] -= data[i]
        total += gap[i] * gap[i]
        gap[i] *= scale
    blur(gap, out, rows, columns, taps, work)
    return 0.5 * scale * total


@compiled_wide
def add_smooth_tv(x, out, size, tv):
    """Add the gradient of the smoothed total variation; returns its value.

    `tv` is its weight and smoothing, and space of columns + 1 and of twice columns entries.
    """
    rows, columns = size
    weight, epsilon, across, down = tv
    total = 0.0
    across[0] = 0.0
    square = epsilon * epsilon
    for j in range(columns):
        down[j] = 0.0
    for i in range(rows):
        last = i == rows - 1
        here = x[i * columns : (i + 1) * columns]
        below = here if last else x[(i + 1) * columns : (i + 2) * columns]
        target = out[i * columns : (i + 1) * columns]
        before = down[:columns] if i % 2 == 0 else down[columns:]
        now = down[columns:] if i % 2 == 0 else down[:columns]
        for j in range(columns - 1):
            a = here[j + 1] - here[j]
            b = below[j] - here[j]
            root = np.sqrt(a * a + b * b + square)
            total += root
            across[j + 1] = weight * a / root
            now[j] = weight * b / root
        b = below[columns - 1] - here[columns - 1]
        root = np.sqrt(b * b + square)
        total += root
        across[columns] = weight * (b - b)
        now[columns - 1] = weight * b / root
        for j in range(columns):
            target[j] += across[j] - across[j + 1] + before[j] - now[j]
    return weight * total


@compiled_wide
def smooth_denoising(x, out, data, scale, size, tv):
    """Denoising with smoothed total variation."""
    return distance(x, out, data, scale) + add_smooth_tv(x, out, size, tv)


@compiled_wide
def smooth_deblurring(x, out, data, scale, size, kernel, tv):
    """Deblurring with smoothed total variation."""
    return blurred_distance(x, out, data, scale, size, kernel) + add_smooth_tv(x, out, size, tv)


# -- the problems ----------------------------------------------------------------------------------


class Picture(NamedTuple):
    """What is to be found, what is given, and the functions with their arguments."""

    truth: np.ndarray
    given: np.ndarray
    data_term: Callable
    data_args: tuple
    smooth: Callable
    smooth_args: tuple

    @property
    def x0(self) -> np.ndarray:
        return self.given.ravel()

    def pair(self, x):
        """Value and gradient, as SciPy wants them."""
        gradient = np.empty_like(x)
        return self.smooth(x, gradient, *self.smooth_args), gradient

    def exact(self, x: np.ndarray, penalty: TV2D) -> float:
        """Data term and exact total variation."""
        x = np.ascontiguousarray(x, self.truth.dtype).ravel()
        return self.data_term(x, np.empty_like(x), *self.data_args) + penalty.value(x)


def half_kernel(deviation: float) -> np.ndarray:
    """Gaussian weights at 0, 1, ... up to four deviations."""
    taps = np.exp(-0.5 * (np.arange(int(4.0 * deviation + 0.5) + 1) / deviation) ** 2)
    return taps / (2.0 * taps.sum() - taps[0])


def picture(blurred: bool, dtype=np.float64, truth: np.ndarray | None = None) -> Picture:
    """Denoising or deblurring of `truth`, by default the photograph."""
    if truth is None:
        from skimage.data import camera

        truth = camera() / 255.0
    rows, columns = truth.shape
    noise, scale = DEBLURRING if blurred else DENOISING
    given = truth.ravel().copy()
    taps = half_kernel(BLUR)
    reach = taps.size - 1
    if blurred:
        blur(truth.ravel(), given, rows, columns, taps, np.empty(columns + 2 * reach))
    # RandomState: NumPy guarantees its stream, which default_rng does not.
    given += noise * np.random.RandomState(1992).standard_normal(given.size)
    data = given.astype(dtype)

    def empty(n):
        return np.empty(n, dtype)

    size = (rows, columns)
    tv = (dtype(WEIGHT), dtype(EPSILON), empty(columns + 1), empty(2 * columns))
    if not blurred:
        args = (data, dtype(scale))
        fun, smooth = distance, smooth_denoising
        smooth_args = (*args, size, tv)
    else:
        kernel = (taps.astype(dtype), empty(rows * columns), empty(columns + 2 * reach))
        args = (data, dtype(scale), size, kernel)
        fun, smooth = blurred_distance, smooth_deblurring
        smooth_args = (*args, tv)
    return Picture(truth.astype(dtype), data.reshape(size), fun, args, smooth, smooth_args)


def psnr(image: np.ndarray, truth: np.ndarray) -> float:
    """Peak signal-to-noise ratio in decibels, for pictures in [0, 1]."""
    gap = image.ravel().astype(np.float64) - truth.ravel()
    return -10.0 * math.log10(float(np.mean(gap * gap)))


# -- smoothed total variation ----------------------------------------------------------------------

LEVELS = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)


def solve_momentum(problem: Picture, **options):
    """Momentum with automatic rate, from the given picture."""
    settings = {"gtol": 0.0, "maxiter": 10**5, **options}
    return minimize(
        problem.smooth, problem.x0, args=problem.smooth_args, jac=True, options=settings
    )


def solve_lbfgsb(problem: Picture, callback=None, **options):
    """SciPy's L-BFGS-B on the same compiled function."""
    return solve_scipy(problem, "L-BFGS-B", callback=callback, **{"gtol": 0.0, **options})


def values_lbfgsb(problem: Picture, maxiter: int) -> np.ndarray:
    """The objective after each iteration of L-BFGS-B."""
    values = [problem.pair(problem.x0)[0]]

    def keep(intermediate_result):
        values.append(intermediate_result.fun)

    solve_lbfgsb(problem, keep, maxiter=maxiter)
    return np.array(values)


def compare_smooth(blurred: bool, longest: int = 500, repeats: int = 3) -> None:
    """Time to given levels above the lowest objective, and runs to each solver's own end."""
    problem = picture(blurred)
    single = picture(blurred, np.float32)
    solve_momentum(single, maxiter=1)
    history = solve_momentum(problem, maxiter=longest, history=True).history["fun"]
    other = values_lbfgsb(problem, longest)
    lowest = float(min(history.min(), other.min()))
    print(f"lowest objective found: {lowest:.9g}\n")
    print("Median time, and iterations, until the objective is within a share of the lowest\n")
    print("| above the lowest | momentum | L-BFGS-B | time / L-BFGS-B |")
    print("|--:|--:|--:|--:|")
    for level in LEVELS:
        limit = lowest + level * abs(lowest)
        if history.min() > limit or other.min() > limit:
            print(f"| {level:.0e} | not reached in {longest} iterations | | |")
            continue
        first, second = int(np.argmax(history <= limit)), int(np.argmax(other <= limit))
        found = medians(
            {
                "momentum": functools.partial(solve_momentum, problem, maxiter=first),
                "L-BFGS-B": functools.partial(solve_lbfgsb, problem, maxiter=second),
            },
            repeats,
        )
        ours, theirs = found["momentum"], found["L-BFGS-B"]
        print(
            f"| {level:.0e} | {ours:.2f} s ({first}) | {theirs:.2f} s ({second}) "
            f"| {ours / theirs:.2f} |"
        )
    runs: dict[str, Callable] = {
        "momentum, float64, gtol 1e-5": lambda: solve_momentum(problem, gtol=1e-5),
        "momentum, float64, gtol 1e-3": lambda: solve_momentum(problem, gtol=1e-3),
        "momentum, float32, gtol 1e-3": lambda: solve_momentum(single, gtol=1e-3),
        "L-BFGS-B, SciPy's defaults": lambda: solve_lbfgsb(problem, gtol=1e-5, ftol=2.2e-9),
        "L-BFGS-B, gtol 1e-5": lambda: solve_lbfgsb(problem, gtol=1e-5),
    }
    ends = {name: run() for name, run in runs.items()}
    taken = medians(runs, 3)
    print("\nEach to its own end; the objective of every x is computed in float64\n")
    print("| run | time | iterations | evaluations | above the lowest | PSNR |")
    print("|---|--:|--:|--:|--:|--:|")
    for name, end in ends.items():
        value = problem.pair(end.x.astype(np.float64))[0]
        print(
            f"| {name} | {taken[name]:.2f} s | {end.nit} | {end.nfev} "
            f"| {value / lowest - 1.0:.1e} | {psnr(end.x, problem.truth):.3f} dB |"
        )
    loss = psnr(ends["momentum, float64, gtol 1e-5"].x, problem.truth) - psnr(
        ends["momentum, float32, gtol 1e-3"].x, problem.truth
    )
    print(f"\nfloat32's PSNR differs from float64's by {abs(loss):.4f} dB (limit 0.05).")


# -- exact total variation -------------------------------------------------------------------------


def solve_exact(problem: Picture, tol: float = 1e-5, **options):
    """Nesterov's method with the exact total variation."""
    return minimize(
        problem.data_term,
        problem.x0,
        args=problem.data_args,
        jac=True,
        method="nesterov",
        penalty=TV2D(WEIGHT, problem.truth.shape, tol=tol),
        options=options,
    )


def compare_exact(repeats: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Denoising beside scikit-image, and deblurring; returns the pictures found."""
    problem = picture(False)
    penalty = TV2D(WEIGHT, problem.truth.shape, tol=1e-9, max_inner=20_000)
    lowest = problem.exact(penalty.prox(problem.given, 1.0), penalty)
    runs: dict[str, Callable] = {}
    for tol in (1e-2, 1e-3, 1e-4, 1e-5, 1e-6):
        h = TV2D(WEIGHT, problem.truth.shape, tol=tol, max_inner=20_000)
        runs[f"TV2D.prox, tol {tol:g}"] = functools.partial(h.prox, problem.given, 1.0)
    for tol, gtol in ((1e-3, 1e-2), (1e-5, 1e-3), (1e-6, 1e-4)):
        runs[f"nesterov, TV2D tol {tol:g}, gtol {gtol:g}"] = functools.partial(
            _picture_of, solve_exact, problem, tol, gtol=gtol
        )
    if importlib.util.find_spec("skimage"):
        from skimage.restoration import denoise_tv_chambolle

        runs["skimage, its defaults"] = functools.partial(
            denoise_tv_chambolle, problem.given, weight=WEIGHT
        )
        for count in (50, 200, 1000, 5000):
            runs[f"skimage, {count} iterations"] = functools.partial(
                denoise_tv_chambolle, problem.given, weight=WEIGHT, eps=0.0, max_num_iter=count
            )
    found = {name: run() for name, run in runs.items()}
    taken = medians(runs, repeats)
    print(f"lowest objective found: {lowest:.9g}\n")
    print("| denoising, exact TV | time | above the lowest | PSNR |")
    print("|---|--:|--:|--:|")
    for name, image in found.items():
        above = problem.exact(image, penalty) / lowest - 1.0
        print(
            f"| {name} | {taken[name]:.2f} s | {above:.1e} | {psnr(image, problem.truth):.3f} dB |"
        )
    denoised = found["TV2D.prox, tol 1e-05"]

    problem = picture(True)
    single = picture(True, np.float32)
    penalty = TV2D(WEIGHT, problem.truth.shape)
    solves: dict[str, Callable] = {
        f"{data.truth.dtype}, tol {tol:g}, gtol {gtol:g}": functools.partial(
            solve_exact, data, tol, gtol=gtol
        )
        for data, tol, gtol in (
            (problem, 1e-3, 1e-1),
            (problem, 1e-4, 1e-1),
            (single, 1e-4, 1e-1),
            (problem, 1e-5, 1e-2),
            (problem, 1e-6, 1e-3),
        )
    }
    ends = {name: solve() for name, solve in solves.items()}
    taken = medians(solves, repeats)
    values = {name: problem.exact(end.x, penalty) for name, end in ends.items()}
    lowest = min(values.values())
    print(f"\nlowest objective found: {lowest:.9g}\n")
    print("| deblurring, exact TV | time | iterations | above the lowest | PSNR | gtol met |")
    print("|---|--:|--:|--:|--:|---|")
    for name, end in ends.items():
        print(
            f"| {name} | {taken[name]:.2f} s | {end.nit} | {values[name] / lowest - 1.0:.1e} "
            f"| {psnr(end.x, problem.truth):.3f} dB | {'yes' if end.success else 'no'} |"
        )
    best = min(values, key=values.__getitem__)
    return denoised, ends[best].x.reshape(problem.truth.shape)


def _picture_of(solve, problem, *arguments, **options):
    return solve(problem, *arguments, **options).x.reshape(problem.truth.shape)


# -- the output ------------------------------------------------------------------------------------


def draw(path: Path, denoised: np.ndarray, deblurred: np.ndarray) -> None:
    """Before and after, a detail of the picture at its full resolution."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    noisy, blurry = picture(False), picture(True)
    panels = (
        ("original", noisy.truth),
        (f"noise {DENOISING[0]:g}", noisy.given),
        ("denoised", denoised),
        (f"blur {BLUR:g}, noise {DEBLURRING[0]:g}", blurry.given),
        ("deblurred", deblurred),
    )
    figure, axes = plt.subplots(1, len(panels), figsize=(11.0, 2.8), layout="constrained")
    for axis, (title, image) in zip(axes, panels, strict=True):
        shown = "" if title == "original" else f"\n{psnr(image, noisy.truth):.2f} dB"
        axis.imshow(image[60:310, 130:380], cmap="gray", vmin=0.0, vmax=1.0)
        axis.set_title(title + shown, fontsize=9)
        axis.axis("off")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main() -> int:
    """Print the tables; write them and the picture to the folder that is named."""
    if not importlib.util.find_spec("skimage"):
        print("The photograph comes with scikit-image, which is missing: pip install scikit-image")
        return 1
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    with printed_to(folder and folder / "deblurring.txt"):
        print(environment("scikit-image"))
        print(
            f"camera, 512 x 512, in [0, 1]; TV weight {WEIGHT:g}. Denoising: 1 / 2 |x - b|^2, ",
            end="",
        )
        print(f"noise {DENOISING[0]:g}.\nDeblurring: {DEBLURRING[1]:g} / 2 |K x - b|^2, ", end="")
        print(f"Gaussian blur {BLUR:g}, noise {DEBLURRING[0]:g}. Medians of interleaved repeats.")
        for blurred in (False, True):
            given = picture(blurred)
            print(f"\n{'Deblurring' if blurred else 'Denoising'}, smoothed TV, ", end="")
            print(f"epsilon {EPSILON:g}: {psnr(given.given, given.truth):.2f} dB given, ", end="")
            compare_smooth(blurred)
        print("\nExact TV: ", end="")
        denoised, deblurred = compare_exact()
    if folder and importlib.util.find_spec("matplotlib"):
        draw(folder / "deblurring.png", denoised, deblurred)
    elif folder:
        print("No picture without matplotlib: pip install matplotlib")
    return 0


if __name__ == "__main__":
    sys.exit(main())
