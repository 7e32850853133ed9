"""Sums over data, by batches of their terms."""
