"""Runs that are saved, and gone on with."""
