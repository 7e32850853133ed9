"""The default method beside the minimizers of other packages, on the same problems in one run.

``python benchmarks/peers.py`` takes up to ten minutes, ``--quick`` about one; both write a table
and a picture into ``benchmarks/results``. Each package runs in a process of its own, on one core,
which is killed if an answer takes longer than a time-out. Solvers take turns, so that a busy spell
meets all of them, and each is compared with ours in the same turn. A solver has solved a problem
if the gradient at its answer, evaluated anew by the same code for all, is small enough.

Peers that are not installed are left out, and named:
``pip install nlopt jax optax optimistix jaxopt torch ndoptimize scijit``.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import multiprocessing
import os
import shutil
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# One thread each, said before anything is imported that starts threads; not where asv imports this.
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "JAX_PLATFORMS": "cpu",
}
if not __package__:
    os.environ.update(ONE_THREAD)

import numpy as np  # noqa: E402

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.batch import EXCESS, decay_data, decay_values  # noqa: E402
from benchmarks.common import environment, printed_to  # noqa: E402
from benchmarks.peer_solvers import BATCH, GTOL, OURS, PEERS, TASKS  # noqa: E402

SLACK = 2.0  # the gradient of the same formula in other terms differs in its last digits
ROUNDS = 5
TURN = 0.02  # seconds: shorter runs are repeated within a turn
LONG = 2.0  # seconds: longer runs are timed once
TIMEOUT = 60.0
PATIENCE = 4.0  # times that, for the packages that compile much for the fits
FITS = 4_000
OURS_IN_BATCH = "fastmomentum minimize_batch"
RESULTS = Path(__file__).parent / "results"


@dataclass
class Row:
    """One solver on one problem."""

    problem: str
    solver: str
    first: float = math.nan
    """Seconds of the first call, with what it compiles."""
    error: float = math.nan
    """Largest entry of the gradient; of fits, the share that missed the lowest sum of squares."""
    solved: bool = False
    turns: list[float] = field(default_factory=list)
    note: str = ""
    ratio: float = math.nan
    """Median of the time relative to ours in the same turn."""

    @property
    def seconds(self) -> float:
        return statistics.median(self.turns) if self.turns else math.nan


# -- the process of a package ----------------------------------------------------------------------


def serve(connection: Any, peer: str) -> None:
    """Answer (command, ...) with a value, or with the text of the exception that it raised."""
    warnings.simplefilter("ignore")
    with contextlib.suppress(AttributeError, OSError):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    solvers: dict[str, tuple[Callable, ...]] = {}

    def answer(command, *what):
        nonlocal solvers
        if command == "open":
            task, count = what
            single, fits = PEERS[peer]
            if task == BATCH:
                solvers = fits(*decay_data(count)) if fits else {}
            else:
                solvers = single(task, TASKS[task]()) if single else {}
            return {name: len(attempts) for name, attempts in solvers.items()}
        name, attempt, number = what
        run = solvers[name][attempt]
        start = time.perf_counter()
        for _ in range(number):
            x = run()
        return (time.perf_counter() - start) / number, np.array(x, float)

    while True:
        try:
            request = connection.recv()
        except EOFError:
            return
        try:
            connection.send((answer(*request), None))
        except ImportError as error:
            connection.send((None, f"not installed: {error}"))
        except Exception as error:
            connection.send((None, f"{type(error).__name__}: {error}".splitlines()[0][:80]))


class Failure(Exception):
    """What a package did instead of answering."""


class Peer:
    """A package in a process that is started when it is asked, and again after a time-out."""

    def __init__(self, name: str, timeout: float):
        self.name = name
        self.timeout = timeout
        self.patience = 1.0
        self.process: Any = None
        self.opened: tuple = ()

    def ask(self, *request: Any) -> Any:
        if self.process is None:
            context = multiprocessing.get_context("spawn")
            self.connection, theirs = context.Pipe()
            self.process = context.Process(target=serve, args=(theirs, self.name), daemon=True)
            self.process.start()
            theirs.close()
            if self.opened and request[0] != "open":
                self.ask(*self.opened)
        self.connection.send(request)
        if request[0] == "open":
            self.opened = request
        try:
            timeout = self.patience * self.timeout
            if not self.connection.poll(timeout):
                raise Failure(f"no answer in {timeout:.0f} s")
            value, error = self.connection.recv()
        except (EOFError, OSError):
            value, error = None, "its process died"
            self.close()
        except Failure:
            self.close()
            raise
        if error:
            raise Failure(error)
        return value

    def close(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.join()
            self.connection.close()
            self.process = None


# -- measuring -------------------------------------------------------------------------------------


def compare(
    tasks: Iterable[str],
    rounds: int,
    fits: int,
    timeout: float = TIMEOUT,
    names: Iterable[str] = PEERS,
) -> tuple[list[Row], dict[str, str]]:
    """Every solver on every problem; and why packages are missing."""
    peers = [Peer(name, timeout) for name in names]
    rows: list[Row] = []
    missing: dict[str, str] = {}
    try:
        for task in tasks:
            sys.stderr.write(f"{task}\n")
            rows += _one_task(task, peers, rounds, fits, missing)
            peers = [peer for peer in peers if peer.name not in missing]
    finally:
        for peer in peers:
            peer.close()
    return rows, missing


def _one_task(
    task: str, peers: list[Peer], rounds: int, fits: int, missing: dict[str, str]
) -> list[Row]:
    # Fits are judged together, when all have been made.
    judge = (lambda x: (math.nan, True)) if task == BATCH else _judge(task)
    found: list[tuple[Row, Peer, int]] = []
    answers = {}
    for peer in peers:
        try:
            solvers = peer.ask("open", task, fits)
        except Failure as failure:
            missing[peer.name] = str(failure)
            continue
        for solver, attempts in solvers.items():
            peer.patience = PATIENCE if task == BATCH else 1.0
            row, attempt = Row(task, solver), 0
            try:
                for attempt in range(attempts):
                    row.first, x = peer.ask("run", solver, attempt, 1)
                    row.error, row.solved = judge(x)
                    if row.solved:
                        break
                answers[solver] = x
            except Failure as failure:
                row.note = str(failure)
            peer.patience = 1.0
            found.append((row, peer, attempt))
    if task == BATCH:
        _judge_together(found, answers, fits)
    _take_turns(found, rounds)
    ours = next(row for row, *_ in found if row.solver in (OURS, OURS_IN_BATCH))
    for row, *_ in found:
        pairs = list(zip(row.turns, ours.turns, strict=False))
        if pairs:
            row.ratio = statistics.median(a / b for a, b in pairs)
    return [row for row, *_ in found]


def _take_turns(found: list[tuple[Row, Peer, int]], rounds: int) -> None:
    """Time each in turn; the first turn also says how often to repeat a run within one."""
    repeats: dict[str, int] = {}
    for _ in range(rounds):
        for row, peer, attempt in found:
            if row.note or (row.turns and row.seconds > LONG):
                continue
            try:
                seconds = peer.ask("run", row.solver, attempt, repeats.get(row.solver, 1))[0]
                if row.solver not in repeats:
                    repeats[row.solver] = max(1, min(500, int(TURN / max(seconds, 1e-6))))
                    if repeats[row.solver] > 1:
                        seconds = peer.ask("run", row.solver, attempt, repeats[row.solver])[0]
                row.turns.append(seconds)
            except Failure as failure:
                row.note = str(failure)


def _judge(task: str) -> Callable:
    problem = TASKS[task]()

    def judge(x):
        with np.errstate(all="ignore"):
            error = float(np.abs(problem.pair(x)[1]).max())
        return error, error <= SLACK * GTOL

    return judge


def _judge_together(found: list[tuple[Row, Peer, int]], answers: dict, count: int) -> None:
    y, _ = decay_data(count)
    with np.errstate(all="ignore"):
        values = {solver: decay_values(x, y) for solver, x in answers.items()}
    lowest = np.fmin.reduce(list(values.values()))
    for row, *_ in found:
        if row.solver in values:
            good = values[row.solver] <= (1.0 + EXCESS) * lowest
            row.error, row.solved = float(1.0 - good.mean()), bool(good.all())


# -- reporting -------------------------------------------------------------------------------------


def _time(seconds: float) -> str:
    if math.isnan(seconds):
        return "-"
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{1e6 * seconds:.3g} us"


def report(rows: list[Row], missing: dict[str, str], fits: int) -> None:
    """One table per problem, the fastest that solved it first, and where ours is not."""
    for name in dict.fromkeys(row.problem for row in rows):
        here = [row for row in rows if row.problem == name]
        here.sort(key=lambda row: (not row.solved, row.seconds if row.turns else math.inf))
        error = "missed" if name == BATCH else "gradient"
        title = f"{name}: {fits:,} fits of 3 parameters to 64 points" if name == BATCH else name
        print(f"\n{title}\n\n| solver | time | / ours | first call | {error} | |")
        print("|---|--:|--:|--:|--:|---|")
        for row in here:
            note = row.note or ("" if row.solved else "not solved")
            wrong = f"{100 * row.error:.2f} %" if name == BATCH else f"{row.error:.1e}"
            ratio = "-" if math.isnan(row.ratio) else f"{row.ratio:.2f}"
            print(
                f"| {row.solver} | {_time(row.seconds)} | {ratio} | {_time(row.first)} | "
                f"{wrong} | {note} |"
            )
    losses = [
        f"{row.solver} on {row.problem} ({row.ratio:.2f})"
        for row in rows
        if row.solved and row.ratio < 1.0 and not row.solver.startswith("fastmomentum")
    ]
    print(f"\nFaster than fastmomentum's default: {'; '.join(losses) or 'none'}.")
    for name, why in missing.items():
        print(f"Left out: {name}, {why}")


def picture(rows: list[Row], path: Path) -> None:
    """Times relative to ours, on a logarithmic axis; solvers that missed the tolerance are open."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    from fastmomentum.plot import COLOURS

    names = list(dict.fromkeys(row.problem for row in rows))
    solvers = list(dict.fromkeys(row.solver for row in rows if row.turns))[::-1]
    figure, ax = plt.subplots(figsize=(7.5, 0.28 * len(solvers) + 1.4), layout="constrained")
    for i, name in enumerate(names):
        here = [row for row in rows if row.problem == name and row.turns]
        ax.scatter(
            [row.ratio for row in here],
            [solvers.index(row.solver) for row in here],
            facecolors=[COLOURS[i] if row.solved else "none" for row in here],
            edgecolors=COLOURS[i],
            label=name,
        )
    ax.axvline(1.0, color="0.6", linewidth=0.8)
    ax.set_xscale("log")
    ax.set_yticks(range(len(solvers)), solvers)
    ax.set_xlabel("time relative to fastmomentum's default; open: not solved")
    ax.grid(True, axis="y", color="0.5", alpha=0.25, linewidth=0.6)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two problems, fewer turns")
    parser.add_argument("--output", type=Path, default=RESULTS / "peers.txt", help="the table")
    parser.add_argument("--picture", type=Path, default=RESULTS / "peers.png")
    parser.add_argument("--note", help="a line to begin with, on how the figures were taken")
    parser.add_argument("--only", nargs="+", choices=PEERS, help="packages besides fastmomentum")
    arguments = parser.parse_args()
    tasks = ["logistic-500x20", BATCH] if arguments.quick else [*TASKS, BATCH]
    rounds, fits = (3, 1000) if arguments.quick else (ROUNDS, FITS)
    names = PEERS if arguments.only is None else dict.fromkeys(["fastmomentum", *arguments.only])
    begin = time.perf_counter()
    # Empty, so that the first calls of all packages compile.
    cache = tempfile.mkdtemp()
    os.environ["NUMBA_CACHE_DIR"] = cache
    try:
        rows, missing = compare(tasks, rounds, fits, names=names)
    finally:
        shutil.rmtree(cache, ignore_errors=True)
    with printed_to(arguments.output):
        if arguments.note:
            print(f"{arguments.note}\n")
        print(environment(*(name for name in PEERS if name not in ("fastmomentum", "scipy"))))
        print(
            f'\nMedians of {rounds} turns, each of at least {1e3 * TURN:.0f} ms; "/ ours" is the '
            "median of the ratios within\nturns. First call: in a fresh process with an empty "
            "cache, for the first problem; what\nearlier problems compiled is there for later "
            f"ones. Solved: every entry of the gradient at most\n{SLACK * GTOL:g}; of the fits, "
            f"each within {EXCESS:g} of the lowest sum of squares that any solver found.\n"
            "quadratic-300 is diagonal, which a diagonal metric, ours, turns into a sphere; "
            "rotated-100 is not."
        )
        report(rows, missing, fits)
        print(f"\nThis took {time.perf_counter() - begin:.0f} s.")
    try:
        picture(rows, arguments.picture)
    except ImportError:
        print("No picture without matplotlib.")


if __name__ == "__main__":
    main()
