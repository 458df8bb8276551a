"""A stronger model that answers in place of the one in training: from an endpoint, or from a file of its answers.

consumes: prompts          waits for: whoever serves the endpoint
produces: candidates       unblocks: the reward/refine service
"""

import json
import os
from collections import defaultdict
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from actors.engine import Sampling
from envisions.records import Candidate
from envs.base import InfrastructureError


class TeacherConfig(BaseModel):
    """Where a teacher's answers come from: `url` or `answers`, one of the two."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = ""
    """An endpoint that speaks OpenAI's protocol, such as http://127.0.0.1:8000/v1."""
    model: str = ""
    """The model's name at the endpoint."""
    key: str = "OPENAI_API_KEY"
    """The environment variable that holds the key, where the endpoint wants one."""
    form: Literal["chat", "completions"] = "chat"
    """Put the prompt as a user's message, or as a text to be continued."""
    retries: int = Field(5, ge=0)
    """How often a call that the endpoint refused for the moment is made again."""
    deadline: float = Field(120.0, gt=0)
    """Seconds one call may take."""
    answers: Path | None = None
    """A file of recorded answers, one JSON record a line: {"problem": id, "answer": text}; relative to the run file.
    A problem's n-th answer is for its n-th sample; where there is none, nothing was answered."""

    @field_validator("answers")
    @classmethod
    def _beside_the_run_file(cls, path: Path | None, info: ValidationInfo) -> Path | None:
        folder = (info.context or {}).get("folder")
        return Path(folder, path).absolute() if path and folder else path

    @model_validator(mode="after")
    def _one_of_two(self) -> "TeacherConfig":
        if bool(self.url) == bool(self.answers):
            what = "both are" if self.url else "neither is"
            raise ValueError(f"teacher.url and teacher.answers: {what} set; give one of the two")
        if self.url and not self.model:
            raise ValueError("teacher.model is missing; name the model that teacher.url serves")
        if self.answers and not self.answers.is_file():
            raise ValueError(f"teacher.answers {self.answers} does not exist; correct the path")
        return self


class Teacher:
    """Answers one prompt at a time. Its candidates have no log-prob of ours: NaN."""

    def __init__(self, config: TeacherConfig) -> None:
        self.config = config
        self._recorded = recorded(config.answers) if config.answers else None
        self._client: Any = None

    async def answer(
        self, problem: str, slot: int, prompt: str, seed: int, sampling: Sampling, version: int
    ) -> Candidate:
        """One answer. Raises InfrastructureError when the endpoint gives none after all retries."""
        if self._recorded is not None:
            found = self._recorded[problem][slot : slot + 1]
            text, finish = found[0] if found else "", "stop"
        else:
            text, finish = await self._asked(prompt, seed, sampling)
        return Candidate(text=text, tokens=(), logprob=float("nan"), weights=version, seed=seed, finish=finish)

    async def _asked(self, prompt: str, seed: int, sampling: Sampling) -> tuple[str, str]:
        import openai

        config = self.config
        if self._client is None:
            self._client = openai.AsyncOpenAI(
                base_url=config.url,
                api_key=os.environ.get(config.key, "none"),  # endpoints of one's own want none
                timeout=config.deadline,
                max_retries=config.retries,
            )
        how: dict[str, Any] = {
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_tokens": sampling.max_tokens,
        }
        how |= {"model": config.model, "seed": seed % 2**31}  # endpoints differ in what they take beyond
        try:
            if config.form == "chat":
                said = await self._client.chat.completions.create(messages=[{"role": "user", "content": prompt}], **how)
                text = said.choices[0].message.content
            else:
                said = await self._client.completions.create(prompt=prompt, **how)
                text = said.choices[0].text
        except openai.OpenAIError as error:
            raise InfrastructureError(f"the teacher at {config.url} gave no answer: {error}") from error
        return text or "", said.choices[0].finish_reason or "stop"


def recorded(path: Path) -> dict[str, list[str]]:
    """A file's answers by problem. Raises ValueError: file, line, rule."""
    answers: dict[str, list[str]] = defaultdict(list)
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            row = json.loads(line)
            answers[str(row["problem"])].append(str(row["answer"]))
        except (ValueError, KeyError, TypeError):
            raise ValueError(f'{path} line {number} must be {{"problem": id, "answer": text}}; mend it') from None
    return answers
