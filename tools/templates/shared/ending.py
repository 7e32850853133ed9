point = state.CURRENT
if state.BEST >= 0:
    point = state.BEST
if status == STATUS_CONVERGED:
    point = state.RESULT
value = numbers.FUN_BEST if point == state.BEST else numbers.FUN
x = row(rows, point)
g = row(rows, N_POINTS + point)
evaluated = state.BEST >= 0 or state.PENDING != TO_EVALUATE
for i in range(n):
    out_x[i] = x[i]
    out_g[i] = g[i] if evaluated else np.nan
norm = largest_magnitude(out_g, n)
if evaluated:
    finite = norm - norm == 0.0
    if state.NORM != NORM_INF:
        norm = call_norm(state.NORM_ADDRESS, g, n, state.NORM, numbers.NORM_ORDER)
    if COMPOSITE:
        if state.TERMS != 0 and finite:
            norm = proximal_residual(rows, state, numbers, point)
