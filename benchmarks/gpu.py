"""Kernels on a GPU, beside jax, torch, CuPy, optax and optimistix.

    python benchmarks/gpu.py [section ...] [--quick] [--minutes M] [--out FOLDER]

Sections: correct, copy, batch, tolerance, fused, gpufit, chain, latency, registers. All of them
end within ten minutes (--minutes), --quick takes three. What measures is a process of its own,
with a limit: one that hangs, fails or runs out of memory costs its own rows. Each row is on disk
as soon as it is measured, in benchmarks/results/<gpu>/<section>.txt or FOLDER. fastmomentum's own
rows come first, the peers' after them; a peer that is not installed is a row that says so.

Every row ends with its error: the largest difference from the same steps in float64 on the
processor, or what a column says, computed by NumPy for all alike. Times of a batch include the way
of the data to the device and back where the row says "host arrays"; all others begin and end with
arrays on the device. Compiling is a column of its own; ± is how far the repeats are apart.

Memory: ``pytest -m gpu -k sanitizer`` runs compute-sanitizer on tiny sizes.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import gpu_tasks

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("numba", "numba-cuda", "cuda-core", "numpy", "torch", "jax", "optax", "optimistix")


class Tables:
    """A table for each section, on the screen and on disk."""

    def __init__(self, folder: Path, gpu: str):
        self.folder, self.gpu = folder, gpu
        folder.mkdir(parents=True, exist_ok=True)
        self.begun: set[str] = set()
        self.last = ""

    def row(self, section: str, text: str) -> None:
        path = self.folder / f"{section}.txt"
        if section not in self.begun:
            self.begun.add(section)
            head = f"{section}, {self.gpu}, {datetime.date.today().isoformat()}"
            lines = f"{head}\n{versions()}\n{gpu_tasks.HEADS[section]}\n"
            path.write_text(lines, encoding="utf-8")
        if section != self.last:
            self.last = section
            self._show(f"\n{section}\n{gpu_tasks.HEADS[section]}\n")
        with path.open("a", encoding="utf-8") as file:
            file.write(text + "\n")
        self._show(text + "\n")

    def _show(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()


def versions() -> str:
    """What is installed."""
    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    cupy = sorted(d.name for d in importlib.metadata.distributions() if _is_cupy(d))
    found += [f"{name} {importlib.metadata.version(name)}" for name in cupy]
    return ", ".join(found)


def _is_cupy(distribution: importlib.metadata.Distribution) -> bool:
    return str(distribution.metadata["Name"]).lower().startswith("cupy")


def run_child(task: gpu_tasks.Task, size: str, limit: float, tables: Tables) -> bool:
    """The rows of a task, measured in a process of its own; returns whether it came to its end."""
    command = [sys.executable, __file__, "--child", task.name, "--size", size]
    environment = {**os.environ, "XLA_PYTHON_CLIENT_PREALLOCATE": "false", "PYTHONUNBUFFERED": "1"}
    late = threading.Event()
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as complaints,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=complaints, env=environment, text=True
        ) as process,
    ):

        def stop() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(limit, stop)
        timer.start()
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if line.startswith(gpu_tasks.MARK):
                    tables.row(task.section, line[len(gpu_tasks.MARK) :].rstrip("\n"))
            code = process.wait()
        finally:
            timer.cancel()
            process.kill()
        if late.is_set():
            tables.row(task.section, f"{task.contestant:44s} stopped after {limit:.0f} s")
        elif code != 0:
            complaints.seek(0)
            lines = complaints.read().strip().splitlines() or [f"exit status {code}"]
            tables.row(task.section, f"{task.contestant:44s} failed: {lines[-1][:160]}")
    return code == 0 and not late.is_set()


def run_here(task: gpu_tasks.Task, size: str, tables: Tables) -> bool:
    """The rows of a task, measured in this process."""
    try:
        for text in task.rows(gpu_tasks.SIZES[size]):
            tables.row(task.section, text)
    except Exception as error:
        tables.row(task.section, f"{task.contestant:44s} {gpu_tasks.why(error)}")
        return isinstance(error, ImportError)
    return True


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("section", nargs="*", help=", ".join(gpu_tasks.HEADS))
    parser.add_argument("--quick", action="store_true", help="smaller sizes")
    parser.add_argument("--minutes", type=float, default=9.5, help="for all of it")
    parser.add_argument("--out", type=Path, help="folder for the tables")
    parser.add_argument("--here", action="store_true", help="all in this process, without limits")
    parser.add_argument("--size", choices=list(gpu_tasks.SIZES), help=argparse.SUPPRESS)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    size = given.size or ("quick" if given.quick else "full")
    if given.child:
        return gpu_tasks.run(given.child, size)
    wrong = set(given.section) - set(gpu_tasks.HEADS)
    if wrong:
        parser.error(f"there is no section {sorted(wrong)[0]!r}: {', '.join(gpu_tasks.HEADS)}")
    end = time.perf_counter() + 60.0 * given.minutes
    gpu = gpu_tasks.gpu_name()
    tables = Tables(given.out or RESULTS / gpu, gpu)
    tasks = [t for t in gpu_tasks.TASKS if not given.section or t.section in given.section]
    failed = False
    for task in sorted(tasks, key=lambda t: t.peer):
        left = end - time.perf_counter()
        if left < 5.0:
            tables.row(task.section, f"{task.contestant:44s} no time left")
        elif given.here:
            failed |= not run_here(task, size, tables) and not task.peer
        else:
            failed |= not run_child(task, size, min(task.seconds, left), tables) and not task.peer
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
