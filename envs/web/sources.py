"""Web problems: a task and a seed each, and the page as it looks under that seed."""

from concurrent.futures import ThreadPoolExecutor

from pydantic import BaseModel, ConfigDict, Field, field_validator

from envisions.records import Problem
from envs.web.farm import Farm
from envs.web.tasks import TaskError, named, task

TRAIN_FIRST, TEST_FIRST, BASE_FIRST = 0, 10_000, 1_000_000  # first seeds: iteration 1, test sets, a base's texts


class WebSource(BaseModel):
    """Some tasks, each under some seeds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tasks: tuple[str, ...] = ("paper",)
    """Names of tasks, or of groups of them: "paper" (the 44 of the paper), "easy", "all"."""
    seeds: int = Field(default=50, ge=1)
    """Episodes of each task; in training so many new ones in each iteration."""

    @field_validator("tasks", mode="before")
    @classmethod
    def _one_or_several(cls, tasks: object) -> object:
        return (tasks,) if isinstance(tasks, str) else tasks

    @field_validator("tasks")
    @classmethod
    def _known(cls, tasks: tuple[str, ...]) -> tuple[str, ...]:
        try:
            named(tasks)
        except TaskError as fault:
            raise ValueError(str(fault)) from None
        return tasks


def posed(id: str, split: str, name: str, seed: int, goal: str = "", page: str | None = None) -> Problem:
    """The problem of one episode. No answer: the page itself says whether the task was done. Raises TaskError."""
    name = task(name).name
    setup = {"task": name, "seed": seed, "groups": {"task": name}} | ({} if page is None else {"page": page})
    return Problem(id=id, world="web", question=goal, answer="", split=split, setup=setup)


def load(source: WebSource, split: str, first: int, farm: Farm) -> list[Problem]:
    """The problems of these tasks under the seeds from `first` on, task by task, as the browser shows them.

    Raises InfrastructureError where no browser can be had.
    """
    episodes = [(name, first + number) for name in named(source.tasks) for number in range(source.seeds)]

    def seen(episode: tuple[str, int]) -> Problem:
        name, seed = episode
        view = farm.view(task(name), seed)
        return posed(f"{name}/{seed}", split, name, seed, view.goal, view.page)

    with ThreadPoolExecutor(farm.config.pages, thread_name_prefix="observe") as threads:
        return list(threads.map(seen, episodes))


def seeds_of(iteration: int, seeds: int) -> int:
    """The first train seed of an iteration: no seed comes again."""
    return TRAIN_FIRST + seeds * (iteration - 1)
