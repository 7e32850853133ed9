"""What runs with the same settings start from."""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable
from ctypes import addressof, c_char
from typing import Any

import numpy as np

from .._check.options import Settings
from .._language import layout
from .._language.layout import FLOAT, INT
from .._loops.drivers import metric_address, norm_address
from .._loops.table import loop_of
from .._methods import METRICS, Method, Parameter
from ..schedules import Schedule

HISTORY_ROWS = 4096
# A schedule of the user's own is called once per iteration, in Python.
SCHEDULE_CHUNK = 4096
VECTOR_SCHEDULE_CHUNK = 65536
# Above the lowest value by this factor (of it, or of 1): the run is beyond return.
DIVERGED_FACTOR = 1e15
_NORMS = {math.inf: layout.NORM_INF, 1.0: layout.NORM_1, 2.0: layout.NORM_2}
_NORMS[-math.inf] = layout.NORM_MIN


def row_stride(n: int, dtype: np.dtype) -> int:
    """Elements from one row of the workspace to the next: each on a cache line of its own."""
    per_line = 64 // dtype.itemsize
    stride = -(-n // per_line) * per_line
    if stride * dtype.itemsize % 4096 == 0:
        stride += per_line  # rows a multiple of the page size apart evict each other
    return stride


def workspace(rows: int, stride: int, dtype: np.dtype) -> tuple[np.ndarray, int]:
    """Rows for vectors, and the address of the first; untouched rows cost no memory."""
    itemsize = dtype.itemsize
    per_line = 64 // itemsize
    # Zeros, for which the system gives memory no sooner: a state must hold nothing of others.
    flat: Any = np.zeros(rows * stride + per_line, dtype)
    address = addressof(c_char.from_buffer(flat))  # three times as fast as flat.ctypes
    first = -(address // itemsize) % per_line
    table = flat[first : first + rows * stride].reshape(rows, stride)
    return table, address + first * itemsize


class Plan:
    """What every run with these settings starts from; such runs only read it.

    Many small problems are often solved with the same settings, and copying an array is quicker
    than filling it number by number.
    """

    def __init__(self, settings: Settings, n: int, dtype: np.dtype, kind: str):
        method: Method = settings.method
        automatic = settings.learning_rate == "auto"
        self.iterate_is_evaluated = automatic or method.iterate == "x"
        self.loop = loop = loop_of(method, automatic, kind)
        self.starts = dict(loop.starts)
        self.term_row = self.scratch_row = loop.rows(settings.memory)
        if kind:
            self.scratch_row += layout.TERM_ROWS
        self.stride = row_stride(n, dtype)
        self.ints = np.zeros(len(layout.INTS), np.int64)
        own = (*settings.constants, *loop.carried)
        first_own = self.first_own = layout.OWN + 2 * settings.memory
        # With room for the values that a composite loop looks back at.
        room = max(len(own), layout.FIRST_LEVEL + layout.N_LEVELS)
        self.floats = np.zeros(max(layout.RHO + layout.LOOK_BACK, first_own + room))
        ints, floats = self.ints, self.floats
        ints[INT.STATUS] = layout.RUNNING
        ints[INT.PENDING] = layout.TO_EVALUATE
        ints[INT.BEST] = -1
        ints[INT.SIZE] = n
        ints[INT.STRIDE] = self.stride
        ints[INT.MAXFEV] = settings.maxfev
        ints[INT.PATIENCE] = settings.patience
        ints[INT.NORM] = _NORMS.get(settings.norm, layout.NORM_P)
        ints[INT.NORM_ADDRESS] = norm_address(int(ints[INT.NORM]), dtype)
        ints[INT.HISTORY] = 0 if settings.history else -1
        ints[INT.MEMORY] = settings.memory
        ints[INT.ROOM] = ints[INT.LEAST_ROOM] = settings.least_memory
        ints[INT.RECORDED] = -1
        floats[FLOAT.FUN] = floats[FLOAT.FUN_REAL] = math.nan
        floats[FLOAT.GRAD_NORM] = floats[FLOAT.NORM_REAL] = math.nan
        floats[FLOAT.LEARNING_RATE] = floats[FLOAT.NEXT_RATE] = math.nan
        floats[FLOAT.STALL_FUN] = floats[FLOAT.STALL_NORM] = math.inf
        floats[FLOAT.GTOL] = settings.gtol
        floats[FLOAT.FTOL] = settings.ftol
        floats[FLOAT.XTOL] = settings.xtol
        floats[FLOAT.GAP_TOL] = settings.gap_tol
        floats[FLOAT.NORM_ORDER] = settings.norm
        floats[FLOAT.EPSILON] = np.finfo(dtype).eps
        floats[FLOAT.DIVERGED_FACTOR] = DIVERGED_FACTOR
        if settings.single_steps:
            # No norm of a gradient and no value is beyond these.
            ints[INT.SINGLE_STEPS] = 1
            floats[FLOAT.GTOL], floats[FLOAT.DIVERGED_FACTOR] = -1.0, math.inf
        if own:
            floats[first_own : first_own + len(own)] = own
        self.x_scale = settings.x_scale
        if loop.keeps_pairs:
            self._metric(method, layout.PAIRS + 2 * settings.memory, dtype)
        self._schedules(settings, dtype)

    def _metric(self, method: Method, first: int, dtype: np.dtype) -> None:
        """The diagonal metric, whose rows begin at `first`."""
        ints = self.ints
        ints[INT.METRIC] = layout.METRIC_LEARNED
        if method.metric is not None:
            ints[INT.METRIC] = 1 + METRICS.index(method.metric)
            ints[INT.METRIC_ADDRESS] = metric_address(int(ints[INT.METRIC]), dtype)
        ints[INT.JUDGED] = -1
        ints[INT.NEXT_CANDIDATE] = 2
        self.starts |= {first + layout.SUM_ROW: "zero", first + layout.SUM_ROW + 1: "zero"}
        if self.x_scale is not None:
            ints[INT.METRIC_START] = ints[INT.METRIC_IN_USE] = first + layout.START_ROW

    def _schedules(self, settings: Settings, dtype: np.dtype) -> None:
        values = {"learning_rate": settings.learning_rate, "momentum": settings.momentum}
        parameters = {p.name: p for p in settings.method.parameters}
        self.scheduled: dict[str, tuple[Parameter, Callable]] = {}
        self.numbers: dict[str, np.ndarray] = {}
        self.longest_chunk = HISTORY_ROWS if settings.history else 2**40
        for name, value in values.items():
            if callable(value):
                self.scheduled[name] = (parameters[name], value)
                vector = isinstance(value, Schedule)
                longest = VECTOR_SCHEDULE_CHUNK if vector else SCHEDULE_CHUNK
                self.longest_chunk = min(self.longest_chunk, longest)
                self.numbers[name] = np.zeros(1, dtype)
            else:
                self.numbers[name] = np.array([0.0 if value == "auto" else value], dtype)
        self.ints[INT.RATE_STRIDE] = "learning_rate" in self.scheduled
        self.ints[INT.MOMENTUM_STRIDE] = "momentum" in self.scheduled


# A plan must not refer to its settings, which it would keep alive.
_plans: weakref.WeakKeyDictionary[Settings, dict[str, Plan]] = weakref.WeakKeyDictionary()


def plan_of(settings: Settings, x0: np.ndarray, kind: str) -> Plan:
    """The plan of these settings, which were checked for an x0 of this length and dtype.

    `kind` is "bounds" or "penalty" where there are some.
    """
    plans = _plans.get(settings)
    if plans is None:
        plans = _plans[settings] = {}
    plan = plans.get(kind)
    if plan is None:
        plan = plans[kind] = Plan(settings, x0.size, x0.dtype, kind)
    return plan
