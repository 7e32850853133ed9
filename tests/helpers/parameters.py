"""Which rows of a long table are tested by default."""

import pytest


def some(rows, usual):
    """All rows as parameters, those that are not `usual(*row)` as slow ones.

    A row is a tuple, or the only value; `usual` may be the tuple of the usual ones.
    """
    rows = [row if isinstance(row, tuple) else (row,) for row in rows]
    if isinstance(usual, tuple):
        kept = [row if isinstance(row, tuple) else (row,) for row in usual]
        assert all(row in rows for row in kept), "no such rows"
        return some(rows, lambda *row: row in kept)
    return [pytest.param(*row, marks=() if usual(*row) else pytest.mark.slow) for row in rows]
