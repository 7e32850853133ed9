"""Time in tests that a loaded machine must not fail.

What is asserted of time is counted by a clock that the test turns, in calls, or in seconds of the
processor; those of the wall only where they guard against a hang.
"""

import contextlib
import os
import signal
import sys
import threading
import time


class Clock:
    """Stands in for the module `time`: it goes on where it is told, and by `tick` at each look."""

    def __init__(self, tick=0.0):
        self.now = 1000.0
        self.tick = tick

    def perf_counter(self):
        self.now += self.tick
        return self.now

    time = monotonic = perf_counter

    def sleep(self, seconds):
        self.now += seconds


def turned_by_hand(monkeypatch, tick=0.0):
    """A `Clock` that the package's own Python looks at from here on."""
    clock = Clock(tick)
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] == "fastmomentum" and getattr(module, "time", None) is time:
            monkeypatch.setattr(module, "time", clock)
    return clock


@contextlib.contextmanager
def ctrl_c_after(seconds):
    """Ctrl-C once this process has computed for so long, unless the body ends before.

    Yields a list, for the moment when it was pressed by `time.process_time`.
    """
    pressed = []
    over = threading.Event()
    due = time.process_time() + seconds

    def press():
        while not over.wait(0.002):
            if time.process_time() >= due:
                pressed.append(time.process_time())
                os.kill(os.getpid(), signal.SIGINT)
                return

    thread = threading.Thread(target=press, daemon=True)
    thread.start()
    try:
        yield pressed
    finally:
        over.set()
        thread.join()
