"""The engine on a cluster of dask.distributed: one actor per worker holds its shards.

Actors, since one task per shard and evaluation costs the scheduler some 5 ms each. dask does not
recreate an actor whose worker is lost, and a call of it may then wait for ever: every wait here
has an end, and looks meanwhile whether the worker still lives.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import pickle
import time
from collections.abc import Iterable, Sequence
from typing import Any

from .._numba.threads import processors
from .interrupts import leave_to, this_process
from .parcels import pack, portable
from .protocol import Call, Reply, Shards

# While an answer is awaited, the cluster is asked this often who lives.
LOOK_SECONDS = 0.5
# Shards move to workers that have come, or come back, this often at most.
REBALANCE_SECONDS = 2.0


class Lost(Exception):
    """A worker has gone, or does not answer."""


class Holder:
    """What lives on a worker. Errors of the user's functions are values, unlike dask's own."""

    def __init__(self, parcel: bytes, cache: type | None, neighbours: int, driver: tuple[str, int]):
        leave_to(driver)
        empty: Shards = pickle.loads(parcel)  # of its own: actors do not share shards
        self.shards = empty
        empty.threads = max(1, processors() // neighbours)
        if cache:
            from .._numba.cache import keep_on_disk

            keep_on_disk(empty.fun, cache)

    def add(self, i: int) -> Exception | None:
        try:
            self.shards.add(i)
        except Exception as error:
            return portable(error)
        return None

    def drop(self, i: int) -> None:
        self.shards.drop(i)

    def answer(self, call: Call) -> Reply | Exception:
        try:
            return self.shards.answer(call)
        except Exception as error:
            return portable(error)


def _part(call: Call, ids: list[int]) -> Call:
    """What is asked of the worker with these shards."""
    rows = None if call.rows is None else {i: call.rows[i] for i in ids}
    return dataclasses.replace(call, ids=tuple(ids), rows=rows)


class DaskCluster:
    """Workers of a cluster that hold shards.

    Parameters
    ----------
    client : distributed.Client
    timeout : float
        Seconds after which a silent worker is given up.
    """

    def __init__(self, client: Any, timeout: float):
        self.client = client
        self.timeout = timeout
        # worker -> its actor, and the future: dask releases an actor without one.
        self.actors: dict[str, tuple[Any, Any]] = {}
        self.where: dict[int, str] = {}
        # Given up, with the time of their last sign of life: a stopped worker stays listed.
        self.suspects: dict[str, float] = {}
        self.workers: dict[str, Any] = {}
        self.empty: Shards | None = None
        self.looked = time.monotonic()

    def __reduce__(self) -> Any:
        raise TypeError(
            "a ShardedSum with a client cannot be copied in depth or pickled: its shards are on "
            "the workers. Make another one, with a client there."
        )

    def live(self) -> list[str]:
        if self.client.status == "running":
            self.workers = self.client.scheduler_info(n_workers=-1)["workers"]
        if self.client.status != "running":
            raise RuntimeError(
                "the client has lost its scheduler: make a new one, and go on there."
            )
        for name, seen in list(self.suspects.items()):
            if name not in self.workers or self.workers[name]["last_seen"] > seen:
                del self.suspects[name]
        return [
            name
            for name, about in self.workers.items()
            if about["status"] == "running" and name not in self.suspects
        ]

    def place(self, empty: Shards, ids: Sequence[int]) -> None:
        self.empty = empty
        for i in ids:
            self.where.pop(i, None)
        names = self._wait_for_workers()
        for name in [name for name in self.actors if not self._alive(name, look=False)]:
            self._give_up(name)
        names = self._hire(names)
        shares = self._shares(names, self.where)
        chosen = {}
        for i in ids:
            if names:
                chosen[i] = min(names, key=lambda name: len(shares[name]))
                shares[chosen[i]].append(i)
        self._load(chosen)
        self.looked = time.monotonic()

    def broadcast_call(self, call: Call) -> tuple[list[Reply], list[int]]:
        if time.monotonic() > self.looked + REBALANCE_SECONDS:
            self._rebalance()
        wanted = set(call.ids)
        # Each for its own: what was broken off may have left a shard with two workers.
        shares = self._shares(list(self.actors), call.ids)
        pending = [
            (name, self._call(name, "answer", _part(call, ids)))
            for name, ids in shares.items()
            if ids
        ]
        replies, failure = [], None
        for name, future in pending:
            try:
                reply = self._wait(name, future)
            except Lost:
                self._give_up(name)
                continue
            if isinstance(reply, Exception):
                failure = failure or reply
            else:
                replies.append(reply)
                wanted -= set(reply.ids)
        if failure is not None:
            raise failure
        return replies, sorted(wanted)

    def close(self) -> None:
        futures = [future for _, future in self.actors.values()]
        self.actors.clear()
        self.where.clear()
        if futures and self.client.status == "running":
            # Rather than released: what is referred to elsewhere, by an exception say, goes, too.
            self.client.cancel(futures, force=True)

    def _alive(self, name: str, look: bool = True) -> bool:
        """Can it answer? One that is paused for want of memory can, but should hold no more."""
        if look:
            self.live()
        listed = name in self.workers and name not in self.suspects
        return listed and self.workers[name]["status"] in ("running", "paused")

    # -- workers ----------------------------------------------------------------------------------

    def _wait_for_workers(self) -> list[str]:
        end = time.monotonic() + self.timeout
        while not (names := self.live()):
            if time.monotonic() > end:
                raise RuntimeError(f"no worker of {self.client} has lived for {self.timeout:g} s.")
            time.sleep(0.1)
        return names

    def _hire(self, names: list[str]) -> list[str]:
        """An actor on each of these workers; those on which there is one."""
        assert self.empty is not None
        cache = None
        if hasattr(self.empty.fun, "enable_caching"):
            from .._numba.cache import kind_of_cache

            cache = kind_of_cache(self.empty.fun)
        hosts = [self.workers[name]["host"] for name in names]
        made = {}
        parcel = pack(self.empty)
        for name, host in zip(names, hosts, strict=True):
            if name not in self.actors:
                made[name] = self.client.submit(
                    Holder,
                    parcel,
                    cache,
                    hosts.count(host),
                    this_process(),
                    actor=True,
                    workers=[name],
                    allow_other_workers=False,
                    pure=False,
                )
        for name, future in made.items():
            try:
                self.actors[name] = (self._wait(name, future, users=True), future)
            except Lost:
                self._suspect(name)
                future.release()
        return [name for name in names if name in self.actors]

    def _give_up(self, name: str) -> None:
        self._suspect(name)
        if name in self.actors:
            self.actors.pop(name)[1].release()
        self.where = {i: other for i, other in self.where.items() if other != name}

    def _suspect(self, name: str) -> None:
        if name in self.workers:
            self.suspects[name] = self.workers[name]["last_seen"]

    # -- shards -----------------------------------------------------------------------------------

    def _shares(self, names: list[str], ids: Iterable[int]) -> dict[str, list[int]]:
        """Which of these shards each of these workers has."""
        shares: dict[str, list[int]] = {name: [] for name in names}
        for i in ids:
            name = self.where.get(i, "")
            if name in shares:
                shares[name].append(i)
        return shares

    def _load(self, chosen: dict[int, str]) -> list[int]:
        """Have these workers load these shards; those that were."""
        pending = [(i, name, self._call(name, "add", i)) for i, name in chosen.items()]
        done, failure = [], None
        for i, name, future in pending:
            if name not in self.actors:
                continue
            try:
                error = self._wait(name, future)
            except Lost:
                self._give_up(name)
                continue
            failure = failure or error
            self.where[i] = name
            done.append(i)
        if failure is not None:
            raise failure
        return [i for i in done if self.where.get(i) == chosen[i]]

    def _rebalance(self) -> None:
        """Shards for workers that have none, from those that have most."""
        self.looked = time.monotonic()
        names = self.live()
        if set(self.actors) - set(names) or not set(names) - set(self.actors):
            return  # losses are met when the worker is asked
        names = self._hire(names)
        shares = self._shares(names, self.where)
        before, moved = dict(self.where), {}
        while True:
            most = max(names, key=lambda name: len(shares[name]))
            least = min(names, key=lambda name: len(shares[name]))
            if len(shares[most]) - len(shares[least]) < 2:
                break
            i = shares[most].pop()
            shares[least].append(i)
            moved[i] = least
        for i in self._load(moved):
            self._call(before[i], "drop", i)

    # -- waits that end ---------------------------------------------------------------------------

    def _call(self, name: str, method: str, *args: Any) -> Any:
        """The future of a method's call, None if its worker is known to be lost."""
        try:
            return getattr(self.actors[name][0], method)(*args)
        except (KeyError, RuntimeError):
            return None

    def _wait(self, name: str, future: Any, users: bool = False) -> Any:
        """The result; `users`: its exceptions may be of what the user passed."""
        if future is None:
            raise Lost
        end = time.monotonic() + self.timeout
        while True:
            left = end - time.monotonic()
            try:
                return future.result(timeout=max(0.001, min(LOOK_SECONDS, left)))
            except TimeoutError:
                gone = left <= LOOK_SECONDS or not self._alive(name)
                actor = self.actors.get(name)
                if gone or (actor is not None and actor[1].status not in ("finished", "pending")):
                    raise Lost from None
            except (OSError, concurrent.futures.CancelledError) as error:
                raise Lost from error
            except Exception as error:
                if users and not type(error).__module__.startswith("distributed."):
                    raise  # a module that the worker does not have, say
                raise Lost from error
