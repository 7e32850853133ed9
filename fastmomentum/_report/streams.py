"""Text for the user's streams: nothing that happens there ends a run."""

from __future__ import annotations

from typing import Any


def say(stream: Any, text: str) -> bool:
    """Write it, if that is possible; returns whether it was.

    There may be no stream (``pythonw.exe``), or one that is closed, full, a broken pipe, or
    something of the user's; characters that its encoding lacks are replaced.
    """
    if stream is None:
        return False
    try:
        try:
            stream.write(text)
        except UnicodeEncodeError:
            encoding = getattr(stream, "encoding", None) or "ascii"
            stream.write(text.encode(encoding, "replace").decode(encoding))
    except Exception:
        return False
    return True
