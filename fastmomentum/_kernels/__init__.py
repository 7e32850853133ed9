"""Everything compiled. The only package of fastmomentum that imports Numba."""
