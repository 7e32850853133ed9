"""Benchmarks, run by asv. They use the public API only, since asv runs them on old commits;
the problems in `holdout` are this commit's."""
