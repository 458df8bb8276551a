"""The texts of the two tuning stages: symbol pairs and, in the second, general text, mixed by share and seed."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from envisions.records import Example
from envs.math import stories
from envs.problems import SetConfig
from envs.rows import Record, RecordError, SourceError, file_rows, record, text
from envs.symbols.world import SymbolsConfig, SymbolSource, SymbolsWorld


class GeneralSource(SetConfig):
    """General text: records of instruction data, plain texts to be read, or the math world's stories to be read."""

    name: Literal["instructions", "texts", "stories"]
    """What the records are: {prompt, completion} or {messages}; {text}, {question} or {input}; or generated stories."""

    @model_validator(mode="after")
    def _placed(self) -> "GeneralSource":
        if (self.name == "stories") == bool(self.path):
            raise ValueError(f"{self.name} with path {self.path}; stories are generated, all else needs a path")
        if self.name == "stories" and not self.count:
            raise ValueError("count is 0; stories are generated, so it must be at least 1")
        return self


class MixtureConfig(BaseModel):
    """What a stage is tuned on. Without general text: all symbol pairs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    symbols: SymbolSource
    """The pairs: a collection, or generated."""
    general: tuple[GeneralSource, ...] = ()
    """General text, drawn uniformly from all of it."""
    texts: tuple[int, int] = (260_000, 310_000)
    """Symbol pairs and general texts (the paper's infusion). Where one has fewer, both shrink in proportion."""
    lessons: tuple[Path, ...] = Field(default=())
    """Files of {prompt, completion} records that are taken whole, such as a teacher's."""

    @model_validator(mode="after")
    def _shares(self) -> "MixtureConfig":
        if min(self.texts) < 1:
            raise ValueError(f"texts is {list(self.texts)}; both numbers must be at least 1")
        return self


def mixture(config: MixtureConfig, seed: int) -> list[Example]:
    """The texts of a stage, each with an id of its own. Raises SourceError. Everything follows from config and seed."""
    symbols = symbol_texts(config.symbols, "train", seed)
    general = [one for source in config.general for one in general_texts(source, "train")]
    if config.general:
        scale = min(1.0, *(len(have) / want for have, want in zip((symbols, general), config.texts, strict=True)))
        wanted = [round(scale * count) for count in config.texts]
        symbols, general = (
            drawn(have, count, f"{seed}/{kind}")
            for have, count, kind in zip((symbols, general), wanted, ("symbols", "general"), strict=True)
        )
    more = [
        one for path in config.lessons for one in general_texts(GeneralSource(name="instructions", path=path), "train")
    ]
    return [*symbols, *general, *more]


def drawn(examples: Sequence[Example], count: int, seed: str) -> list[Example]:
    """`count` of them, uniformly, none twice; whatever order they come in."""
    ordered = sorted(examples, key=lambda example: example.id)
    return ordered if count >= len(ordered) else random.Random(seed).sample(ordered, count)


def symbol_texts(source: SymbolSource, split: str, seed: int) -> list[Example]:
    """The pairs of a source as the world of symbols puts them, with their gold."""
    world = SymbolsWorld(SymbolsConfig(train=source, test={"unused": source}), seed)
    return [
        Example(id=one.id, prompt=world.prompt(one), completion=world.completion(one, one.answer))
        for one in world.load(source, split)
    ]


def general_texts(source: GeneralSource, split: str) -> list[Example]:
    """The texts of a source. Stories of "train" and of any other split share no template."""
    found = list(_texts(source, split))[source.skip : source.skip + source.count if source.count else None]
    if len(found) < max(source.count, 1):
        raise SourceError(
            f"{source.path or source.name} holds {len(found)} texts; {max(source.count, 1)} are asked for"
        )
    return found


def _texts(source: GeneralSource, split: str) -> Iterator[Example]:
    if source.name == "stories":
        part = "train" if split == "train" else "test"
        for story in stories.generate(part, source.skip + source.count, source.seed):
            yield to_read(Example(id=story.id, prompt="", completion=story.question))
        return
    assert source.path is not None
    for number, (place, row) in enumerate(file_rows(source.path)):
        try:
            found = record(row)
            name = f"{source.path.stem}-{number:07}"
            yield _instruction(name, found) if source.name == "instructions" else _plain(name, found)
        except RecordError as fault:
            raise SourceError(f"{place}: {fault}; mend it or take it out") from None


def _instruction(name: str, row: Record) -> Example:
    """Prompt and completion, or the first question and answer of a conversation."""
    if "messages" in row:
        messages: list[dict[str, Any]] = row["messages"]
        said = {one.get("role"): str(one.get("content", "")) for one in reversed(messages)}
        row = {"prompt": said.get("user"), "completion": said.get("assistant")}
    return Example(
        id=name, prompt=f"{text(row, 'prompt', 'instruction')}\n", completion=text(row, "completion", "output")
    )


def _plain(name: str, row: Record) -> Example:
    return to_read(Example(id=name, prompt="", completion=text(row, "text", "question", "input")))


def to_read(example: Example) -> Example:
    """A text that is learnt from its second word on, as in pre-training."""
    word, _, rest = example.completion.partition(" ")
    return replace(example, prompt=word, completion=f" {rest}")
