"""What a model makes of symbols: the states over a text's own tokens, as embeddings."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from envisions.records import Example
from learner.batches import encode

if TYPE_CHECKING:
    import numpy as np

POOLS = ("last", "mean")


def embeddings(folder: str | Path, examples: Sequence[Example]) -> dict[tuple[str, int], "np.ndarray"]:
    """(N, D) states by pooling and layer, in fp32: layers at a third, two thirds and the last.

    Only the tokens of the completion count, without the end of text; the prompt comes before them.
    """
    import numpy as np
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    depth = model.config.num_hidden_layers
    layers = sorted({max(1, round(depth / 3)), max(1, round(2 * depth / 3)), depth})
    found: dict[tuple[str, int], list[np.ndarray]] = {(pool, layer): [] for pool in POOLS for layer in layers}
    for example in examples:
        text = encode(tokenizer, example.prompt, example.completion)
        ids_1T = torch.tensor([text.prompt + text.completion[:-1]])
        with torch.no_grad():
            states = model(input_ids=ids_1T, output_hidden_states=True, use_cache=False).hidden_states
        for layer in layers:
            own_SD = states[layer][0, len(text.prompt) :]
            found["last", layer].append(own_SD[-1].numpy())
            found["mean", layer].append(own_SD.mean(dim=0).numpy())
    return {place: np.stack(rows) for place, rows in found.items()}
