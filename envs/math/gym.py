"""Problems made by the arithmetic and algebra tasks of the reasoning-gym library."""

from collections.abc import Iterator, Sequence
from hashlib import blake2b

from envisions.records import Problem

# The tasks whose answer is one number or one expression. Left out: hexadecimal numerals, weekdays, clock times,
# complex numbers, lists of roots or factors, integrals up to a constant, and powers so small that zero would pass.
TASKS = (
    "basic_arithmetic",
    "chain_sum",
    "count_bits",
    "decimal_arithmetic",
    "decimal_chain_sum",
    "dice",
    "fraction_simplification",
    "gcd",
    "gsm_symbolic",
    "lcm",
    "leg_counting",
    "number_format",
    "polynomial_multiplication",
    "products",
    "simple_equations",
)


def generate(split: str, count: int, seed: int, tasks: Sequence[str] = TASKS) -> Iterator[Problem]:
    """`count` problems (rounded up to whole rounds): one of each task, then the next of each."""
    import reasoning_gym

    rounds = -(-count // len(tasks))
    # Item i of a set is drawn from its seed + i: seeds far apart keep the splits from overlapping.
    seeds = (blake2b(f"{seed}/{split}/{task}".encode(), digest_size=4).digest() for task in tasks)
    sets = [
        reasoning_gym.create_dataset(task, seed=int.from_bytes(digest) >> 1, size=rounds)
        for task, digest in zip(tasks, seeds, strict=True)
    ]
    for index in range(rounds):
        for task, made in zip(tasks, sets, strict=True):
            item = made[index]
            name = f"reasoning-gym-{split}-{task}-{index}"
            yield Problem(
                id=name, world="math", question=item["question"], answer=item["answer"].strip("$"), split=split
            )
