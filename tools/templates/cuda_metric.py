# The diagonals of the adaptive methods: which one a kernel needs, it is compiled for.


def adaptive_metric(rows, ints, floats, g, s):
    """The diagonal of an adaptive method after the step s to a point with gradient g."""
    n = ints.SIZE
    first = PAIRS + 2 * ints.MEMORY
    m = row(rows, first + METRIC_ROW)
    a = row(rows, first + SUM_ROW)
    b = row(rows, first + SUM_ROW + 1)
    numbers = own_numbers(floats)
    own = 2 * ints.MEMORY
    count = np.float64(ints.PAIRS_SEEN)
    zero = 0.0
    one = 1.0
    # METRICS
