"""Where problems come from: generators, data sets on the hub, and local files. Nothing is executed here."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from pydantic import Field, field_validator, model_validator

from envisions.records import Problem
from envs.math import formats, gym, stories
from envs.math.formats import Reading
from envs.problems import SetConfig, chosen
from envs.rows import Hub, Record, RecordError, SourceError, file_rows, hub_rows, record


class SourceConfig(SetConfig):
    """One set of problems: its name, and where its records lie."""

    name: str
    """What the records are: stories, reasoning-gym, gsm8k, math, gsm-hard, svamp, asdiv, mawps, mwp or file."""
    hub: bool | str = False
    """Read from the Hugging Face hub: true for the usual repository of that name, or the id of another."""
    distractors: float = Field(default=0.25, ge=0, le=1)
    """Share of the stories that carry a number nobody needs."""
    slots: bool = False
    """Whether stories say number0, number1 ... where the numbers stand, which are then the inputs of the program."""
    tasks: tuple[str, ...] = ()
    """Which tasks of reasoning-gym; empty takes all that have a number or an expression for an answer."""

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in LOADERS:
            raise ValueError(f"{name!r} is no source of problems; it must be one of {', '.join(LOADERS)}")
        return name

    @field_validator("tasks")
    @classmethod
    def _checkable(cls, tasks: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [task for task in tasks if task not in gym.TASKS]:
            raise ValueError(f"{unknown[0]!r} is no task to be checked by number; choose from {', '.join(gym.TASKS)}")
        return tasks

    @model_validator(mode="after")
    def _one_place(self) -> "SourceConfig":
        loader = LOADERS[self.name]
        if not isinstance(loader, Records):
            if self.path or self.hub:
                raise ValueError(f"{self.name} are generated; leave out path and hub")
            if not self.count:
                raise ValueError(f"count is 0; {self.name} are generated, so it must be at least 1")
        elif bool(self.path) == bool(self.hub):
            found = "both path and hub are" if self.path else "neither path nor hub is"
            raise ValueError(f"{found} given for {self.name}; give one: a local file, or hub = true")
        elif self.hub is True and loader.hub is None:
            raise ValueError(f"hub is true, but {self.name} has no usual repository; name one, or give a path")
        return self


def load(source: SourceConfig, split: str) -> list[Problem]:
    """The problems of one set, in order, each with an id of its own.

    `split` is "train" or the name of a test set; on the hub every other name than "train" reads the test part.
    Raises SourceError (one line) when a file, a record or a repository cannot be read.
    """
    place = source.path or (source.hub if isinstance(source.hub, str) else source.name)
    return chosen(LOADERS[source.name](source, split), source, place)


@dataclass(frozen=True)
class Records:
    """A data set of records: `read` turns one record into a question and its answer."""

    read: Callable[[Record], Reading | None]
    shape: str
    hub: Hub | None = None

    def __call__(self, source: SourceConfig, split: str) -> Iterator[Problem]:
        for place, found in self.each(source, split):
            if isinstance(found, RecordError):
                raise SourceError(f"{place}: {found}; a {source.name} record is {self.shape}: mend it or take it out")
            if found is not None:
                yield found

    def each(self, source: SourceConfig, split: str) -> Iterator[tuple[str, Problem | RecordError | None]]:
        """The place of each record with its problem, its fault, or None where its answer is of a kind left out."""
        rows = file_rows(source.path) if source.path else hub_rows(self.hub, source.hub, split)
        for index, (place, row) in enumerate(rows):
            try:
                found = record(row)
                reading = self.read(found)
            except RecordError as fault:
                yield place, fault
                continue
            name = f"{source.name}-{split}-{found.get('id', index)}"
            yield place, problem(name, split, reading) if reading else None


def problem(name: str, split: str, reading: Reading) -> Problem:
    setup = {**({"inputs": reading.inputs} if reading.inputs else {}), **reading.more}
    return Problem(id=name, world="math", question=reading.question, answer=reading.answer, split=split, setup=setup)


def _stories(source: SourceConfig, split: str) -> Iterator[Problem]:
    part = "train" if split == "train" else "test"
    made = stories.generate(part, source.skip + source.count, source.seed, source.distractors, source.slots)
    return (replace(problem, id=f"stories-{split}-{index}", split=split) for index, problem in enumerate(made))


def _gym(source: SourceConfig, split: str) -> Iterator[Problem]:
    return gym.generate(split, source.skip + source.count, source.seed, source.tasks or gym.TASKS)


MATH_SUBJECTS = (
    "algebra",
    "counting_and_probability",
    "geometry",
    "intermediate_algebra",
    "number_theory",
    "prealgebra",
    "precalculus",
)

LOADERS: Mapping[str, Callable[[SourceConfig, str], Iterator[Problem]]] = {
    "stories": _stories,
    "reasoning-gym": _gym,
    "gsm8k": Records(
        formats.gsm8k, "{question, answer with '#### ' before the result}", Hub("openai/gsm8k", configs=("main",))
    ),
    "math": Records(
        formats.math,
        r"{problem, solution with \boxed{...}} or {input, label}",
        Hub("EleutherAI/hendrycks_math", configs=MATH_SUBJECTS),
    ),
    "gsm-hard": Records(formats.target, "{input, target}", Hub("reasoning-machines/gsm-hard", test="train")),
    # The paper tests on all 1,000 of SVAMP; the hub has them cut in two.
    "svamp": Records(formats.svamp, "{Body, Question, Answer}", Hub("ChilleD/SVAMP", test="train+test")),
    "asdiv": Records(
        formats.asdiv,
        "{input, target} or {body, question, answer}",
        Hub("EleutherAI/asdiv", "validation", "validation"),
    ),
    "mawps": Records(
        formats.target,
        "{input, target} or {question, result_float}",
        Hub("MU-NLPC/Calc-mawps", configs=("original-splits",)),
    ),
    "mwp": Records(formats.mwp, "{id, question with slots number0 ..., numbers, answer}"),
    "file": Records(formats.plain, "{id, question, answer}"),
}
