"""Looks at every actor of a run every other second: who is well, who must be replaced, of what there should be more.

consumes: what each process tells of itself     waits for: nobody longer than LOOK_DEADLINE
produces: a Sight for whoever shows the run     unblocks: fleets whose replicas hang, are spent or are too few
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from actors.fleet import Fleet, FleetConfig
from actors.health import Health, Vitals
from actors.mailbox import Look
from actors.scaling import Elastic
from actors.spans import RECORD, Span, Trace

LOOK_SECONDS = 2.0
LOOK_DEADLINE = 15.0
PROBE_SECONDS = 20.0  # how long a replica may answer nothing before it is asked for something real
PROBE_DEADLINE = 60.0
IDLE_LOOKS = 2  # in a row until a withdrawn replica counts as drained: those who ask hear of it one look late


@dataclass(frozen=True, kw_only=True, slots=True)
class Watched:
    """A fleet to look after. `probe`: a method that makes a replica do the real thing, as small as can be."""

    fleet: Fleet
    config: FleetConfig
    probe: Callable[..., Any] | None = None


@dataclass(kw_only=True)
class Sight:
    """What one round of looks has seen."""

    seconds: float = 0.0  # since the round before
    health: dict[str, Health] = field(default_factory=dict)  # by replica
    looks: dict[str, Look] = field(default_factory=dict)  # by replica that answered
    busy: dict[str, float] = field(default_factory=dict)  # share of those seconds, by replica
    spans: list[Span] = field(default_factory=list)
    dropped: int = 0
    waiting: list[tuple[float, str, Trace]] = field(default_factory=list)  # the longest first
    unanswered: Counter[str] = field(default_factory=Counter)  # calls under way, by kind of actor


@dataclass
class _Replica:
    """What is remembered of one replica between two rounds."""

    vitals: Vitals = field(default_factory=lambda: Vitals(Health.restarting))
    incarnation: str = ""
    answered: int = 0
    busy_seconds: float = 0.0
    proved: float = field(default_factory=time.monotonic)  # when it last did something real
    probing: asyncio.Task[None] | None = None


@dataclass
class _Leave:
    """A withdrawn replica: it ends what it has begun, then it is ended, or renewed and asked again."""

    of: Watched
    back: bool
    idle_looks: int = 0
    renewed: str = ""  # the incarnation that was ended


class Watch:
    """One for a run, in the driver."""

    def __init__(self, watched: Sequence[Watched], notice: Callable[[Sight], None]) -> None:
        self._watched, self._notice = watched, notice
        self._replicas: dict[str, _Replica] = {}
        self._elastic = {w.fleet.name: Elastic(w.config.count, w.config.most or w.config.count) for w in watched}
        self._leaving: dict[str, _Leave] = {}  # by replica
        self._looked = time.perf_counter()
        self._one_round = asyncio.Lock()
        self._running: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._running = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Look no more."""
        tasks = [self._running, *(replica.probing for replica in self._replicas.values())]
        for task in tasks:
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self.round()

    async def round(self) -> Sight:
        """Look at everybody once, and do what follows."""
        async with self._one_round:
            now = time.perf_counter()
            sight = Sight(seconds=now - self._looked)
            self._looked = now
            members = {w.fleet.name: w.fleet.names for w in self._watched}
            asked = [(w, name) for w in self._watched for name in (*w.fleet.names, *self._leaving_of(w))]
            await asyncio.gather(*(self._look(w, name, members, sight) for w, name in asked))
            sight.spans += RECORD.drain()
            sight.dropped += RECORD.dropped
            sight.waiting = sorted([*sight.waiting, *RECORD.waiting()], reverse=True)
            sight.unanswered += RECORD.unanswered()
            for watched in self._watched:
                await self._size(watched, sight)
            self._notice(sight)
            return sight

    async def _look(self, watched: Watched, name: str, members: Mapping[str, Sequence[str]], sight: Sight) -> None:
        replica = self._replicas.setdefault(name, _Replica())
        try:
            look = await watched.fleet.look(name, members, LOOK_DEADLINE)
        except TimeoutError:
            replica.vitals.failed()
        except Exception:  # Ray says that its process is gone
            replica.vitals.lost()
        else:
            sight.looks[name] = look
            sight.busy[name] = self._busy(replica, look, sight.seconds)
            sight.spans += look.spans
            sight.dropped += look.dropped
            sight.waiting += look.waiting
            sight.unanswered.update(look.unanswered)
            self._judge(watched, name, replica, look)
        if replica.vitals.health is Health.dead:
            watched.fleet.replace(name)
            replica.vitals.lost()
        sight.health[name] = replica.vitals.health

    def _judge(self, watched: Watched, name: str, replica: _Replica, look: Look) -> None:
        """Health by what it tells; who has done nothing real for a while is asked to."""
        now = time.monotonic()
        if look.incarnation != replica.incarnation:
            replica.incarnation, replica.answered, replica.proved = look.incarnation, 0, now
        if look.answered > replica.answered:
            replica.answered, replica.proved = look.answered, now
        state = look.status.get("state")
        if not look.ready:
            if watched.probe is None:
                replica.vitals.lost()
            else:
                replica.vitals.answered(stale=True)
        elif state == "dead":
            replica.vitals.hung()
        elif state == "stale":
            replica.vitals.answered(stale=True)
        elif look.errors_in_a_row:
            replica.vitals.health = Health.suspect  # it ends itself when they go on
        elif replica.proved >= now - PROBE_SECONDS or watched.probe is None:
            replica.vitals.answered()
        elif replica.probing is None or replica.probing.done():
            replica.probing = asyncio.create_task(self._probe(watched, name, replica))

    async def _probe(self, watched: Watched, name: str, replica: _Replica) -> None:
        assert watched.probe is not None
        line = next((line for line in watched.fleet.lines if line.name == name), None)
        if line is None:
            return
        try:
            await line.call(watched.probe.__name__, (), PROBE_DEADLINE)
        except Exception:
            replica.vitals.failed()
        else:
            replica.proved = time.monotonic()
            replica.vitals.answered()

    def _busy(self, replica: _Replica, look: Look, seconds: float) -> float:
        before = replica.busy_seconds if look.incarnation == replica.incarnation else 0.0
        replica.busy_seconds = look.busy_seconds
        return min(max(look.busy_seconds - before, 0.0) / seconds, 1.0) if seconds else 0.0

    # Size and recycling

    async def _size(self, watched: Watched, sight: Sight) -> None:
        fleet, config = watched.fleet, watched.config
        for name in self._leaving_of(watched):
            await self._let_go(name, self._leaving[name], sight)
        if config.most > config.count:
            waits = [span.wait for span in sight.spans if span.kind == fleet.name] or [0.0]
            busy = [sight.busy.get(name, 1.0) for name in fleet.names] or [1.0]
            size = len(fleet) + sum(self._leaving[name].back for name in self._leaving_of(watched))
            wanted = self._elastic[fleet.name].wanted(size, sum(waits) / len(waits), sum(busy) / len(busy))
            for _ in range(wanted - size):
                fleet.grow()
            if wanted < size and len(fleet) > 1:
                self._withdraw(watched, fleet.names[-1], back=False)
        if not self._leaving_of(watched):  # one at a time
            spent = next((name for name in fleet.names if _is_spent(config, sight.looks.get(name))), None)
            if spent is not None:
                self._withdraw(watched, spent, back=True)

    def _leaving_of(self, watched: Watched) -> list[str]:
        return [name for name, leave in self._leaving.items() if leave.of is watched]

    def _withdraw(self, watched: Watched, name: str, *, back: bool) -> None:
        watched.fleet.withdraw(name)
        self._leaving[name] = _Leave(watched, back)

    async def _let_go(self, name: str, leave: _Leave, sight: Sight) -> None:
        """End a withdrawn replica once nothing of it is under way; ask a renewed one again once it serves."""
        fleet, look = leave.of.fleet, sight.looks.get(name)
        if leave.renewed:
            if look is not None and look.ready and look.incarnation != leave.renewed:
                del self._leaving[name]
                fleet.restore(name)
            return
        idle = look is None or not look.running  # a process that is gone has nothing under way
        leave.idle_looks = leave.idle_looks + 1 if idle else 0
        if leave.idle_looks < IDLE_LOOKS:
            return
        if leave.back:
            leave.renewed = self._replicas[name].incarnation
            await fleet.renew(name)
        else:
            del self._leaving[name], self._replicas[name]
            await fleet.retire(name)


def _is_spent(config: FleetConfig, look: Look | None) -> bool:
    if look is None or not look.ready:
        return False
    calls, memory = config.recycle_calls, config.recycle_gib
    return bool((calls and look.answered >= calls) or (memory and look.resident_gib >= memory))
