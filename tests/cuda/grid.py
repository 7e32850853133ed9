"""A grid of several blocks in plain Python, for kernels whose blocks or lanes wait for each other.

Numba's simulator runs one block after the other, takes a grid's barrier for a block's, and has no
shuffles. Here all threads of all blocks are under way, one at a time: each runs until it waits at
a barrier. In which order they do is drawn anew each time, and blocks get ahead of each other. What
depends on the order, for want of a barrier, differs from one seed to the other; and barriers that
not all threads come to are an error.
"""

import random
import sys
import threading
import types

import numpy as np

from fastmomentum._cuda import device

BLOCK, GRID, ENDED = "block", "grid", "ended"


class Deadlock(AssertionError):
    """Some threads wait at a barrier that others will not come to."""


class _Thread:
    def __init__(self, block, index, work):
        self.block, self.index = block, index
        self.turn = threading.Semaphore(0)
        self.waits = None  # at which barrier; or the lanes that it waits for
        self.error = None
        self.value = self.source = self.taken = None  # given to other lanes, and had from one
        self.runner = threading.Thread(target=work, args=(self,), daemon=True)


class Grid:
    """Blocks and threads, and what stands for the module ``cuda`` in their kernels."""

    def __init__(self, blocks, threads, seed, warp=4, modules=()):
        """The functions of a kernel's module, and of `modules`, are to be run."""
        self.blocks, self.threads, self.warp, self.modules = blocks, threads, warp, modules
        self.order = random.Random(seed)
        self.paused = threading.Semaphore(0)
        self.current = None
        self.arrays = {}
        self.failed = False

    # -- what kernels see --------------------------------------------------------------------------

    @property
    def threadIdx(self):
        return types.SimpleNamespace(x=self.current.index)

    @property
    def blockIdx(self):
        return types.SimpleNamespace(x=self.current.block)

    @property
    def blockDim(self):
        return types.SimpleNamespace(x=self.threads)

    @property
    def gridDim(self):
        return types.SimpleNamespace(x=self.blocks)

    @property
    def local(self):
        return types.SimpleNamespace(array=self._local)

    @property
    def cg(self):
        group = types.SimpleNamespace(sync=lambda: self._wait(GRID))
        return types.SimpleNamespace(this_grid=lambda: group)

    @property
    def atomic(self):
        return types.SimpleNamespace(add=self._add)

    def grid(self, dimensions):
        return self.current.block * self.threads + self.current.index

    def gridsize(self, dimensions):
        return self.blocks * self.threads

    def syncthreads(self):
        self._wait(BLOCK)

    def threadfence(self):
        pass

    def syncwarp(self, mask):
        self._exchange(mask, 0, self.current.index % self.warp)

    def shfl_sync(self, mask, value, source):
        return self._exchange(mask, value, source % self.warp)

    def shfl_xor_sync(self, mask, value, step):
        return self._exchange(mask, value, self.current.index % self.warp ^ step)

    def _exchange(self, mask, value, source):
        """The value that another lane of the mask gives."""
        thread = self.current
        lanes = tuple(j for j in range(self.warp) if int(mask) >> j & 1)
        assert thread.index % self.warp in lanes and source in lanes
        thread.value, thread.source = value, source
        self._wait(lanes)
        return thread.taken

    @staticmethod
    def _local(shape, dtype):
        made = np.empty(shape, dtype)
        for part in [made[name] for name in made.dtype.names or ()] or [made]:
            part[...] = _GARBAGE[part.dtype.kind]
        return made

    @staticmethod
    def _add(array, index, value):
        old = array[index]
        array[index] = old + value
        return old

    @property
    def shared(self):
        return types.SimpleNamespace(array=self._shared)

    def _shared(self, shape, dtype):
        """An array for each place in the text and each block."""
        frame = sys._getframe(1)
        key = self.current.block, frame.f_code.co_filename, frame.f_lineno
        if key not in self.arrays:
            self.arrays[key] = self._local(shape, dtype)
        return self.arrays[key]

    # -- running -----------------------------------------------------------------------------------

    def _wait(self, barrier):
        thread = self.current
        thread.waits = barrier
        self.paused.release()
        thread.turn.acquire()
        if self.failed:
            raise SystemExit

    def run(self, kernel, arguments):
        """Run a kernel's Python function."""
        scopes = [kernel.__globals__, *map(vars, self.modules)]
        known = [scope["cuda"] for scope in scopes]

        def work(thread):
            thread.turn.acquire()
            try:
                if not self.failed:
                    kernel(*arguments)
            except BaseException as error:
                thread.error = error
            thread.waits = ENDED
            self.paused.release()

        crowd = [_Thread(b, t, work) for b in range(self.blocks) for t in range(self.threads)]
        for scope in scopes:
            scope["cuda"] = self
        under_way, device.under_way = device.under_way, lambda: self
        try:
            for thread in crowd:
                thread.runner.start()
            self._schedule(crowd)
        finally:
            device.under_way = under_way
            for scope, module in zip(scopes, known, strict=True):
                scope["cuda"] = module
            self.failed = True
            for thread in crowd:
                thread.turn.release()

    def _schedule(self, crowd):
        blocks = [[t for t in crowd if t.block == b] for b in range(self.blocks)]
        self.order.shuffle(blocks)
        while not all(t.waits == ENDED for t in crowd):
            # One block gets as far ahead of the others as its barriers let it.
            if self.order.random() < 0.02:
                self.order.shuffle(blocks)
            block = next((b for b in blocks if any(t.waits is None for t in b)), None)
            if block is not None:
                self._step(self.order.choice([t for t in block if t.waits is None]))
                self._open(block)
            elif all(t.waits == GRID for t in crowd):
                for thread in crowd:
                    thread.waits = None
            else:
                places = {(t.block, t.index): t.waits for t in crowd}
                raise Deadlock(f"threads wait for each other: {places}")

    def _step(self, thread):
        """Let a thread go on to its next barrier."""
        self.current = thread
        thread.turn.release()
        self.paused.acquire()
        if thread.error is not None:
            raise thread.error

    def _open(self, block):
        """Let those threads of a block go on whose barrier all have come to."""
        # Those that have ended are not waited for.
        waiting = [t for t in block if t.waits != ENDED]
        if all(t.waits == BLOCK for t in waiting):
            for thread in waiting:
                thread.waits = None
        for first in range(0, self.threads, self.warp):
            self._open_lanes(block[first : first + self.warp])

    @staticmethod
    def _open_lanes(warp):
        """The same in a warp, for lanes that wait for each other alone."""
        for lanes in {t.waits for t in warp if isinstance(t.waits, tuple)}:
            group = [warp[j] for j in lanes]
            if all(t.waits == lanes for t in group):
                for thread in group:
                    thread.taken = warp[thread.source].value
                for thread in group:
                    thread.waits = None


_GARBAGE = {"f": np.nan, "i": -(10**9)}
