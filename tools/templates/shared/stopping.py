if improves:
    ints.SINCE_BEST = 0
else:
    ints.SINCE_BEST += 1
    if f - f_best > floats.DIVERGED_FACTOR * larger(1.0, abs(f_best)):
        ending = STATUS_DIVERGED
if k > 0:
    flat = False
    if ftol > 0.0:
        size = larger(larger(abs(f), abs(f_previous)), 1.0)
        flat = abs(f - f_previous) <= ftol * size
    if xtol > 0.0 and step_norm <= xtol * (xtol + x_norm):
        flat = True
    # Twice in a row, since an oscillation is flat at its turning points.
    ints.FLAT = ints.FLAT + 1 if flat else 0
    if ints.FLAT >= 2:
        ending = STATUS_CONVERGED
    elif ints.SINCE_BEST >= ints.PATIENCE:
        ending = STATUS_STAGNATION
