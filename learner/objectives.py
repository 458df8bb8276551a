"""What a model is trained towards: to write what lessons say, or to prefer one completion to another.

A step's loss is a sum over its micro-batches and ranks; each objective says what one micro-batch adds to it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING, Any

from envisions.records import Example
from learner.batches import Encoded, MicroBatch, Pair, steps
from learner.config import LearnConfig
from learner.losses import CompletionLogits, preference_loss

if TYPE_CHECKING:
    import torch


class Imitation:
    """Cross-entropy: write what the lessons say."""

    def recall(
        self, loss_of: CompletionLogits, model: Any, batches: Iterable[MicroBatch], device: Any
    ) -> Iterable[None]:
        """Nothing of the weights that training starts from."""
        return repeat(None)

    def loss(
        self, loss_of: CompletionLogits, model: Any, batch: MicroBatch, device: Any, recalled: None, count: int
    ) -> "torch.Tensor":
        """The part of a step's loss that a micro-batch has."""
        return loss_of(model, batch, device)


@dataclass(frozen=True, slots=True)
class Preference:
    """DPO: prefer the chosen completion, measured from the weights that training starts from."""

    beta: float

    def recall(
        self, loss_of: CompletionLogits, model: Any, batches: Iterable[MicroBatch], device: Any
    ) -> "list[torch.Tensor]":
        """The reference model's margins: taken once, before the first step, so that it need not be kept beside."""
        import torch

        with torch.no_grad():
            return [loss_of.margins(model, batch, device) for batch in batches]

    def loss(
        self,
        loss_of: CompletionLogits,
        model: Any,
        batch: MicroBatch,
        device: Any,
        recalled: "torch.Tensor",
        count: int,
    ) -> "torch.Tensor":
        """The part of a step's loss that a micro-batch has; `count` pairs make the step."""
        return preference_loss(loss_of.margins(model, batch, device), recalled, self.beta) / count


@dataclass(frozen=True, slots=True)
class Part:
    """The examples of a training that are learnt by one objective, under settings of their own."""

    objective: Imitation | Preference
    config: LearnConfig
    examples: list[tuple[Example, Encoded | Pair]]

    def plan(self, seed: int) -> list[list[int]]:
        """Which of the examples make each step."""
        return steps(len(self.examples), self.config.examples_per_step, self.config.epochs, seed)


def parts(examples: Iterable[tuple[Example, Encoded | Pair]], config: LearnConfig) -> list[Part]:
    """Lessons, then pairs; what there is of both."""
    sorts: dict[type, list[Any]] = {Encoded: [], Pair: []}
    for example in examples:
        sorts[type(example[1])].append(example)
    both = [
        Part(Imitation(), config, sorts[Encoded]),
        Part(Preference(config.dpo.beta), config.for_pairs(), sorts[Pair]),
    ]
    return [part for part in both if part.examples]
