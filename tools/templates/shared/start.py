accept_trial(ints, floats)
base_from_real(ints, floats)
floats.FUN_START = floats.FUN_TRIAL
if not good:
    ints.STATUS = STATUS_NONFINITE
    break
total = 0.0
for i in range(n):
    total += np.float64(g[i]) * g[i]
start(x, g, n, floats, total)
action = NEW_DIRECTION
