"""`minimize` where x0 is an array on a CUDA device."""
