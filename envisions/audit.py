"""Everything that memory claims, checked again: its bytes, its books, and what proves each accepted program."""

from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from envisions import folder
from envisions.check import WAITING, feedback
from envisions.config import RunConfig
from envisions.records import Outcome, Trajectory
from envisions.replay import first_difference
from envisions.worlds import WORLDS, Kind
from envs.base import Environment, InfrastructureError
from pool.ledger import Balance
from pool.proof import CHANGED
from pool.store import Store

Attempts = dict[int, Trajectory]  # by row


@dataclass(kw_only=True, slots=True)
class Findings:
    """What an audit found. `barred` and `differing` say why, by attempt (a changed one may have lost its name)."""

    attempts: int = 0
    accepted: int = 0
    programs: int = 0  # distinct ones, at their problems
    unchecked: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)  # accepted as before, but something else was seen on the way
    barred: list[str] = field(default_factory=list)
    books: list[Balance] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        return not self.barred and not any(balance.missing for balance in self.books)

    def lines(self) -> Iterator[str]:
        """What a reader wants to know, the figures first."""
        yield f"{self.attempts:,} attempts, {self.accepted:,} accepted; {self.programs:,} distinct programs run again"
        flying = sum(balance.in_flight for balance in self.books)
        dispatched = sum(balance.dispatched for balance in self.books)
        yield f"books: {dispatched:,} dispatched, {flying:,} in flight" + ("" if self._lost else ", none missing")
        yield from self._lost
        yield from (f"unchecked: {line}" for line in self.unchecked)
        yield from (f"differs: {line}" for line in self.differing)
        yield from (f"quarantined: {line}" for line in self.barred)
        yield "sound" if self.sound else "not sound"

    @property
    def _lost(self) -> list[str]:
        return [
            f"books: iteration {b.iteration}, {b.kind}: {abs(b.missing)} {'lost' if b.missing > 0 else 'doubled'}"
            for b in self.books
            if b.missing
        ]


def audit(run_folder: Path, *, execute: bool = True) -> Findings:
    """Check a run that nobody is writing, and put what fails into quarantine.

    An attempt is barred when its bytes, or those of its problem, are not what was stored; when its environment does
    not accept its program any more; and when a second backend contradicts. Otherwise what is observed differently is
    only told. `execute=False` leaves the environment out. Raises StoreError and FolderError, one line.
    """
    config = folder.config_of(run_folder)
    with Store(run_folder / "memory.sqlite") as store:
        reasons = dict.fromkeys(store.changed(), CHANGED)
        names = {row: f"row {row}, {store.name(row)}: {reason}" for row, reason in reasons.items()}
        store.quarantine(reasons)
        accepted = store.by_row(outcome=[Outcome.accepted], trusted=True)
        findings = Findings(attempts=store.size(), accepted=len(accepted), books=store.balances())
        if execute:
            reasons = examine(accepted, config, findings)
            names |= {row: f"{accepted[row].key}: {reason}" for row, reason in reasons.items()}
            store.quarantine(reasons)
        findings.barred = list(names.values())
    return findings


def examine(accepted: Attempts, config: RunConfig, findings: Findings) -> dict[int, str]:
    """Why attempts must be barred, by row. Each distinct program is executed once for all attempts that wrote it."""
    kind = WORLDS[config.world.name]
    same: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for row, t in accepted.items():
        same[t.problem.id, t.problem.split, t.program].append(row)
    findings.programs = len(same)
    environment = kind.environment(config.world, config.sandbox)
    reasons: dict[int, str] = {}
    with closing(environment), ThreadPoolExecutor(config.sandbox.parallel + WAITING, "audit") as threads:
        seen = threads.map(lambda rows: checked(accepted[rows[0]], environment, kind), same.values())
        for rows, verdict in zip(same.values(), seen, strict=True):
            key = accepted[rows[0]].key
            if verdict.against:
                reasons |= dict.fromkeys(rows, verdict.against)
            elif verdict.unchecked:
                findings.unchecked.append(f"{key}: {verdict.unchecked}")
            elif verdict.differs:
                findings.differing.append(f"{key}: {verdict.differs}")
    return reasons


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One program executed again: what speaks against it, why nothing can be said, or what was otherwise."""

    against: str = ""
    unchecked: str = ""
    differs: str = ""


def checked(attempt: Trajectory, environment: Environment, kind: Kind) -> Check:
    """The environment's word, and where the world has one that of a second backend."""
    now = feedback(environment, attempt.problem, attempt.program)
    if now.outcome in (Outcome.infra_failed, Outcome.timed_out, Outcome.unverifiable):
        return Check(unchecked=f"{now.outcome.value}, {now.error}")
    differs = first_difference(attempt.feedback, now)
    if now.outcome is not Outcome.accepted or now.output != attempt.feedback.output:
        return Check(against=differs)
    if kind.second_opinion is None:
        return Check(differs=differs)
    try:
        answer = kind.second_opinion(environment, attempt.problem, attempt.program)
    except InfrastructureError as error:
        return Check(unchecked=str(error))
    if answer != attempt.problem.answer:
        return Check(against=f"a second backend answers {answer}, not {attempt.problem.answer}")
    return Check(differs=differs)
