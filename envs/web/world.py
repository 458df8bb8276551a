"""The web world as the model sees it: a goal and a page in, a script of actions out."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from string import Template
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from envisions.records import Feedback, Outcome, Problem
from envs.contamination import Removed
from envs.web import scripts
from envs.web.episode import EpisodeConfig
from envs.web.farm import Farm
from envs.web.sources import TEST_FIRST, WebSource, load, seeds_of

PROMPTS = Path(__file__).parent / "prompts"
FENCE = "```"


class WebConfig(BaseModel):
    """The tasks of the web world, how they are put to the model, and how its scripts are played."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Literal["web"] = "web"
    """Which world: MiniWoB++ tasks, and scripts that act on their pages."""
    train: WebSource = WebSource()
    """The tasks the model trains itself on; every iteration has seeds of its own."""
    test: dict[str, WebSource] = Field(default={"web": WebSource(seeds=30)}, min_length=1)
    """The test sets, by name: tasks under seeds from 10000 on."""
    shots: int = Field(default=0, ge=0, le=8)
    """Worked examples shown at iteration 0, before anything was learnt; those most like the task come first."""
    show_feedback: bool = True
    """Tell the model how its script ended, and show it the page it led to."""
    episode: EpisodeConfig = EpisodeConfig()
    """How scripts are played, what counts as success, and how a page is shown."""

    @field_validator("test")
    @classmethod
    def _not_called_train(cls, test: dict[str, WebSource]) -> dict[str, WebSource]:
        if "train" in test:
            raise ValueError("a test set is called 'train'; give it another name")
        return test


class WebWorld:
    """Tasks, seeds and scripts. Implements envs.base.World.

    A problem holds its page as text, so a browser is needed where problems are made, and only there. Every prompt ends
    with an opened fence; a completion is the script and the closing fence.
    """

    def __init__(self, config: WebConfig, seed: int = 0) -> None:
        self.config = config
        self.seed = seed
        self._made: dict[tuple[str, int], list[Problem]] = {}

    def __reduce__(self) -> tuple[type["WebWorld"], tuple[WebConfig, int]]:
        return WebWorld, (self.config, self.seed)  # travels without the problems it has made

    def problems(self, split: str, iteration: int) -> Sequence[Problem]:
        """Every train task under the seeds of one iteration, or a test set by its name.

        Raises InfrastructureError where no browser can be had.
        """
        source = self.config.train if split == "train" else self.config.test.get(split)
        if source is None:
            known = ", ".join(("train", *self.config.test))
            raise ValueError(f"{split!r} is no set of problems; it must be one of {known}")
        first = seeds_of(iteration, source.seeds) if split == "train" else TEST_FIRST
        if (split, first) not in self._made:
            farm = Farm(self.config.episode)
            try:
                self._made[split, first] = load(source, split, first, farm)
            finally:
                farm.close()
        return self._made[split, first]

    def pool(self, iteration: int) -> Sequence[Problem]:
        """All train tasks under the seeds of the iteration."""
        return self.problems("train", iteration)

    def admits(self, problems: Sequence[Problem], run: str) -> dict[str, Problem]:
        """Those of an earlier run's train problems that this run may learn from: the seeds of test sets are others."""
        return {p.id: p for p in problems if p.world == self.config.name and p.setup["seed"] < TEST_FIRST}

    @property
    def removed(self) -> Removed:
        """Nothing: a test set has seeds of its own, and the same goal under another seed is another page."""
        return Removed({}, {})

    def prompt(self, problem: Problem) -> str:
        """What can be done, the page, opened fence; in the tree form the goal and the page only."""
        told = {"goal": problem.question, "page": problem.setup["page"]}
        return _template(self.config.episode.form).substitute(told)

    def first_prompt(self, problem: Problem) -> str:
        """What the untrained model sees at iteration 0: `config.shots` worked examples, then the prompt."""
        task, form = problem.setup["task"], self.config.episode.form
        shots = sorted(_shots(), key=lambda shot: task not in shot["tasks"])[: self.config.shots]
        worked = [
            f"{_template(form).substitute(goal=shot['goal'], page=shot[form])}{shot['script']}\n{FENCE}\n\n"
            for shot in shots
        ]
        return "".join(worked) + self.prompt(problem)

    def refine_prompt(self, problem: Problem, program: str, feedback: Feedback) -> str:
        """The prompt with the model's own script and, as a setting, what it came to and the page as it was then."""
        shown = self.config.show_feedback
        told = {
            "prompt": self.prompt(problem),
            "program": program,
            "result": result(feedback) if shown else "",
            "after": feedback.evidence.get("page", "") if shown else "",
        }
        return _template(f"refine_{self.config.episode.form}").substitute(told)

    def next_prompt(self, problem: Problem, program: str, feedback: Feedback) -> str:
        """What the model sees in a later turn: what it has done, and the page as it is now."""
        told = {"prompt": self.prompt(problem), "program": program, "after": feedback.evidence.get("page", "")}
        return _template(f"next_{self.config.episode.form}").substitute(told)

    def program(self, problem: Problem, text: str) -> str:
        """The script before the closing fence, or in a fence of the model's own."""
        return scripts.extract(text)

    def completion(self, problem: Problem, program: str) -> str:
        """The script and the fence that closes it."""
        return f"{program}\n{FENCE}"

    def canonical(self, program: str) -> str:
        """One spelling for all scripts that differ only in layout, comments or the kind of quotes."""
        return scripts.canonical(program)


def result(feedback: Feedback) -> str:
    """One line on what became of a script."""
    match feedback.outcome:
        case Outcome.accepted:
            return "the task was done as asked"
        case Outcome.rejected | Outcome.failed:
            return feedback.error
        case Outcome.timed_out:
            return "the script ran out of time"
    return "the script could not be played"


@cache
def _template(name: str) -> Template:
    # Template puts values in as they are: the dollars and braces of a page stay untouched.
    return Template((PROMPTS / f"{name}.txt").read_text(encoding="utf-8"))


@cache
def _shots() -> Sequence[Mapping[str, Any]]:
    """The worked examples: for each the tasks that it is like, the goal, the page in both forms, and the script."""
    return [json.loads(line) for line in (PROMPTS / "few_shot.jsonl").read_text(encoding="utf-8").splitlines()]
