"""Threads of this process fill the table of a batch."""

from __future__ import annotations

import concurrent.futures
import math
from typing import Any

import numpy as np

from .._problem.gradient_check import check_gradient
from .._problem.objective import Objective, OutOfTime
from .._report.result import Status, attach
from .._report.warnings import each_once
from .batch import Batch
from .one_by_one import solve_one_by_one
from .problems import Problems
from .table import NOT_RUN, Table, groups
from .worker import Shared, Worker


class Threads:
    """So many threads, each with a compiled loop; where there is none, Python, problem by problem.

    Parameters
    ----------
    most : int
        How many threads.
    """

    def __init__(self, most: int):
        self.most = most
        self.used = 1
        self.backend = "python"
        self.workers: list[Worker] = []  # each knows how many it has done
        self.compared = False  # jac with differences

    def under_way(self) -> int:
        """How many problems the loops have solved."""
        return sum(worker.done for worker in self.workers)

    def calls_here(self) -> bool:
        """fun is called in this process."""
        return True

    def fill(self, batch: Batch) -> None:
        """Solve what the table has not, until the clock says stop."""
        for group in groups(batch.problems, batch.table.status):
            self._fill(group, batch)

    def _fill(self, group: Problems, batch: Batch) -> None:
        table, clock, settings = batch.table, batch.clock, group.settings
        clock.check()
        first = table.first()
        if clock.stopped:
            return
        if first < 0:
            left = table.status == NOT_RUN
            table.status[left] = Status.NONFINITE
            table.before += int(left.sum())
            return
        x0, terms = table.start_of(first), group.terms(first)
        if terms is not None:
            x0 = terms.start(x0)
        objective = group.objective(first, x0, terms, clock.deadline)
        compiled = objective.binding is not None and (terms is None or terms.separable)
        # Too few evaluations for one gradient: single runs know what to do.
        few = isinstance(group.family.jac, str) and settings.maxfev < objective.cost_first
        compiled = compiled and not few
        try:
            if settings.check_jac and not self.compared:
                self.compared = True
                check_gradient(objective, x0)
            if compiled or (objective.fell_back and not few):
                objective.first(x0, np.empty_like(x0))
                batch.has_worked()
        except OutOfTime:
            _keep_value(table, first, objective, x0, terms)
            clock.check()
            return
        except BaseException as error:
            _keep_value(table, first, objective, x0, terms)
            if isinstance(error, Exception):
                attach(error, row=first)
            raise
        if compiled:
            self.backend = "numba"
            shared = Shared(group, table, clock, self._count(objective, table), terms)
            self._run(shared, objective, x0, batch)
            return
        objective.warn_of_fallback()
        if objective.binding is not None:
            self.backend = "numba"
        with each_once():
            solve_one_by_one(group, objective, batch)

    def _count(self, objective: Objective, table: Table) -> int:
        """How many threads to start."""
        if objective.parallel:
            return 1  # Numba's own threads may not be started from several at once
        return min(self.most, table.count)

    def _run(self, shared: Shared, objective: Objective, x0: np.ndarray, batch: Batch) -> None:
        """Start the threads, and look after them until they end."""
        clock = batch.clock
        self.used = shared.threads
        objective.calls_fun = objective.calls_jac = 0  # the loops evaluate x0 once more
        workers = [Worker(shared, objective, x0) for _ in range(self.used)]
        self.workers += workers
        # A thread even where one is enough: this one takes Ctrl-C and looks at the clock.
        with concurrent.futures.ThreadPoolExecutor(self.used) as pool:
            pending: set = set()
            try:
                pending = {pool.submit(worker.work) for worker in workers}
                while pending:
                    finished, pending = concurrent.futures.wait(
                        pending, clock.patience(), concurrent.futures.FIRST_EXCEPTION
                    )
                    for future in finished:
                        future.result()
                    batch.look()
            except BaseException:
                # Also one that arrives while the threads are being started.
                clock.stop[0] = 1
                raise


def _keep_value(table: Table, row: int, objective: Objective, x0: np.ndarray, terms: Any) -> None:
    """What is known of a problem whose first gradient did not come about."""
    if math.isnan(objective.seen):
        return
    penalty = 0.0 if terms is None or terms.only_bounds else terms.h.value(x0)
    table.x[row], table.numbers[row, 0] = x0, objective.seen + penalty
    table.counts[row, 2:4] = objective.calls_fun, objective.calls_jac
