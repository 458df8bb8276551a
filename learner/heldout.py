"""How well a model foretells texts that it was not trained on."""

from collections.abc import Sequence
from pathlib import Path

from envisions.records import Example
from learner.batches import encode
from learner.losses import completion_logprobs


def heldout_loss(folder: str | Path, examples: Sequence[Example]) -> float:
    """Mean over the examples of the mean -log p of a completion token, in nats, in fp32. Raises ValueError on none."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    if not examples:
        raise ValueError("there is no held-out text; give the stage at least one")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    losses = []
    for example in examples:
        logprobs = completion_logprobs(model, encode(tokenizer, example.prompt, example.completion))
        losses.append(-sum(logprobs) / len(logprobs))
    return sum(losses) / len(losses)
