"""The records that travel between the parts. Frozen, and importing nothing of ours.

A later stage makes a new record instead of filling in a field of an earlier one:
Problem -> Candidate -> Feedback -> Trajectory -> Lesson -> Example -> Weights -> IterationReport.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b, sha256
from typing import Any, NamedTuple


class Outcome(StrEnum):
    """What became of one program.

    The first four are verdicts on the program. The last three say nothing about it:
    they never reach a learner and never count in a rate.
    """

    accepted = "accepted"
    rejected = "rejected"  # ran, and the answer is wrong
    failed = "failed"  # the program is broken
    timed_out = "timed_out"
    unverifiable = "unverifiable"  # the environment cannot decide
    infra_failed = "infra_failed"  # the machine broke, not the program
    cancelled = "cancelled"

    @property
    def is_verdict(self) -> bool:
        return self in VERDICTS

    @property
    def is_wrong(self) -> bool:
        return self in VERDICTS and self is not Outcome.accepted


VERDICTS = frozenset((Outcome.accepted, Outcome.rejected, Outcome.failed, Outcome.timed_out))


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One task. `answer` is what the environment checks against and no model ever sees."""

    id: str
    world: str
    question: str
    answer: str
    split: str
    setup: Mapping[str, Any] = field(default_factory=dict)  # JSON values: page, seed, facts, inputs ...


class AttemptKey(NamedTuple):
    """Names one attempt; memory accepts each key once, whatever is retried."""

    run: str
    iteration: int
    problem: str
    slot: int
    kind: str  # "explore", "refine" or "evaluate"

    def seed(self, run_seed: int) -> int:
        """A 63-bit seed drawn from the key, so a sample does not depend on who draws it, or when.

        The run's name takes no part: two runs with one seed draw the same samples.
        """
        text = f"{run_seed}/{self.iteration}/{self.problem}/{self.slot}/{self.kind}"
        return int.from_bytes(blake2b(text.encode(), digest_size=8).digest()) >> 1

    def __str__(self) -> str:
        return "/".join(map(str, self))

    @classmethod
    def of(cls, text: str) -> "AttemptKey":
        """The key that `str` wrote; a problem's id may have slashes. Raises ValueError."""
        run, _, rest = text.partition("/")
        iteration, _, rest = rest.partition("/")
        problem, *end = rest.rsplit("/", 2)
        if len(end) < 2 or not (iteration.isdecimal() and end[0].isdecimal()):
            raise ValueError(f"{text!r} names no attempt; write RUN/ITERATION/PROBLEM/SLOT/KIND as `show` does")
        return cls(run, int(iteration), problem, int(end[0]), end[1])


def text_fingerprint(text: str) -> str:
    """A short name for a text: the first 64 bits of its SHA-256, in hex."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """One sampled text. `logprob` is its mean token log-probability: the self-reward r (paper, section 3.3)."""

    text: str
    tokens: tuple[int, ...]
    logprob: float
    weights: int  # the policy version that wrote it
    seed: int
    finish: str  # "stop" or "length"
    prompt: str = ""  # fingerprint of the text that the model was given


@dataclass(frozen=True, kw_only=True, slots=True)
class Feedback:
    """What the environment says of one program."""

    outcome: Outcome
    output: str | None = None  # what the program answered, as JSON
    error: str = ""  # one line, fit to be shown to the model
    seconds: float = 0.0
    evidence: Mapping[str, Any] = field(default_factory=dict)  # "measures" in it, yes or no by name, are reported


@dataclass(frozen=True, kw_only=True, slots=True)
class Trajectory:
    """One attempt at one problem, from prompt to verdict. `parent` is the attempt it refines.

    `origin` is its key in the earlier run that it was taken over from.
    """

    key: AttemptKey
    problem: Problem
    candidate: Candidate
    program: str
    feedback: Feedback
    parent: AttemptKey | None = None
    origin: AttemptKey | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Lesson:
    """A right solution to learn (loss L1), or how to get from a wrong one to it (loss L2)."""

    right: Trajectory
    wrong: Trajectory | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """One training text: cross-entropy is taken over the completion only.

    With `rejected`, a completion that `completion` is to be preferred to, it is a pair for DPO.
    """

    id: str
    prompt: str
    completion: str
    rejected: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Weights:
    """A model folder on disk. `fingerprint` is the SHA-256 over its tensors' names, shapes and bytes."""

    version: int
    path: str
    fingerprint: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """One problem done with: what the driver hears of it. The attempts themselves are in memory by then."""

    problem: str
    attempts: int
    accepted: int
    tokens: int  # sampled
    retries: Mapping[str, int] = field(default_factory=dict)  # infrastructure failures overcome, by kind


@dataclass(frozen=True, kw_only=True, slots=True)
class Accuracy:
    """Share of test problems accepted; `n` counts verdicts only."""

    value: float
    n: int


@dataclass(frozen=True, kw_only=True, slots=True)
class IterationReport:
    """One line of report.jsonl. Iteration 0 is the base model, before any training."""

    iteration: int
    weights: Weights
    accuracy: Mapping[str, Accuracy]  # by test set, and by `set.measure` where the environment measures more
    problems: int = 0
    solved: int = 0
    attempts: int = 0
    outcomes: Mapping[str, int] = field(default_factory=dict)
    lessons: Mapping[str, int] = field(default_factory=dict)  # {"right": n, "pairs": n, "dropped": n}
    tokens: Mapping[str, int] = field(default_factory=dict)  # {"sampled": n, "trained": n}
    loss: tuple[float, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)  # by stage
    goodput: float = 0.0  # accepted, distinct trajectories an hour
    retries: Mapping[str, int] = field(default_factory=dict)  # by kind of actor
    analysis: Mapping[str, Any] = field(default_factory=dict)  # what pool/analysis.py finds, by name
