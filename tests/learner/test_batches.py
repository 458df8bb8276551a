from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builders import tiny_tokenizer
from hypothesis import given
from hypothesis import strategies as st

from learner.batches import Encoded, Pair, encode, micro_batches, pack, steps

encoded = st.builds(
    Encoded,
    st.lists(st.integers(2, 99), min_size=1, max_size=30).map(tuple),
    st.lists(st.integers(2, 99), min_size=1, max_size=30).map(tuple),
)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from transformers import AutoTokenizer

    folder = tmp_path_factory.mktemp("tokenizer")
    tiny_tokenizer(folder)
    return AutoTokenizer.from_pretrained(folder)


def test_a_prompt_starts_with_bos_and_a_completion_ends_with_eos(tokenizer: Any) -> None:
    text = encode(tokenizer, "Add 12 and 3.\n", "def solution():\n    return 12 + 3\n")
    assert text.prompt[0] == tokenizer.bos_token_id
    assert tokenizer.eos_token_id not in text.prompt
    assert text.completion[-1] == tokenizer.eos_token_id
    assert tokenizer.decode(text.completion[:-1]) == "def solution():\n    return 12 + 3\n"
    assert tokenizer.decode(text.prompt[1:]) == "Add 12 and 3.\n"


def test_an_eos_the_tokenizer_puts_after_a_prompt_is_taken_off(tokenizer: Any, tmp_path: Path) -> None:
    from tokenizers import processors
    from transformers import AutoTokenizer

    tokenizer.save_pretrained(tmp_path)
    ending = AutoTokenizer.from_pretrained(tmp_path)
    ending.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 1)]
    )
    assert ending("Add")["input_ids"][-1] == ending.eos_token_id
    assert encode(ending, "Add 12 and 3.\n", "15") == encode(tokenizer, "Add 12 and 3.\n", "15")


def test_a_blank_that_only_a_text_standing_alone_gets_is_not_learnt(tokenizer: Any, tmp_path: Path) -> None:
    from tokenizers import pre_tokenizers
    from transformers import AutoTokenizer

    tokenizer.save_pretrained(tmp_path)
    blank = AutoTokenizer.from_pretrained(tmp_path)
    blank.backend_tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    assert blank.decode(blank("15", add_special_tokens=False)["input_ids"]) == " 15"
    assert blank.decode(encode(blank, "Add:\n", "15").completion[:-1]) == "15"


def test_a_prompt_without_tokens_is_refused(tokenizer: Any, tmp_path: Path) -> None:
    from tokenizers import processors
    from transformers import AutoTokenizer

    tokenizer.save_pretrained(tmp_path)
    bare = AutoTokenizer.from_pretrained(tmp_path)
    bare.backend_tokenizer.post_processor = processors.ByteLevel()
    with pytest.raises(ValueError, match="prompt '' has no token"):
        encode(bare, "", "15")


@given(st.lists(st.integers(1, 50), max_size=60), st.integers(50, 90))
def test_packing_puts_every_example_in_one_row_and_no_row_is_too_long(lengths: list[int], row_length: int) -> None:
    rows = pack(lengths, row_length)
    assert sorted(index for row in rows for index in row) == list(range(len(lengths)))
    assert all(0 < sum(lengths[i] for i in row) <= row_length for row in rows)
    assert rows == pack(lengths, row_length)
    # First fit never leaves two rows that would fit into one.
    used = sorted(sum(lengths[i] for i in row) for row in rows)
    assert len(used) < 2 or used[0] + used[1] > row_length


def test_an_example_longer_than_a_row_is_an_error_not_a_cut() -> None:
    with pytest.raises(ValueError, match=r"51 tokens; learn\.row_length is 50"):
        pack([51], 50)


@given(st.integers(1, 200), st.integers(1, 70), st.integers(1, 3), st.integers())
def test_an_epoch_shows_every_example_once(count: int, per_step: int, epochs: int, seed: int) -> None:
    plan = steps(count, per_step, epochs, seed)
    assert plan == steps(count, per_step, epochs, seed)
    assert max(map(len, plan)) <= per_step
    seen = [i for step in plan for i in step]
    for epoch in range(epochs):
        assert sorted(seen[epoch * count : (epoch + 1) * count]) == list(range(count))


@given(
    st.lists(encoded, min_size=1, max_size=20),
    st.integers(1, 4),
    st.sampled_from((64, 100, 256)),
    st.sampled_from(("example", "token")),
)
def test_micro_batches_and_ranks_carry_each_completion_once(
    examples: list[Encoded], ranks: int, tokens: int, loss: str
) -> None:
    parts = [
        micro_batches(examples, row_length=64, tokens=tokens, loss=loss, rank=rank, ranks=ranks)
        for rank in range(ranks)
    ]
    assert len({len(part) for part in parts}) == 1
    found = []
    total = 0.0
    for batch in (batch for part in parts for batch in part):
        assert batch.tokens_BT.size <= max(tokens, 64)
        total += float(batch.weights_BT.sum(dtype=np.float64))
        for b in range(len(batch.tokens_BT)):
            for segment in range(1, batch.segments_BT[b].max() + 1):
                where = np.flatnonzero(batch.segments_BT[b] == segment)
                assert (batch.positions_BT[b, where] == np.arange(len(where))).all()
                learnt = where[batch.weights_BT[b, where] > 0]
                assert (batch.targets_BT[b, learnt] == batch.tokens_BT[b, learnt + 1]).all()
                ids = tuple(batch.tokens_BT[b, where].tolist())
                found.append((ids, tuple(batch.targets_BT[b, learnt].tolist())))
    assert sorted(found) == sorted((e.prompt + e.completion, e.completion) for e in examples)
    assert total == pytest.approx(1, abs=1e-5)


def test_an_example_weighs_the_same_whatever_its_length_and_a_token_when_asked() -> None:
    short, long = Encoded((5,), (6,)), Encoded((5,), (6, 7, 8))
    (batch,) = micro_batches([short, long], row_length=16, tokens=16)
    assert sorted(batch.weights_BT[batch.weights_BT > 0].tolist()) == pytest.approx([1 / 6] * 3 + [1 / 2])
    (batch,) = micro_batches([short, long], row_length=16, tokens=16, loss="token")
    assert batch.weights_BT[batch.weights_BT > 0].tolist() == pytest.approx([1 / 4] * 4)


@given(st.lists(st.builds(Pair, encoded, encoded), min_size=1, max_size=12), st.integers(1, 3), st.integers(120, 512))
def test_both_halves_of_a_pair_lie_in_one_row_with_opposite_signs(pairs: list[Pair], ranks: int, tokens: int) -> None:
    owners = []
    for rank in range(ranks):
        for batch in micro_batches(pairs, row_length=120, tokens=tokens, rank=rank, ranks=ranks):
            for owner in np.unique(batch.owners_BT[batch.weights_BT != 0]):
                owners.append(owner)
                for half, sign in ((pairs[owner].chosen, 1), (pairs[owner].rejected, -1)):
                    row, where = np.nonzero((batch.owners_BT == owner) & (batch.weights_BT == sign))
                    assert len(set(row)) == 1
                    assert tuple(batch.targets_BT[row, where].tolist()) == half.completion
    assert sorted(owners) == list(range(len(pairs)))
