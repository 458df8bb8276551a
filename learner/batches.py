"""Texts become token ids here, and token ids become the micro-batches of one optimizer step.

Dimensions: B rows of a micro-batch, T positions of a row. A row holds several examples ("packing"): each is a segment
of its own, with positions from 0 and attention only to itself. Every token carries its weight in the loss of its step,
so packing, micro-batches and ranks cannot change that loss: it is one weighted sum, however it is cut. A pair is two
segments of one row: its loss needs both at once.
"""
# ruff: noqa: N815 (dimension suffixes)

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

from envisions.records import Example

if TYPE_CHECKING:
    import numpy as np


FILLED = 256  # tokens a row may always have: shorter ones would be badly filled
PADDING = 0  # the segment of positions that hold no example
ROUNDED = 64  # rows end at a multiple of this: few different shapes, so that kernels are reused


class Encoded(NamedTuple):
    """One text as token ids: what the model is given, and what it is to write (ends with EOS)."""

    prompt: tuple[int, ...]
    completion: tuple[int, ...]

    @property
    def length(self) -> int:
        return len(self.prompt) + len(self.completion)


class Pair(NamedTuple):
    """Two completions of one prompt, the first to be preferred."""

    chosen: Encoded
    rejected: Encoded

    @property
    def length(self) -> int:
        return self.chosen.length + self.rejected.length


@dataclass(frozen=True, slots=True)
class MicroBatch:
    """Rows that go through the model at once; all arrays (B, T).

    `weights_BT[b, t]` is the share of the token after position t in the loss of the step; 0 where nothing is learnt.
    Of a pair it is 1 in the chosen completion and -1 in the rejected one. `owners_BT` is the place in the step of the
    example or pair that a token belongs to.
    """

    tokens_BT: "np.ndarray"
    positions_BT: "np.ndarray"
    segments_BT: "np.ndarray"
    targets_BT: "np.ndarray"
    weights_BT: "np.ndarray"
    owners_BT: "np.ndarray"


def digest(batches: Iterable[MicroBatch]) -> str:
    """A hash of all that goes into the model: two steps with equal ones were given the same tokens and weights."""
    hashed = sha256()
    for batch in batches:
        for array in (getattr(batch, field.name) for field in fields(batch)):
            hashed.update(f"{array.shape}{array.dtype}".encode())
            hashed.update(array.tobytes())
    return hashed.hexdigest()


def joined(digests: Iterable[str]) -> str:
    """One digest of a step from those of its ranks, in order."""
    return sha256("".join(digests).encode()).hexdigest()


def encode(tokenizer: Any, prompt: str, completion: str) -> Encoded:
    """Token ids of a text for training and for scoring: the only place where they are made.

    The prompt gets the special tokens the tokenizer puts in front (BOS) and no EOS; the completion ends with EOS. The
    completion is cut as it is after this prompt (some tokenizers put a blank before a text that stands alone); where
    the border of the two falls inside a token, it is cut by itself. Raises ValueError for a prompt without tokens.
    """
    eos = tokenizer.eos_token_id
    before = _without_end(tokenizer, prompt)
    if not before:
        raise ValueError(f"prompt {prompt!r} has no token; the first token needs one before it: give the prompt a text")
    both = _without_end(tokenizer, prompt + completion) if completion else before
    if both[: len(before)] == before:
        after = both[len(before) :]
    else:
        after = tokenizer(completion, add_special_tokens=False)["input_ids"]
    return Encoded(tuple(before), (*after, eos))


def encode_example(tokenizer: Any, example: Example) -> Encoded | Pair:
    """Token ids of an example: of one text, or of two under one prompt where a completion is to be preferred."""
    if example.rejected is None:
        return encode(tokenizer, example.prompt, example.completion)
    return encode_pair(tokenizer, example.prompt, example.completion, example.rejected)


def encode_pair(tokenizer: Any, prompt: str, chosen: str, rejected: str) -> Pair:
    """Token ids of two completions of one prompt."""
    return Pair(encode(tokenizer, prompt, chosen), encode(tokenizer, prompt, rejected))


def _without_end(tokenizer: Any, text: str) -> list[int]:
    ids = list(tokenizer(text)["input_ids"])
    added = bool(ids) and ids[-1] == tokenizer.eos_token_id and not text.endswith(tokenizer.eos_token)
    return ids[:-1] if added else ids


def steps(count: int, per_step: int, epochs: int, seed: int) -> list[list[int]]:
    """Which of `count` examples make each optimizer step: shuffled for every epoch, the last step may be smaller."""
    plan = []
    for epoch in range(epochs):
        order = list(range(count))
        random.Random(f"{seed}/{epoch}").shuffle(order)
        plan += [order[i : i + per_step] for i in range(0, count, per_step)]
    return plan


def pack(lengths: Sequence[int], row_length: int) -> list[list[int]]:
    """Indices of the lengths that share a row, no row longer than `row_length`: first fit, longest first."""
    rows: list[list[int]] = []
    room: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        length = lengths[index]
        if length > row_length:
            raise ValueError(f"an example of {length} tokens; learn.row_length is {row_length}: drop it or raise that")
        row = next((r for r, free in enumerate(room) if free >= length), len(rows))
        if row == len(rows):
            rows.append([])
            room.append(row_length)
        rows[row].append(index)
        room[row] -= length
    return rows


def micro_batches(
    examples: Sequence[Encoded | Pair],
    *,
    row_length: int,
    tokens: int,
    loss: str = "example",
    rank: int = 0,
    ranks: int = 1,
) -> list[MicroBatch]:
    """One rank's part of one optimizer step; every rank gets the same number of micro-batches, some perhaps empty.

    `row_length` bounds T, `tokens` bounds B x T. `loss`: "example" = mean over the completion's tokens, then over the
    examples (what the paper's code does, with one sequence a device); "token" = mean over all completion tokens;
    neither changes the loss of pairs. A step has examples or pairs, not both.
    """
    # Attention costs the square of a row, so rows are only as long as it takes to fill them well.
    row_length = min(row_length, max(FILLED, *(example.length for example in examples)))
    rows = pack([example.length for example in examples], row_length)
    rows.sort(key=lambda row: -sum(examples[i].length for i in row))  # neighbours alike: little padding
    height = max(1, tokens // row_length)
    parts = ranks * -(-len(rows) // (height * ranks))
    cuts = [-(-len(rows) * k // parts) for k in range(parts + 1)]
    segments = [
        [Segment(text, i, share) for text, share in weighed] for i, weighed in enumerate(_weighed(examples, loss))
    ]
    return [
        _rows_to_arrays([[segment for i in row for segment in segments[i]] for row in rows[cuts[k] : cuts[k + 1]]])
        for k in range(rank, parts, ranks)
    ]


class Segment(NamedTuple):
    """A text in a row, whose it is, and what each token of its completion weighs."""

    text: Encoded
    owner: int
    share: float


def _weighed(examples: Sequence[Encoded | Pair], loss: str) -> Iterator[list[tuple[Encoded, float]]]:
    """The texts of each example, and what one completion token of each weighs in the loss of the step."""
    written = sum(len(example.completion) for example in examples if isinstance(example, Encoded))
    for example in examples:
        if isinstance(example, Pair):
            yield [(example.chosen, 1.0), (example.rejected, -1.0)]
        elif loss == "token":
            yield [(example, 1 / written)]
        else:
            yield [(example, 1 / (len(example.completion) * len(examples)))]


def _rows_to_arrays(rows: Sequence[Sequence[Segment]]) -> MicroBatch:
    longest = max((sum(segment.text.length for segment in row) for row in rows), default=1)
    shape = (max(1, len(rows)), -(-longest // ROUNDED) * ROUNDED)
    import numpy as np

    tokens, positions, segments, targets, owners = (np.zeros(shape, dtype=np.int64) for _ in range(5))
    weights = np.zeros(shape, dtype=np.float32)
    for b, row in enumerate(rows):
        start = 0
        for number, (text, owner, share) in enumerate(row, start=PADDING + 1):
            first, end = start + len(text.prompt), start + text.length
            tokens[b, start:end] = text.prompt + text.completion
            positions[b, start:end] = range(text.length)
            segments[b, start:end] = number
            owners[b, start:end] = owner
            targets[b, first - 1 : end - 1] = text.completion
            weights[b, first - 1 : end - 1] = share
            start = end
    return MicroBatch(tokens, positions, segments, targets, weights, owners)
