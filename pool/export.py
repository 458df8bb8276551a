"""What memory holds as training sets, in the forms that the Hugging Face libraries know."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from envisions.records import Outcome, Trajectory
from envs.base import World
from pool.counts import TRAINING_KINDS
from pool.dedupe import by_program, first_seen
from pool.parquet import Folder
from pool.store import Store

Row = tuple[Any, ...]
CARD = """---
configs:
{configs}
---

Exported from the memory of a run: programs that their environment accepted, each once a problem.

- `prompt-completion`: `prompt` and `completion`, for supervised training.
- `preference`: `prompt`, `chosen` (accepted) and `rejected` (wrong, at the same problem), for preference training.
- `conversational`: the first as `messages` of a user and an assistant.

`sample` and `rejected_sample` name attempts, for `envisions lineage`.
"""


@dataclass(frozen=True, slots=True)
class Solved:
    """One train problem with its distinct programs, the most likely ones first."""

    world: World
    rights: Sequence[Trajectory]
    wrongs: Sequence[Trajectory]

    @property
    def prompt(self) -> str:
        return self.world.prompt(self.rights[0].problem)

    def completion(self, attempt: Trajectory) -> str:
        return self.world.completion(attempt.problem, attempt.program)

    def completions(self) -> Iterator[Row]:
        for right in self.rights:
            yield self.prompt, self.completion(right), right.problem.id, str(right.key)

    def preferences(self) -> Iterator[Row]:
        """Each right program with one wrong one, as long as there are both."""
        for right, wrong in zip(self.rights, self.wrongs, strict=False):
            chosen, rejected = self.completion(right), self.completion(wrong)
            yield self.prompt, chosen, rejected, right.problem.id, str(right.key), str(wrong.key)

    def conversations(self) -> Iterator[Row]:
        for prompt, completion, problem, sample in self.completions():
            messages = [{"role": "user", "content": prompt}, {"role": "assistant", "content": completion}]
            yield messages, problem, sample


FORMS: Mapping[str, tuple[tuple[str, ...], Callable[[Solved], Iterator[Row]]]] = {
    "prompt-completion": (("prompt", "completion", "problem", "sample"), Solved.completions),
    "preference": (("prompt", "chosen", "rejected", "problem", "sample", "rejected_sample"), Solved.preferences),
    "conversational": (("messages", "problem", "sample"), Solved.conversations),
}


def export(path: Path, world: World, target: str) -> dict[str, int]:
    """Write every form below `target`, so that `datasets.load_dataset(target, FORM)` reads it; counts their rows.

    Test problems, and samples in quarantine, stay out. Raises StoreError.
    """
    import pyarrow as pa

    types = {"messages": pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))}
    folder, written = Folder(target), {}
    with Store(path, read_only=True) as store:
        for form, (columns, rows_of) in FORMS.items():
            rows = (row for problem in solved(store, world) for row in rows_of(problem))
            kinds = {name: types.get(name, pa.string()) for name in columns}
            written[form] = folder.write(f"{form}/train", kinds, rows)
    configs = "\n".join(f"- config_name: {form}\n  data_files: {form}/*.parquet" for form in FORMS)
    folder.write_text("README.md", CARD.format(configs=configs))
    return written


def solved(store: Store, world: World) -> Iterator[Solved]:
    """The solved train problems, one at a time, in order of their ids."""
    same = by_program(world.canonical)
    for problem in store.solved():
        attempts = store.attempts(problem=problem, kinds=TRAINING_KINDS, tokens=False, trusted=True)
        attempts.sort(key=lambda t: (-t.candidate.logprob, t.key))
        rights = first_seen((t for t in attempts if t.feedback.outcome is Outcome.accepted), same)
        wrong = (t for t in attempts if t.feedback.outcome.is_wrong and t.program.strip())
        if rights:
            yield Solved(world, rights, first_seen([*rights, *wrong], same)[len(rights) :])
