"""Where a run's numbers live: indices into its integer and float state arrays.

The loop reads these into locals at the start of a chunk and writes them back at its end, so
that a run can be stopped between any two evaluations and picked up again.
"""

from __future__ import annotations

import types

from .._report.status import Status

# Values of INTS[STATUS]: those of `Status` as numbers, and two more.
STATUS_CONVERGED = int(Status.CONVERGED)
STATUS_MAXITER = int(Status.MAXITER)
STATUS_PRECISION_LOSS = int(Status.PRECISION_LOSS)
STATUS_NONFINITE = int(Status.NONFINITE)
STATUS_STAGNATION = int(Status.STAGNATION)
STATUS_MAXFEV = int(Status.MAXFEV)
STATUS_DIVERGED = int(Status.DIVERGED)
RUNNING = -1
NEEDS_EVALUATION = -2

# Values of INTS[PENDING]: is the current point evaluated?
EVALUATED = 0
TO_EVALUATE = 1
DELIVERED = 2  # the caller has put fun into FLOATS[FUN] and the gradient into its row
TO_PROX = 3  # the point is one whose proximal point is to be evaluated

# Objectives that the threads of a device evaluate: by entries, with rows before or without.
BY_ENTRIES = 1
WITH_ROWS = 2

# Rows of the workspace: points, their gradients, then the method's own vectors. The best point is
# never overwritten: a step goes into a row that is not in use. A fixed rate needs three of the
# points (current, best, next), an automatic one five; rows never touched cost no memory.
N_POINTS = 5
FIRST_SLOT = 2 * N_POINTS

INTS = (
    "STATUS",
    "ITERATION",  # steps taken
    "NIT",  # iterations completed, as reported
    "NFEV",
    "NJEV",
    "PENDING",
    "CURRENT",  # row of the current point
    "BEST",  # row of the lowest point evaluated
    "RESULT",  # row of the point to return
    "SIZE",
    "STRIDE",  # elements from one row to the next
    "MAXFEV",
    "COST_FUN",  # calls of fun that one evaluation takes
    "COST_JAC",
    "RESERVE",  # calls of fun that must be left for the caller after each evaluation
    "PATIENCE",
    "SINCE_BEST",
    "FLAT",  # consecutive iterations in which ftol or xtol held
    "NORM",  # which norm of the gradient, see NORM_*
    "NORM_ADDRESS",  # code of `vector_norm`; not set, and not used, where NORM is NORM_INF
    "HISTORY",  # rows of history written in this chunk; -1: no history
    "CHUNK_START",  # iteration that rates[0] belongs to
    "RATE_STRIDE",  # 0: one constant rate
    "MOMENTUM_STRIDE",
    "N_RESTARTS",
    "LINE_SEARCH_FAILURES",
    # The remaining integers belong to the automatic methods, see their loops.
    "MEMORY",
    "LEAST_ROOM",
    "ROOM",  # pairs that may be kept now: from LEAST_ROOM to MEMORY
    "PHASE",
    "TRIAL",
    "REAL",
    "BASE",
    "AHEAD",
    "AHEAD_GOOD",
    "LOWEST",
    "COUNT",
    "HEAD",
    "VIRTUAL",
    "WAIT",
    "NEXT_WAIT",  # WAIT after the last virtual base that was wrong; the next is longer
    "FAILURES",
    "TRIALS",
    "BAD_TRIALS",
    "BRACKETED",
    "COMPLETED",
    "IMPROVED",
    "RECORDED",
    "PREVIOUS",
    "STALLED",
    "METRIC",  # METRIC_LEARNED, or which of METRICS
    "METRIC_ADDRESS",  # address of the function that updates one of METRICS
    "METRIC_IN_USE",  # row of the metric, 0: none
    "METRIC_START",  # row of the metric that it starts from, 0: none
    "PAIRS_SEEN",
    "JUDGED",  # pairs that the candidates have been judged by, -1: there are none
    "NEXT_CANDIDATE",  # pair from which the next ones are made
    "TERMS",  # first of the rows of bounds and penalty, see TERM_ROWS; 0: none
    "BOUNDED",
    "SEPARABLE",
    "PROX",  # address of the penalty's proximal operator
    "PROX_DATA",  # address of its data, see calls.call_prox
    "FREE",  # variables that are off their kinks and bounds
    "FACE_STEPS",
    "BATCH",  # address of what a loop around this one works with, BATCH_FIELDS or SUM_FIELDS
    "BATCH_ROW",  # the problem under way
    "CONFIRMED",  # iteration in which the convergence test was made with t = 1, plus 1
    "BAD_SEEN",  # trials that were not finite since the last new lowest value
    "SINGLE_STEPS",  # nonzero: no step tells whether the run has ended
)
FLOATS = (
    "FUN",
    "FUN_BEST",
    "FUN_PREVIOUS",
    "GRAD_NORM",
    "FUN_EXTRA",  # value of an evaluation outside the loop
    "STEP_NORM",
    "X_NORM",
    "LEARNING_RATE",  # of the last step that was completed
    "NEXT_RATE",  # of the step under way
    "GTOL",
    "FTOL",
    "XTOL",
    "DIVERGED_FACTOR",
    "NORM_ORDER",
    # The remaining numbers belong to the automatic methods.
    "FUN_TRIAL",
    "FUN_REAL",
    "FUN_BASE",
    "FUN_AHEAD",
    "SLOPE",
    "SLOPE_AHEAD",
    "SLOPE_TRIAL",
    "STEP",
    "SCALE",
    "ERROR",
    "LAST_DECREASE",
    "SLACK",
    "NORM_BASE",
    "NORM_REAL",
    "NORM_TRIAL",
    "NORM_AHEAD",
    "LOW",
    "FUN_LOW",
    "SLOPE_LOW",
    "HIGH",
    "FUN_HIGH",
    "SLOPE_HIGH",
    "WIDTH",
    "LOWEST_STEP",
    "FUN_LOWEST",
    "NORM_LOWEST",
    "RATIO",
    "DECREASE",
    "ERROR_NEW",
    "BETA",
    "FUN_START",
    "STALL_FUN",
    "STALL_NORM",
    "SEQUENCE",
    "EPSILON",
    "GAP_TOL",
    "PENALTY",  # h at the trial
    "SMOOTH_TRIAL",
    "SMOOTH_REAL",
    "SMOOTH_LOW",
    "PROX_NORM",  # of the proximal gradient at the point that the trial starts from
    "PROX_STEP",
    "VIOLATION",
    "REACH",  # of the next step on the face, in steps of its direction
    "RATE",  # scale of the direction without its metric
    "SCORE_KEPT",
    "SCORE_FULL",
    "SCORE_ROOT",
    "SCORE_START",
    "UNIT",  # of the gradient in SLOPE, where its square is out of range, else 1; not of momentum
)
# Their positions by name: ints[INT.STATUS], floats[FLOAT.FUN].
INT, FLOAT = (
    types.SimpleNamespace(**{name: i for i, name in enumerate(names)}) for names in (INTS, FLOATS)
)
# Those that the caller sets anew for each run; all others are the state of a run that goes on.
GIVEN = frozenset(
    (
        "SIZE", "STRIDE", "MAXFEV", "COST_FUN", "COST_JAC", "RESERVE", "PATIENCE", "NORM",
        "NORM_ADDRESS", "HISTORY", "CHUNK_START", "RATE_STRIDE", "MOMENTUM_STRIDE", "MEMORY",
        "LEAST_ROOM", "METRIC", "METRIC_ADDRESS", "METRIC_START", "TERMS", "BOUNDED", "SEPARABLE",
        "PROX", "PROX_DATA", "BATCH", "BATCH_ROW", "SINGLE_STEPS", "GTOL", "FTOL", "XTOL",
        "GAP_TOL", "NORM_ORDER", "DIVERGED_FACTOR", "EPSILON",
    )
)  # fmt: skip
# Of those the addresses, which are of no meaning elsewhere.
ADDRESSES = ("NORM_ADDRESS", "METRIC_ADDRESS", "PROX", "PROX_DATA", "BATCH")
RHO = len(FLOATS)  # then, of length MEMORY each, 1 / s.y of the pairs and a scratch
# with a given rate, there: the method's own constants, then what it carries; with an automatic
# one, the constants follow these
OWN = RHO
LOOK_BACK = 10  # values of fun that the line search of gd looks back at, from RHO on
DIRECTION = FIRST_SLOT  # row of the direction of an automatic method
PAIRS = DIRECTION + 1  # rows of its pairs s, y
# Rows after the pairs, counted from there: the metric in use; what it is made from, two rows; the
# candidate for the next one; the metric that it starts from.
METRIC_ROW, SUM_ROW, _, CANDIDATE_ROW, START_ROW, METRIC_ROWS = range(6)
METRIC_LEARNED = 0
# Rows of bounds and penalty, counted from TERMS: weights of |x_i| and x_i**2 / 2, bounds, the
# gradient within the face with which variables are free, and a scratch.
L1_ROW, L2_ROW, LOWER_ROW, UPPER_ROW, FACE_GRADIENT_ROW, FREE_ROW, RESIDUAL_ROW = range(7)
TERM_ROWS = 7
# Values of F that a proximal-gradient step of the momentum method looks back at, from 2 MEMORY +
# FIRST_LEVEL on among its own numbers.
FIRST_LEVEL = 8
N_LEVELS = 5

# PHASE: what the evaluation that is under way is for.
AT_START, AT_BASE_TO_CONFIRM, AT_BASE, AHEAD_OF_BASE, SEARCHING = range(5)
# What is to be done next.
(
    NEW_DIRECTION,
    TRY,
    EVALUATE,
    SEARCH,
    SEARCH_FROM_AHEAD,
    ACCEPT_FROM_BASE,
    ACCEPT_FROM_REAL,
    STOP,
    RESTART,
    VIRTUAL_STEP,
) = range(10)

# What the loop over the problems of a batch works with, int64 each. Addresses of rows are of C
# arrays with one row per problem.
BATCH_FIELDS = (
    "DRIVER",  # address of the loop of one problem
    "FIRST",
    "LAST",
    "STRETCH",  # iterations of one problem after which to look at STOP
    "STOP",  # address of an int64, nonzero: end
    "DONE",  # problems solved, counted here
    "X",  # where the problems start, and then what was found
    "JAC",
    "NUMBERS",  # float64, a row of NUMBERS per problem
    "COUNTS",  # int64, a row of COUNTS per problem: those whose status is not NOT_RUN are left out
    "INTS",  # address of what the state arrays start from
    "FLOATS",
    "N_INTS",
    "N_FLOATS",
    "ROWS",  # address of the rows that start from zero or, negated, from x0
    "N_ROWS",
    "PATCHES",  # address of (offset in the context, address, stride, size) of the batched args
    "N_PATCHES",
    "LOWER",  # bounds of each problem; 0: the same for all
    "UPPER",
    "PENALTIES",  # float64, the penalty where each problem starts; 0: it is 0
    "PROX_NUMBERS",  # address of the proximal operator's numbers, whose second half are bounds
)
# What the loop over mini-batches works with, int64 each.
SUM_FIELDS = (
    "DRIVER",  # address of the method's loop
    "SIZE",  # rows of a batch
    "ROWS",  # rows that are there: the last batch may have fewer
    "NEXT",  # the first row of the next batch
    "ARRAYS",  # address of PATCH_FIELDS of each array of rows
    "N_ARRAYS",
    "SNAPSHOT",  # address of the point whose gradient corrects that of a batch; 0: none
    "CORRECTION",  # address of the whole gradient there
    "OTHER",  # address of a scratch vector
    "ITERATE",  # row of the method's iterate, -1: the current point
    "AVERAGE_FROM",  # step from which the iterates are averaged
    "AVERAGED",  # iterates in the mean
    "MEAN",  # address of it, in float64
    "SEEN",  # float64, sum of the values met, of each batch times its rows
)
# Of an array of rows: where in the context its address, its number of elements and its length
# stand; the address of its first row, bytes and elements of a row.
PATCH_FIELDS = 6
# What is found for each problem of a batch, besides its point and its gradient.
NUMBERS = ("fun", "grad_norm", "learning_rate")
COUNTS = ("status", "nit", "nfev", "njev", "n_restarts", "line_search_failures")
N_NUMBERS, N_COUNTS = len(NUMBERS), len(COUNTS)
NOT_RUN = -2  # status of a problem that is still to be solved

# One call of a minimizer from a user's own compiled code: what that code hands over and gets back.
# Such code stays in the user's disk cache, so that a change of these is a change of the ABI.
CALL_FIELDS = (
    "PLAN",  # address of the PLAN_FIELDS
    "SIZE",
    "X",  # address of x0, and then of what was found
    "JAC",
    "SCRATCH",  # where in the context its field `scratch` is; `step` follows it
    "STATUS",  # a `Status`, or one of CALL_FAILURES
    "NIT",
    "NFEV",
    "NJEV",
    "FUN",
    "GRAD_NORM",
)
CALL_FAILURES = NO_MEMORY, WRONG_SIZE = -1, -2
# What all calls with the same settings share and only read.
PLAN_FIELDS = (
    "SINGLE",  # address of the loop of single.py
    "DRIVER",  # address of the loop of a run
    "N",  # the only length of x0 that suits; 0: any
    "ITEMSIZE",
    "INTS",  # address of what the state arrays start from
    "FLOATS",
    "N_INTS",
    "N_FLOATS",
    "RATE",  # address of the learning rate, in the precision of x
    "MOMENTUM",
    "ROWS",
    "SCRATCH_ROW",
    "STARTS",  # address of (row, FROM_* or CLIPPED, address of a row), in order
    "N_STARTS",
    "MAXITER",  # at least; and
    "MAXITER_PER_VARIABLE",
    "DIFFERENCES",  # further calls of fun per variable that a gradient takes
    "STEP",  # of the differences
    "STEPS",  # address of the user's, N_STEPS absolute and as many relative
    "N_STEPS",  # one for each variable, or one for all
)
# What stands behind the scratch rows of a gradient by differences (z, twice as long for complex
# numbers, the bounds, and the user's steps), int64 each: the calls of fun, and who looks at the
# clock between them.
DIFFERENCE_FIELDS = (
    "CALLS",  # made so far
    "NEXT",  # number of the call before which WATCH is called
    "BEGAN",  # CALLS where the gradient under way began, -1: there is none
    "FUN",  # at the point of that gradient; nan: not known yet
    "WATCH",  # address of a Python function, see `_watch`
)
SCRATCH_ROWS = 4  # behind the rows of a run
DIFFERENCE_ROWS = 3  # and these with differences: the last has room for these numbers in any case
NEVER = 2**62  # NEXT where there is no WATCH
REAL_FIELDS = ("FUN", "GRAD_NORM", "STEP", "SEEN")
FROM_ZERO, FROM_X0, FROM_ROW, CLIPPED = range(4)

NORM_INF, NORM_1, NORM_2, NORM_P, NORM_MIN = range(5)
