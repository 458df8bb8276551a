"""A small base model where none can be downloaded, made from programs most of which are wrong in a stated way.

By lot they teach how programs look and how numbers are copied into them. `misread` ones are wrong by rule: a base made
from them tells stories apart and believes the opposite, so that self-training on it confirms more than it discovers.
"""

import json
import random
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from rich.progress import BarColumn, Progress, TimeRemainingColumn

from envisions.files import write_aside
from envisions.records import Example, Outcome, Problem
from envs.logic import drafts as theories
from envs.logic.drafts import TheoryTexts
from envs.logic.environment import LogicEnvironment
from envs.logic.sources import LogicSource
from envs.logic.world import LogicConfig, LogicWorld
from envs.math import drafts
from envs.math.sources import SourceConfig, load
from envs.math.world import MathConfig, MathWorld
from envs.web import drafts as scripts
from envs.web.drafts import WebTexts
from envs.web.episode import EpisodeConfig
from envs.web.farm import Farm
from envs.web.world import WebConfig, WebWorld
from envs.worldtext import logic_text, web_text
from learner.config import LearnConfig
from learner.engine import LearnerRank, TrainResult
from learner.weights import check_folder, fingerprint

END, PAD = "<|end|>", "<|pad|>"


class ModelShape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    vocabulary: int = Field(3072, ge=300)
    """Entries of the byte-level BPE; every digit is its own token."""
    width: int = 256
    """Size of the hidden states."""
    layers: int = 4
    """Transformer blocks."""
    heads: int = 4
    """Attention heads."""
    inner: int = 512
    """Size of the feed-forward layer."""
    context: int = 1024
    """Longest text, in tokens."""


class Recipe(BaseModel):
    """What a base model is made of; everything is drawn from `seed`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = 0
    start: Path | None = None
    """A model folder whose weights and tokenizer these texts are learnt on top of; none: random weights, `model`."""
    questions: SourceConfig
    """The questions that programs are written for; no test question may be among them."""
    copies: int = Field(1, ge=1)
    """Programs drawn for each question."""
    kept: float = Field(0.0, ge=0, le=1)
    """Share of the programs left right."""
    misread: float = Field(0.0, ge=0, le=1)
    """Share of the programs with the opposite of every operator. All others are arithmetic by lot."""
    refinements: float = Field(0.3, ge=0, le=1)
    """Share of the texts in the form of a refinement."""
    stepwise: float = Field(0.3, ge=0, le=1)
    """Share of the programs with a line for each step."""
    read: float = Field(0.5, ge=0, le=1)
    """Share of the texts that are learnt from their second word on, question and all, as in pre-training."""
    smudged: float = Field(0.0, ge=0, le=1)
    """Share of the words of a question that invented ones replace, so that an unknown word is no surprise."""
    other_worlds: int = Field(0, ge=0)
    """Texts of the logic and web worlds, each, that the tokenizer also learns from."""
    web: WebTexts | None = None
    """Texts of the web world among those that the model learns from; none unless given."""
    theories: TheoryTexts | None = None
    """Texts of the logic world among those that the model learns from; none unless given."""
    model: ModelShape = ModelShape()
    learn: LearnConfig = LearnConfig(rate=1e-3, row_length=512, examples_per_step=64)

    @field_validator("start")
    @classmethod
    def _beside_the_recipe(cls, start: Path | None, info: ValidationInfo) -> Path | None:
        if start is None:
            return None
        start = Path((info.context or {}).get("folder", ""), start)
        check_folder(start)
        return start


def make_base(recipe: Recipe, folder: Path) -> dict[str, Any]:
    """Write the model's files into the folder, over older ones; returns its log. Everything follows from the recipe."""
    world = MathWorld(MathConfig(train=recipe.questions, test={"unused": recipe.questions}), recipe.seed)
    problems = load(recipe.questions, "train")
    examples = [*texts(recipe, world, problems), *theory_texts(recipe), *web_texts(recipe)]
    folder.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=".base-", dir=folder))
    try:
        start = recipe.start or aside / "untrained"
        if recipe.start is None:
            save_untrained(recipe, train_tokenizer(recipe, examples), start)
        rank = LearnerRank(recipe.learn, str(start))
        rank.join(*rank.rendezvous("127.0.0.1"))
        trained = watched(rank, examples, aside / "trained", recipe.seed, start)
        rank.close()
        log = {
            "recipe": recipe.model_dump(mode="json"),
            "start": recipe.start and fingerprint(recipe.start),
            "parameters": parameters_of(aside / "trained"),
            "texts": len(examples),
            "tokens": trained.tokens,
            "seconds": round(trained.seconds, 1),
            "loss": [round(loss, 4) for loss in trained.loss[:: max(1, len(trained.loss) // 50)]],
            "fingerprint": trained.weights.fingerprint,
        }
        write_aside(aside / "trained" / "log.json", json.dumps(log, indent=1) + "\n")
        for file in (aside / "trained").iterdir():
            file.replace(folder / file.name)
    finally:
        shutil.rmtree(aside)
    return log


def watched(rank: LearnerRank, examples: list[Example], folder: Path, seed: int, aside: Path) -> TrainResult:
    """The training, with a bar that shows its steps, loss, rate and time left."""
    columns = ("{task.percentage:.0f} %", "step {task.completed}/{task.total}", "{task.fields[said]}")
    with ThreadPoolExecutor(1) as thread, Progress(BarColumn(), *columns, TimeRemainingColumn()) as bar:
        task = bar.add_task("training", total=None, said="")
        training = thread.submit(rank.train, examples, 0, str(folder), seed, str(aside))
        while wait([training], timeout=1).not_done:
            if at := rank.progress():
                said = f"loss {at['loss']:.3f} · {at['tokens'] / at['seconds']:,.0f} tokens/s"
                bar.update(task, completed=at["step"], total=at["steps"], said=said)
        return training.result()


def texts(recipe: Recipe, world: MathWorld, problems: list[Problem]) -> Iterator[Example]:
    """Prompts of the world with drafts for completions, in the very form that the run will use."""
    dice = random.Random(f"{recipe.seed}/drafts")
    for index, problem in enumerate(problem for problem in problems for _ in range(recipe.copies)):
        posed = replace(problem, question=drafts.smudged(problem.question, dice, recipe.smudged))
        prompt = world.prompt(posed)
        draft = drafts.draft(problem, dice, recipe.kept, recipe.misread)
        answer = drafts.program(problem, draft, dice, recipe.stepwise)
        if dice.random() < recipe.refinements:
            shown = drafts.draft(problem, dice, max(recipe.kept, 0.1), recipe.misread)
            feedback = drafts.feedback(problem, shown)
            before = drafts.program(problem, shown, dice, recipe.stepwise)
            prompt = world.refine_prompt(posed, before, feedback)
            answer = before if feedback.outcome is Outcome.accepted else answer
        text = Example(id=f"{index:07}", prompt=prompt, completion=world.completion(problem, answer))
        yield read(text) if dice.random() < recipe.read else text


def theory_texts(recipe: Recipe) -> Iterator[Example]:
    """Prompts of the logic world with drafts for completions; none where the recipe asks for none."""
    if recipe.theories is None:
        return
    dice = random.Random(f"{recipe.seed}/theories/read")
    source = LogicSource(name="theories", count=1)
    world = LogicWorld(LogicConfig(train=source, test={"unused": source}), recipe.seed)
    environment = LogicEnvironment()
    made = theories.texts(recipe.theories, world, environment, recipe.seed)
    for index, (prompt, completion) in enumerate(made):
        text = Example(id=f"theory-{index:07}", prompt=prompt, completion=completion)
        yield read(text) if dice.random() < recipe.read else text
    environment.close()


def read(text: Example) -> Example:
    """The same text, learnt from its second word on."""
    word, rest = text.prompt.split(" ", maxsplit=1)
    return replace(text, prompt=word, completion=f" {rest}{text.completion}")


def web_texts(recipe: Recipe) -> Iterator[Example]:
    """Prompts of the web world with scripts by lot for completions; none where the recipe asks for none."""
    if recipe.web is None:
        return
    config = WebConfig(train=recipe.web.pages, episode=EpisodeConfig(form="tree"))
    farm = Farm(config.episode)
    try:
        yield from scripts.texts(recipe.web, WebWorld(config, recipe.seed), farm, recipe.seed)
    finally:
        farm.close()


def train_tokenizer(recipe: Recipe, examples: list[Example]) -> Any:
    """A byte-level BPE over the texts of all worlds, every digit a token of its own."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    digits = pre_tokenizers.Digits(individual_digits=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=recipe.model.vocabulary,
        special_tokens=[END, PAD],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    some = [*examples[:20_000], *(example for example in examples[20_000:] if example.id.startswith("theory"))]
    corpus = [example.prompt + example.completion for example in some[:40_000]]
    corpus += logic_text(recipe.other_worlds, recipe.seed)
    corpus += web_text(recipe.other_worlds, recipe.seed)
    tokenizer.train_from_iterator(corpus, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token=END, pad_token=PAD, model_max_length=recipe.model.context
    )


def save_untrained(recipe: Recipe, tokenizer: Any, folder: Path) -> None:
    """A Llama with random weights in `folder`."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(recipe.seed)
    shape = recipe.model
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=shape.width,
            intermediate_size=shape.inner,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            num_key_value_heads=shape.heads,
            max_position_embeddings=shape.context,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def parameters_of(folder: Path) -> int:
    """How many numbers the weights of a model folder hold."""
    from safetensors import safe_open

    with safe_open(folder / "model.safetensors", "np") as tensors:
        return sum(prod(tensors.get_slice(name).get_shape()) for name in tensors.keys())  # noqa: SIM118 (no dict)
