"""What `disp` prints."""

from __future__ import annotations

import sys


def write(text: str) -> None:
    """Print it."""
    sys.stdout.write(text)
