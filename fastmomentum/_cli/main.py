# ruff: noqa: T201  (a command line prints; the library never does)
"""Command line: ``fastmomentum demo``, ``bench``, ``info`` and ``warmup``."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import platform
import sys
import time
from collections.abc import Sequence
from importlib import metadata

from .._numba.threads import processors

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the program's name; those of the process by default.

    Returns
    -------
    int
        Exit status: 0 for success.
    """
    args = _parser().parse_args(argv)
    return args.run(args)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fastmomentum",
        description="Momentum methods with the call of scipy.optimize.minimize, compiled by Numba.",
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="command")

    demo = commands.add_parser("demo", help="solve two real problems beside SciPy and draw them")
    demo.add_argument("--output", default="fastmomentum-demo.png", help="default: %(default)s")
    demo.add_argument("--no-plot", action="store_true", help="print the tables only")
    demo.set_defaults(run=_run_demo)

    bench = commands.add_parser(
        "bench",
        help="compare the methods with SciPy's on the test problems",
        description="Compare the methods with SciPy's on the test problems: evaluations and time.",
    )
    bench.add_argument("--groups", nargs="+", metavar="GROUP", help="default: all of them")
    bench.add_argument(
        "--problems",
        metavar="MODULE",
        help="further groups, those of the problems that its function collection() returns, such "
        "as benchmarks.holdout in a checkout",
    )
    bench.add_argument(
        "--methods",
        nargs="+",
        metavar="METHOD",
        help="names, with options as momentum:memory=1; default: momentum, momentum:memory=1, "
        "adam, nesterov, gd, L-BFGS-B, BFGS, CG",
    )
    bench.add_argument(
        "--budget",
        type=_positive,
        default=5000,
        metavar="N",
        help="most evaluations per problem (default: %(default)s)",
    )
    bench.add_argument("--no-time", action="store_true", help="count evaluations only")
    bench.add_argument(
        "--output", metavar="PNG", help="draw the profiles, as performance-profile.png"
    )
    bench.add_argument("--csv", metavar="CSV", help="write every run")
    bench.set_defaults(run=_run_bench)

    info = commands.add_parser("info", help="show versions, threads, CUDA and the cache")
    info.set_defaults(run=_run_info)

    warmup = commands.add_parser("warmup", help="compile every loop into Numba's disk cache")
    warmup.set_defaults(run=_run_warmup)
    return parser


def _run_demo(args: argparse.Namespace) -> int:
    missing = [name for name in ("sklearn", "statsmodels") if not _installed(name)]
    if missing:
        return _refused("The demo's data come with", missing)
    from fastmomentum._cli import demo

    print(
        "Every solver starts at 0, runs the same compiled objective and stops at "
        f"|grad|_inf <= {demo.GTOL:g};\nBLAS runs on one thread.\n"
        "cold: first call in this process, the objective being compiled before; the first run "
        "ever compiles\nfastmomentum's loops here, later ones load them from the disk cache. "
        "warm: median of repeated calls.\n"
        "Every solver chooses its own steps."
    )
    results = []
    for load in demo.PROBLEMS:
        problem = load()
        rows = demo.run_solvers(problem)
        results.append((problem, rows))
        print(f"\n{problem.title}\n{demo.format_table(rows)}\n  {demo.verdict(rows)}")

    if args.no_plot:
        return 0
    if not _installed("matplotlib"):
        print('\nNo picture: it needs matplotlib, pip install "fastmomentum[plot]".')
        return 0
    demo.save_figure(args.output, results)
    print(f"\nPicture: {args.output}")
    return 0


def _refused(words: str, missing: Sequence[str]) -> int:
    """Say which packages are missing; the exit status."""
    print(
        f"{words} {' and '.join(missing)}: "
        'pip install "fastmomentum[demo]" (or ".[demo]" in a checkout).',
        file=sys.stderr,
    )
    return 1


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {value}")
    return value


def _run_bench(args: argparse.Namespace) -> int:
    from fastmomentum import problems
    from fastmomentum._cli import bench

    try:
        further = bench.load_problems(args.problems) if args.problems else {}
        groups = list(dict.fromkeys(args.groups or (*bench.GROUPS, *further)))
        for group in groups:
            if group not in further:
                problems.names(group)
        solvers = [bench.parse_solver(text) for text in args.methods or bench.DEFAULT_METHODS]
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    needed = ["threadpoolctl", *(["sklearn"] if "regression" in groups else [])]
    missing = [name for name in needed if not _installed(name)]
    if args.output and not _installed("matplotlib"):
        missing.append("matplotlib")
    if missing:
        return _refused("bench needs", missing)
    timed = not args.no_time
    print(
        f"Every solver runs the same compiled objective from the same x0 until |gradient|_inf <= "
        f"{bench.GTOL:g},\n{args.budget} evaluations at most. solved: the gradient evaluated anew "
        "at the solver's point is that small.\nevals: of value and gradient together, the geometric"
        f" mean of the ratio to {bench.BASELINE}'s where both solved.\n% within: share of the "
        "problems solved at no more than this multiple of the best solver's evaluations or time.\n"
        "BFGS runs where n <= 500 only."
    )
    if timed:
        print(
            "Times are warm, BLAS has one thread. time: the median ratio where both solved. "
            f"% faster: of the problems\nthat it or {bench.BASELINE} solved."
        )
    seen: list = []
    unseen: list = []
    standard = [group for group in groups if group not in further]
    for group in standard:
        outcomes = list(bench.run(problems.collection(group), solvers, args.budget, timed))
        seen += outcomes
        _print_bench(group, outcomes, timed)
    if len(standard) > 1:
        _print_bench("together", seen, timed)
    if seen and any(solver.ours for solver in solvers):
        print("\nSome constants of the methods may have been chosen on the groups above.")
    for group in groups:
        if group in further:
            outcomes = list(bench.run(further[group], solvers, args.budget, timed))
            unseen += outcomes
            _print_bench(f"{group}: no constant was chosen on these", outcomes, timed)
    _print_losses(seen + unseen)
    if args.csv:
        bench.write_csv(args.csv, seen + unseen)
        print(f"\nRuns: {args.csv}")
    if args.output:
        bench.save_figure(args.output, seen + unseen, timed)
        print(f"\nPicture: {args.output}")
    return 0


def _print_bench(name: str, outcomes: list, timed: bool) -> None:
    from fastmomentum._cli import bench

    title = f"{name} ({len(bench.by_problem(outcomes))} problems)"
    table = bench.format_table(title, bench.summarize(outcomes, timed), timed)
    print(f"\n{table}", flush=True)


def _print_losses(outcomes: list) -> None:
    from fastmomentum._cli import bench

    if not any(outcome.solver == bench.OURS for outcome in outcomes):
        return
    found = bench.losses(outcomes)
    print(
        f"\nLosses of {bench.OURS}: unsolved by it but by another, or over "
        f"{bench.LOSS_FACTOR:g} times {bench.BASELINE}'s evaluations"
    )
    print("\n".join(found) if found else "  none")


def _run_info(args: argparse.Namespace) -> int:
    lines = [
        ("fastmomentum", importlib.import_module("fastmomentum").__version__),
        ("python", platform.python_version()),
        *((name, _version(name)) for name in ("numba", "llvmlite", "numpy", "scipy")),
        ("platform", f"{platform.platform()}, {os.cpu_count()} CPUs ({processors()} usable)"),
        ("threads", _threads()),
        ("CUDA", _cuda()),
        ("cache", _cache()),
    ]
    for name, value in lines:
        print(f"{name:<13} {value}")
    return 0


def _installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "not installed"


def _threads() -> str:
    """Numba's threading setup, read off without starting any thread."""
    config = importlib.import_module("numba.core.config")
    layers = []
    for layer, module in (("tbb", "tbbpool"), ("omp", "omppool"), ("workqueue", "workqueue")):
        try:
            importlib.import_module(f"numba.np.ufunc.{module}")
        except ImportError:
            continue
        layers.append(layer)
    available = ", ".join(layers) or "none"
    return (
        f"{config.NUMBA_NUM_THREADS} threads, layer {config.THREADING_LAYER!r}, "
        f"available: {available}"
    )


def _cuda() -> str:
    if not _installed("numba_cuda"):
        return "numba-cuda is not installed"
    version = _version("numba-cuda")
    # Drivers fail in many ways (no library, wrong version, no permission); `info` reports them all.
    try:
        cuda = importlib.import_module("numba.cuda")
        if not cuda.is_available():
            return f"numba-cuda {version}, no usable device"
        device = cuda.get_current_device()
        name = device.name.decode() if isinstance(device.name, bytes) else device.name
        major, minor = device.compute_capability
        return f"numba-cuda {version}, {name}, compute capability {major}.{minor}"
    except Exception as error:
        first_line = (str(error).splitlines() or [""])[0]
        return f"numba-cuda {version}, fails with {type(error).__name__}: {first_line}"


def _cache() -> str:
    """Where Numba keeps this package's compiled code."""
    if os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
        return "unused: NUMBA_DISABLE_JIT is set"
    # Numba's own search, which tries to write before it settles on a directory.
    loops = importlib.import_module("fastmomentum._loops.drivers")
    path = importlib.import_module("fastmomentum._numba.cache").directory(loops.driver)
    if path is None:
        return (
            "no writable directory: each process compiles anew; set NUMBA_CACHE_DIR to a "
            "writable one"
        )
    return f"{path} (writable)"


def _run_warmup(args: argparse.Namespace) -> int:
    start = time.perf_counter()
    from fastmomentum._cli.demo import warm_up

    for done, seconds in warm_up():
        print(f"{done:<24} {seconds:8.3f} s")
    print(f"{'total':<24} {time.perf_counter() - start:8.3f} s")
    print(f"cache: {_cache()}")
    return 0
