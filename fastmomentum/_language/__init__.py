"""The names of a loop's numbers."""
