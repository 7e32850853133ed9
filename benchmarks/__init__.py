"""Benchmarks, run by asv. They use the public API only, since asv runs them on old commits."""

import os

# Before NumPy loads its BLAS: threads only slow down the small products inside SciPy's methods, by
# up to 100 times on a busy machine, and the baselines should be at their best.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
