"""Ctrl-C, which a terminal or a notebook sends to all processes of a local cluster, too."""

from __future__ import annotations

import os
import signal
import socket


def this_process() -> tuple[str, int]:
    """Host and process, for `leave_to`."""
    return socket.gethostname(), os.getpid()


def leave_to(driver: tuple[str, int]) -> None:
    """On a worker: leave Ctrl-C to the driver, if the worker is a process of its `LocalCluster`.

    It would end the worker, which dask does not start again, while the driver means to go on.
    """
    if driver != (socket.gethostname(), os.getppid()):
        return
    from distributed import get_worker

    # Signals are for the main thread, where its loop runs.
    get_worker().loop.add_callback(signal.signal, signal.SIGINT, signal.SIG_IGN)
