"""Fixed texts and their log-probabilities: with them an engine proves which weights it really holds.

A fingerprint says what lies on the disk; a canary says what a model computes, so a tensor lost or mixed up on its way
into an engine shows.
"""

import gc
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from learner.batches import encode
from learner.losses import completion_logprobs

FILE = "canary.json"
TEXTS = (
    ("A farmer has 12 hens and buys 7 more. How many hens are there now?\n", "def solution():\n    return 12 + 7\n"),
    ("Write a program.\n", "```python\ndef solution():\n    total = 3 * 14.5\n    return total\n```\n"),
    ("All cats are kind. Tom is a cat. Is Tom kind?\n", "Cat(Tom, True)\nCat($x, True) >>> Kind($x, True)\n"),
    ('Click the button named "Send".\n', "agent.click_xpath(\"//button[text()='Send']\")\n"),
)


@dataclass(frozen=True, slots=True)
class Canary:
    """One fixed text as token ids, and log p of each completion token in float32."""

    prompt: tuple[int, ...]
    completion: tuple[int, ...]
    logprobs: tuple[float, ...]


def measure(folder: str | Path) -> tuple[Canary, ...]:
    """The canaries of a model folder: loaded anew from the disk in float32 by plain transformers, no packing."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    device = "cuda" if torch.cuda.is_available() else "cpu"
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model.to(device).eval()
    encoded = [encode(tokenizer, prompt, completion) for prompt, completion in TEXTS]
    canaries = tuple(Canary(e.prompt, e.completion, tuple(completion_logprobs(model, e))) for e in encoded)
    del model
    gc.collect()
    return canaries


def write(folder: str | Path, canaries: Sequence[Canary]) -> None:
    """Stores canaries beside the weights, as `canary.json`."""
    (Path(folder) / FILE).write_text(json.dumps([asdict(canary) for canary in canaries]) + "\n")


def read(folder: str | Path) -> tuple[Canary, ...]:
    """The canaries stored in a model folder; empty where none were."""
    path = Path(folder) / FILE
    if not path.exists():
        return ()
    return tuple(Canary(*(tuple(entry[name]) for name in Canary.__slots__)) for entry in json.loads(path.read_text()))


def difference(canaries: Sequence[Canary], logprobs: Sequence[Sequence[float]]) -> float:
    """The largest difference of a token's log-probability, in nats; infinite where one is missing or not a number."""
    if [len(canary.logprobs) for canary in canaries] != [len(given) for given in logprobs]:
        return math.inf
    pairs = zip(canaries, logprobs, strict=True)
    gaps = [abs(a - b) for canary, given in pairs for a, b in zip(canary.logprobs, given, strict=True)]
    return max((gap if math.isfinite(gap) else math.inf for gap in gaps), default=0.0)
