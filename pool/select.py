"""From all attempts to the lessons of one training: U1, right solutions, and U2, wrong with right ones (step 9)."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from math import inf, isfinite, isnan
from operator import attrgetter
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from envisions.records import AttemptKey, Lesson, Trajectory
from pool.dedupe import Canonical, Identity, by_key, by_program, by_text, first_seen, rights_first
from pool.filter import Score, is_right, survivors
from pool.pairing import PAIRINGS


class SelectConfig(BaseModel):
    """How lessons are chosen. The defaults are ours; REFERENCE_COMPAT holds the reference's choices."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: Literal["environment", "self"] = "environment"
    """Who says what is right: the environment; or r alone, the best program of a problem against its worst."""
    rank: Literal["current", "sampled", "random", "rubric"] = "current"
    """What r is: the log-probability under the current weights and the one prompt; the one at sampling; a lot drawn
    for each attempt; or the grade that the model gives itself (actors/rubric.py)."""
    positives: int = Field(default=10, ge=0)
    """Most right solutions a problem gives to the first loss (reference: 10, web 2); 0 drops that loss."""
    pairs: int = Field(default=2, ge=0)
    """Most (wrong, right) pairs a problem gives to the second loss; 0 drops that loss."""
    spare: bool = True
    """Pairs take right solutions that the first loss leaves, and it leaves at least one; false: each loss takes its
    own from the top."""
    pairing: Literal["rank", "likeness"] = "rank"
    """Which wrong program a right one is paired with: the most likely, or the one most like it."""
    contrast: Literal["refinement", "preference"] = "refinement"
    """What a pair teaches: to get from the wrong program to the right one (the paper); or to prefer it (DPO)."""
    dedupe: Literal["program", "text-global", "none"] = "program"
    """Count a program once per problem by canonical form; or once over all problems by exact text; or every time."""
    wrong_refinements: bool = True
    """Let wrong refinements, too, serve as the wrong half of a pair."""
    docstring_iterations: int = Field(default=0, ge=0)
    """In the first N iterations a right program not quoting its question is a wrong one (reference: 3, math)."""
    memory: bool = True
    """Choose from the attempts of all iterations; false: of the newest only."""


REFERENCE_COMPAT = SelectConfig(rank="sampled", dedupe="text-global", wrong_refinements=False, docstring_iterations=3)
"""The reference's choices for math. Logic: `docstring_iterations=0`. Web: also `positives=2, dedupe="none"`."""


def select(
    trajectories: Iterable[Trajectory],
    scores: Mapping[AttemptKey, float],
    config: SelectConfig,
    canonical: Canonical,
) -> list[Lesson]:
    """The lessons of all problems: in order of their ids, for each its right solutions, then its pairs.

    `trajectories`: every attempt of the run so far, in any order. `scores`: r of what `needs_score` names, where the
    model has to be asked for it; raises ValueError where one is missing. `canonical` is the world's; it is called once
    for a text, and remembering it from call to call is worth the caller's while.

    Paper, section 3.4, as the reference codes it. Feedback that is no verdict never becomes a lesson, nor does an
    attempt without a program. Ranks are by r rounded to 1e-6, then by key, so that they do not hang on the last
    bits of a float.
    """
    attempts, early = _usable(trajectories, config)
    same = _spelling(config, canonical)
    missing = next((t.key for t in _needed(attempts, config, same) if t.key not in scores), None)
    if missing:
        raise ValueError(f"there is no score for {missing}; select needs one for each attempt needs_score() names")
    r = _reward(attempts, scores, config, same)
    rights, wrongs = LABELS[config.label](attempts, early, r, config, same)
    return [
        lesson
        for problem in sorted(rights)
        for lesson in _lessons(_ranked(rights[problem], r), _ranked(wrongs[problem], r), config)
    ]


def needs_score(trajectories: Iterable[Trajectory], config: SelectConfig, canonical: Canonical) -> list[Trajectory]:
    """The attempts whose r the model has to be asked for, because it can change what `select` does.

    One for each distinct program of a problem, the first seen: its score counts for all its spellings. None where the
    attempts themselves say what r is, none where there is no choice: one right program, or one wrong one.
    """
    attempts, _ = _usable(trajectories, config)
    return _needed(attempts, config, _spelling(config, canonical))


def sizes(rights: int, wrongs: int, config: SelectConfig) -> tuple[int, int]:
    """How many right solutions and how many pairs a problem gives, by its distinct right and wrong programs."""
    if not config.spare:
        return min(config.positives, rights), min(config.pairs, rights, wrongs)
    explore = min(config.positives, max(1, rights - 1), rights)
    return explore, max(0, min(config.pairs, rights - explore, wrongs))


def _lessons(rights: Sequence[Trajectory], wrongs: Sequence[Trajectory], config: SelectConfig) -> list[Lesson]:
    """The top right ones; then pairs of the next right ones (or of the top ones again) with wrong ones."""
    explore, pairs = sizes(len(rights), len(wrongs), config)
    first = explore if config.spare else 0
    paired = PAIRINGS[config.pairing](rights[first : first + pairs], wrongs)
    return [*(Lesson(right=t) for t in rights[:explore]), *(Lesson(right=t, wrong=wrong) for t, wrong in paired)]


def _ranked(trajectories: Iterable[Trajectory], r: Score) -> list[Trajectory]:
    return sorted(trajectories, key=lambda t: (-r(t.key), t.key))


def _usable(trajectories: Iterable[Trajectory], config: SelectConfig) -> tuple[list[Trajectory], frozenset[int]]:
    """What may become a lesson, in order of key; and the iterations where a right program must quote its question."""
    tried = [t for t in trajectories if t.key.kind in ("explore", "refine")]
    iterations = sorted({t.key.iteration for t in tried})
    memory = iterations if config.memory else iterations[-1:]
    usable = [
        t for t in tried if t.feedback.outcome.is_verdict and t.program.strip() and t.key.iteration in memory
    ]  # an empty program has nothing to show or to score
    return sorted(usable, key=attrgetter("key")), frozenset(iterations[: config.docstring_iterations])


def _kept(attempts: Sequence[Trajectory], config: SelectConfig, r: Score) -> list[Trajectory]:
    """What the slots leave over, in order of key."""
    explored = [t for t in attempts if t.key.kind == "explore"]
    refined = [t for t in attempts if t.key.kind == "refine"]
    # Paper: wrong refinements are thrown away. Here: kept as wrong halves, because they are the mistakes the model
    # makes when it mends, and cost nothing more.
    wrong = [t for t in refined if config.wrong_refinements and not is_right(t)]
    return sorted([*survivors(explored, refined, r), *wrong], key=attrgetter("key"))


Pool = dict[str, list[Trajectory]]  # by problem


def _by_environment(
    attempts: Sequence[Trajectory], early: frozenset[int], r: Score, config: SelectConfig, same: Identity
) -> tuple[Pool, Pool]:
    """The distinct right and the distinct wrong attempts of each problem, as the environment says."""

    def counts_as_right(t: Trajectory) -> bool:
        return is_right(t) and (t.key.iteration not in early or t.problem.question in t.program)

    kept = _kept(attempts, config, r)
    distinct = kept if config.dedupe == "program" else _distinct(kept, config, same)
    rights = [t for t in distinct if counts_as_right(t)]
    wrongs = [t for t in distinct if not counts_as_right(t)]
    if config.dedupe == "program":
        rights, wrongs = rights_first(rights, wrongs, same)
    return _by_problem(rights), _by_problem(wrongs)


def _by_self(
    attempts: Sequence[Trajectory], early: frozenset[int], r: Score, config: SelectConfig, same: Identity
) -> tuple[Pool, Pool]:
    """The best and the worst program of each problem by r, where they differ in r: the environment is not asked."""
    pool = _by_problem(t for t in _distinct(attempts, config, same) if isfinite(r(t.key)))
    ranked = {problem: _ranked(tried, r) for problem, tried in pool.items()}
    split = {problem: tried for problem, tried in ranked.items() if r(tried[0].key) > r(tried[-1].key)}
    ends = [{problem: [tried[end]] for problem, tried in split.items()} for end in (0, -1)]
    return ends[0], ends[1]


LABELS: Mapping[str, Callable[..., tuple[Pool, Pool]]] = {"environment": _by_environment, "self": _by_self}


def _distinct(attempts: Sequence[Trajectory], config: SelectConfig, same: Identity) -> list[Trajectory]:
    return first_seen(attempts, {"program": same, "text-global": by_text, "none": by_key}[config.dedupe])


def _by_problem(trajectories: Iterable[Trajectory]) -> Pool:
    pool: Pool = defaultdict(list)
    for trajectory in trajectories:
        pool[trajectory.problem.id].append(trajectory)
    return pool


def _spelling(config: SelectConfig, canonical: Canonical) -> Identity:
    """What two attempts must share to have one score."""
    return by_program(canonical) if config.dedupe == "program" else lambda t: (t.problem.id, t.program)


def _reward(
    attempts: Sequence[Trajectory], scores: Mapping[AttemptKey, float], config: SelectConfig, same: Identity
) -> Score:
    """r of an attempt, rounded; what no choice hangs on may be without a score and gets 0."""
    if own := OWN_RANKS.get(config.rank):
        return {t.key: _rounded(own(t)) for t in attempts}.__getitem__
    known: dict[Hashable, float] = {}
    for t in attempts:
        if t.key in scores:
            known.setdefault(same(t), _rounded(scores[t.key]))
    attempt = {t.key: t for t in attempts}
    return lambda key: known.get(same(attempt[key]), 0.0)


def _lot(trajectory: Trajectory) -> float:
    """0 to 1, drawn from the seed of the sample: the same whenever, and by whomever, it is drawn."""
    return trajectory.key._replace(kind=f"rank-{trajectory.key.kind}").seed(trajectory.candidate.seed) / 2**63


OWN_RANKS: Mapping[str, Callable[[Trajectory], float]] = {  # what r is where no model has to be asked
    "sampled": lambda t: t.candidate.logprob,
    "random": _lot,
}


def _rounded(r: float) -> float:
    return -inf if isnan(r) else round(r, 6)


def _needed(attempts: Sequence[Trajectory], config: SelectConfig, same: Identity) -> list[Trajectory]:
    if config.rank in OWN_RANKS:
        return []
    return NEEDED[config.label](attempts, config, same)


def _needed_by_environment(attempts: Sequence[Trajectory], config: SelectConfig, same: Identity) -> list[Trajectory]:
    rights = _by_problem(t for t in attempts if is_right(t))  # whatever r is, no others can survive as right
    wrongs = _by_problem(t for t in _kept(attempts, config, lambda key: 0.0) if not is_right(t))  # nor these change
    needed: set[Hashable] = set()
    choosing = set()  # of the other problems' programs the canonical form is not even asked for
    for problem, right in rights.items():
        programs = {same(t) for t in right}
        alone = len(programs if config.dedupe != "none" else right) == 1  # then no choice, and nothing to spare
        wrong_programs = {same(t) for t in wrongs[problem]} if config.pairs and not (alone and config.spare) else set()
        choice = len(wrong_programs) > 1 or config.docstring_iterations > 0
        if asked := (set() if alone else programs) | (wrong_programs if choice else set()):
            needed |= asked
            choosing.add(problem)
    return [t for t in first_seen((t for t in attempts if t.problem.id in choosing), same) if same(t) in needed]


def _needed_by_self(attempts: Sequence[Trajectory], config: SelectConfig, same: Identity) -> list[Trajectory]:
    pool = _by_problem(first_seen(attempts, same))
    return sorted((t for tried in pool.values() if len(tried) > 1 for t in tried), key=attrgetter("key"))


NEEDED = {"environment": _needed_by_environment, "self": _needed_by_self}
