if reductions[0] == 0:
    # Nobody has been waited for since the numbers were read.
    cuda.cg.this_grid().sync()
if cuda.grid(1) == 0:
    set_numbers(all_ints, all_floats, ints, floats)
    for j in range(N_EXTRA):
        all_extra[j] = extra[j]
