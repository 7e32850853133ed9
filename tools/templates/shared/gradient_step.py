ints.TRIAL = free_row(ints)
y = row(rows, ints.AHEAD)
gy = row(rows, N_POINTS + ints.AHEAD)
x = row(rows, ints.TRIAL)
step = real_type(floats.STEP)
for i in range(n):
    x[i] = y[i] - step * gy[i]
if COMPOSITE:
    ints.PENDING = TO_PROX
else:
    ints.PENDING = TO_EVALUATE
