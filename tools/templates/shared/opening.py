# evaluate   IN     address of the evaluation, 0: return to the caller for each evaluation
# context    IN     address of its context
# workspace  INOUT  address of the rows: points, their gradients, and the method's own
# ints       INOUT  (len(INTS),)
# floats     INOUT  the numbers of FLOATS, and the method's own
# rates, momenta    not read, but for the dtype of the rows
# history    OUT    (rows, 3): fun, gradient norm, learning rate
# last       IN     return before iteration `last`
ints = named(ints)
floats = named(floats)
n = ints.SIZE
rows = rows_of(workspace, ints.STRIDE, n, rates)
ints.STATUS = RUNNING
action = NEW_DIRECTION
