"""One problem and all attempts at it, as they lie in memory."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.syntax import Syntax
from rich.text import Text

from envisions.records import AttemptKey, Outcome, Problem, Trajectory
from pool.counts import TRAINING_KINDS
from pool.store import Store

COLOURS = {Outcome.accepted: "green", Outcome.rejected: "yellow", Outcome.failed: "red", Outcome.timed_out: "magenta"}
LEXERS = {"math": "python"}  # by world
INDENT = 4
LOOKED_AT = 300  # problems, to find one worth showing

Learnt = Mapping[AttemptKey, Sequence[str]]


class UnknownProblem(LookupError):
    """Memory holds no attempt at this problem. One line, with ids that look like it."""


def show(store: Store, problem_id: str) -> RenderableType:
    """The question, and every attempt in order of iteration and slot, a refinement under the program it refines.

    For each: outcome, r (mean token log-probability at sampling), weights version, program, answer or error, and the
    trainings it was a lesson in. Raises UnknownProblem.
    """
    attempts = store.attempts(problem=problem_id, tokens=False)
    if not attempts:
        raise UnknownProblem(_unknown(store, problem_id))
    learnt = _learnt(store, attempts)
    parts: list[RenderableType] = [_question(attempts[0].problem)]
    first: dict[str, AttemptKey] = {}  # that had this program
    iteration = None
    for attempt in attempts:
        if attempt.key.iteration != iteration:
            iteration = attempt.key.iteration
            parts += ["", Rule(Text(f"iteration {iteration}", style="bold"), align="left", style="dim")]
        parts += [_attempt(attempt, learnt.get(attempt.key, ()), first.get(attempt.program))]
        first.setdefault(attempt.program, attempt.key)
    return Group(*parts)


def some_solved(store: Store) -> str | None:
    """A solved train problem that was not solved at once, if there is one; else any solved one, else None."""
    best, most = None, 0
    for problem in sorted(_ids(store, split="train"))[:LOOKED_AT]:
        told = _interest(store.attempts(problem=problem, kinds=TRAINING_KINDS, tokens=False))
        if told > most:
            best, most = problem, told
    return best


def _interest(attempts: Sequence[Trajectory]) -> int:
    """How much there is to see: solved, wrong at first, mended by a refinement, solved in a later iteration only."""
    right = [t for t in attempts if t.feedback.outcome is Outcome.accepted]
    if not right:
        return 0
    wrong = {t.key for t in attempts if t.feedback.outcome.is_wrong}
    late = right[0].key.iteration > attempts[0].key.iteration
    return 1 + (attempts[0].key in wrong) + any(t.parent in wrong for t in right) + 2 * late


def _question(problem: Problem) -> RenderableType:
    lines = Text.assemble((plain(problem.id), "bold"), f"  {problem.world}, {problem.split}\n\n", style="")
    lines.append(plain(problem.question).strip())
    for name, value in problem.setup.get("inputs", {}).items():
        lines.append(f"\n{plain(str(name))} = {plain(str(value))}", style="dim")
    return lines.append("\n\nanswer  ").append(plain(problem.answer), style="bold green")


def _attempt(attempt: Trajectory, learnt: Sequence[str], seen: AttemptKey | None) -> RenderableType:
    candidate, feedback = attempt.candidate, attempt.feedback
    name = {"explore": f"slot {attempt.key.slot}", "refine": "↳ refined", "evaluate": "test"}.get(
        attempt.key.kind, attempt.key.kind
    )
    head = Text.assemble(
        f"\n{name}  ",
        (feedback.outcome.value, f"bold {COLOURS.get(feedback.outcome, 'dim')}"),
        (f"  r {candidate.logprob:.3f}  weights {candidate.weights}", "dim"),
    )
    if candidate.finish == "length":
        head.append("  cut off", style="dim")
    parts: list[RenderableType] = [head, _program(attempt, seen), Text(_answer(attempt), style="dim")]
    parts += [Text(line, style="cyan") for line in learnt]
    return Padding(Group(*parts), (0, 0, 0, INDENT * (attempt.parent is not None)))


def _program(attempt: Trajectory, seen: AttemptKey | None) -> RenderableType:
    if not attempt.program:
        return Text(f"no program in: {plain(attempt.candidate.text).strip() or 'an empty text'}", style="dim")
    if seen is not None:
        which = "refinement" if seen.kind == "refine" else "attempt"
        return Text(f"the same program as the {which} of slot {seen.slot} in iteration {seen.iteration}", style="dim")
    lexer = LEXERS.get(attempt.problem.world, "text")
    return Syntax(plain(attempt.program), lexer, theme="ansi_dark", background_color="default", word_wrap=True)


def _answer(attempt: Trajectory) -> str:
    feedback = attempt.feedback
    if feedback.error:
        return f"error: {plain(feedback.error)}"
    return "no answer" if feedback.output is None else f"answered {plain(feedback.output)}"


def _learnt(store: Store, attempts: Iterable[Trajectory]) -> Learnt:
    """What each attempt taught, by its key: read from the gradient steps, which name their lessons by the keys."""
    names = {str(t.key): t.key for t in attempts}
    found: dict[tuple[AttemptKey, int, str], list[int]] = defaultdict(list)
    for report in store.reports():
        for step, lesson in store.steps(report.iteration):
            right, _, wrong = (lesson, "", "") if lesson in names else lesson.partition(" after ")
            if right in names:
                role = "the right half of a pair" if wrong else "a right solution"
                found[names[right], report.iteration, role].append(step)
            if wrong in names:
                found[names[wrong], report.iteration, "the wrong half of a pair"].append(step)
    told: dict[AttemptKey, list[str]] = defaultdict(list)
    for (key, iteration, role), steps in found.items():
        when = f"step{'s' * (len(steps) > 1)} {', '.join(map(str, steps))}"
        told[key].append(f"lesson of iteration {iteration}, {when}: {role}")
    return told


def _unknown(store: Store, problem_id: str) -> str:
    ids = _ids(store)
    near = get_close_matches(problem_id, ids, n=3, cutoff=0.4) or sorted(ids)[:3]
    if not near:
        return f"problem {problem_id!r} was not attempted; memory is empty as yet, so wait for the first problem to end"
    return f"problem {problem_id!r} was not attempted; did you mean {', '.join(map(plain, near))}?"


def _ids(store: Store, split: str | None = None) -> set[str]:
    """Problems with all their attempts in memory, those of the iteration now under way among them."""
    return set().union(*(store.finished(iteration, split) for iteration in range(len(store.reports()) + 1)))


def plain(text: str) -> str:
    """Text that a terminal only prints: what a model wrote may hold control sequences and halves of characters."""
    return "".join(c if c.isprintable() or c in "\n\t" else ascii(c)[1:-1] for c in text)
