import math
from pathlib import Path
from typing import Any

import pytest
import torch
from builders import tiny_examples, tiny_model, tiny_pairs

from learner.batches import Encoded, Pair, encode, encode_pair, micro_batches
from learner.losses import CompletionLogits, completion_logprobs, completion_loss, preference_loss
from learner.objectives import Preference

CPU = torch.device("cpu")


def models(folder: Path) -> dict[str, Any]:
    """One tiny random model of each of three families."""
    from transformers import AutoModelForCausalLM, GPTNeoXConfig, GPTNeoXForCausalLM, Qwen2Config, Qwen2ForCausalLM

    tiny_model(folder)
    size = {
        "vocab_size": 400,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "attn_implementation": "sdpa",
        "initializer_range": 0.1,
    }
    return {
        "llama": AutoModelForCausalLM.from_pretrained(folder, attn_implementation="sdpa"),
        "qwen": Qwen2ForCausalLM(Qwen2Config(**size, num_key_value_heads=2)),
        "gpt-neox": GPTNeoXForCausalLM(GPTNeoXConfig(**size, hidden_dropout=0.0, attention_dropout=0.0)),
    }


def loss_and_gradient(model: Any, examples: list[Encoded], **cut: int) -> tuple[float, torch.Tensor]:
    model.zero_grad()
    loss_of = CompletionLogits(model)
    total = 0.0
    for batch in micro_batches(examples, **cut):
        loss = loss_of(model, batch, CPU)
        loss.backward()
        total += loss.item()
    loss_of.close()
    return total, torch.cat([p.grad.flatten() for p in model.parameters()])


def test_packing_and_micro_batches_change_neither_loss_nor_gradient(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    for name, model in models(tmp_path).items():
        tokenizer = AutoTokenizer.from_pretrained(tmp_path)
        examples = [encode(tokenizer, e.prompt, e.completion) for e in tiny_examples(12)]
        plain = [completion_logprobs(model, e) for e in examples]
        by_hand = -sum(sum(row) / len(row) for row in plain) / len(plain)
        alone, slope_alone = loss_and_gradient(model, examples, row_length=max(e.length for e in examples), tokens=1)
        packed, slope = loss_and_gradient(model, examples, row_length=192, tokens=10**6)
        assert alone == pytest.approx(by_hand, abs=1e-5), name
        assert packed == pytest.approx(by_hand, abs=1e-5), name
        assert (slope - slope_alone).abs().max() < 1e-5, name
        assert slope_alone.abs().max() > 1e-2


def preference_and_gradient(model: Any, start: Any, pairs: list[Pair], ranks: int, **cut: int) -> Any:
    """DPO's loss of one step and its gradient, summed over micro-batches and ranks."""
    model.zero_grad()
    loss_of, loss_of_start, objective = CompletionLogits(model), CompletionLogits(start), Preference(beta=0.5)
    total = 0.0
    for rank in range(ranks):
        batches = micro_batches(pairs, **cut, rank=rank, ranks=ranks)
        recalled = objective.recall(loss_of_start, start, batches, CPU)
        for batch, reference in zip(batches, recalled, strict=True):
            loss = objective.loss(loss_of, model, batch, CPU, reference, len(pairs))
            loss.backward()
            total += loss.item()
    loss_of.close()
    loss_of_start.close()
    return total, torch.cat([p.grad.flatten() for p in model.parameters()])


def test_the_preference_loss_is_what_a_hand_computes_however_the_step_is_cut(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    def margin(model: Any, pair: Pair) -> float:
        return sum(completion_logprobs(model, pair.chosen)) - sum(completion_logprobs(model, pair.rejected))

    for (name, model), start in zip(models(tmp_path).items(), models(tmp_path).values(), strict=True):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.01)
        tokenizer = AutoTokenizer.from_pretrained(tmp_path)
        pairs = [encode_pair(tokenizer, e.prompt, e.completion, e.rejected or "") for e in tiny_pairs(7)]
        gains = [0.5 * (margin(model, pair) - margin(start, pair)) for pair in pairs]
        by_hand = sum(math.log1p(math.exp(-gain)) for gain in gains) / len(pairs)
        assert max(map(abs, gains)) > 1e-2
        alone, slope_alone = preference_and_gradient(model, start, pairs, 1, row_length=256, tokens=1)
        assert alone == pytest.approx(by_hand, abs=1e-5), name
        assert slope_alone.abs().max() > 1e-2
        for ranks in (1, 3):
            packed, slope = preference_and_gradient(model, start, pairs, ranks, row_length=512, tokens=1024)
            assert packed == pytest.approx(by_hand, abs=1e-5), name
            assert (slope - slope_alone).abs().max() < 1e-4, name


def test_the_preference_loss_of_a_tiny_case_is_what_a_hand_computes() -> None:
    loss = preference_loss(torch.tensor([2.0, -1.0]), torch.tensor([1.0, 0.0]), beta=0.1)
    assert loss.item() == pytest.approx(math.log(1 + math.exp(-0.1)) + math.log(1 + math.exp(0.1)))


def test_the_loss_of_a_tiny_case_is_what_a_hand_computes() -> None:
    logits_NV = torch.tensor([[0.0, 0.0], [math.log(3.0), 0.0]])
    loss = completion_loss(logits_NV, torch.tensor([1, 0]), torch.tensor([0.5, 0.25]))
    assert loss.item() == pytest.approx(0.5 * math.log(2) + 0.25 * math.log(4 / 3))


def test_an_empty_micro_batch_has_loss_zero_and_gradient_zero(tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(tiny_model(tmp_path))
    loss_of = CompletionLogits(model)
    (full,) = micro_batches([Encoded((5, 6), (7, 1))], row_length=32, tokens=32, rank=0, ranks=2)
    (empty,) = micro_batches([Encoded((5, 6), (7, 1))], row_length=32, tokens=32, rank=1, ranks=2)
    assert loss_of(model, full, CPU).item() > 0
    loss = loss_of(model, empty, CPU)
    loss.backward()
    assert loss.item() == 0
    assert all(not p.grad.any() for p in model.parameters())
