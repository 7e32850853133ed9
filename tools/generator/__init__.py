"""Makes the texts of the compiled loops; see ``tools/generate_drivers.py``."""
