"""Between Python and the compiled loops: all that is Numba's."""
