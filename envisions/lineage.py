"""Which weights, prompt and environment made a sample, and which gradient steps learnt from it; and the way back."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from envisions import folder
from envisions.config import RunConfig
from envisions.records import Example, Weights, text_fingerprint
from envisions.replay import named
from envisions.worlds import WORLDS
from learner.batches import digest, encode_example, joined, micro_batches
from pool.rows import lesson_id
from pool.store import Store
from pool.texts import lesson_text


def of_sample(run_folder: Path, sample: str) -> Iterator[str]:
    """One line a fact: what a sample was made from, then what it was used for. Raises LookupError, ValueError."""
    with Store(run_folder / "memory.sqlite", read_only=True) as store:
        attempt = named(store, sample)
        known = store.relations(attempt.key)
        problem = attempt.problem
        asked = text_fingerprint(f"{problem.question}\n{problem.answer}")
        yield f"sample       {attempt.key}"
        yield f"outcome      {attempt.feedback.outcome}"
        yield f"problem      {problem.id} ({problem.world}, {problem.split}), fingerprint {asked}"
        yield f"prompt       fingerprint {attempt.candidate.prompt or 'not recorded'}"
        made = None if attempt.origin else store.weights(attempt.candidate.weights)
        yield f"weights      {weights(made, attempt.candidate.weights)}"
        yield f"seed         {attempt.candidate.seed}"
        yield from (f"{name:<12} {flat(value)}" for name, value in known.versions.items())
        if attempt.origin:
            yield f"taken over   from {attempt.origin}, whose weights these were"
        if attempt.parent:
            parent = store.attempt(attempt.parent)
            yield f"refines      {attempt.parent} ({parent.feedback.outcome if parent else 'not in this memory'})"
        yield from (f"refined by   {key} ({outcome})" for key, outcome in known.refined_by)
        for taught in known.taught:
            into = weights(store.weights(taught.iteration), taught.iteration)
            steps = ", ".join(f"{taught.iteration}/{step}" for step in taught.steps) or "none: longer than a row"
            yield f"lesson       {taught.role}, steps {steps}, of weights {into}"
        if known.quarantine:
            yield f"quarantine   {known.quarantine}"


def of_step(run_folder: Path, step: str, *, rebuild: bool = False) -> Iterator[str]:
    """One line a fact: what a gradient step (ITERATION/STEP) turned into what, and each lesson in it.

    `rebuild` makes its token batch again from memory and says whether the digest is that of the training.
    """
    iteration, number = step_of(step)
    config = folder.config_of(run_folder)
    with Store(run_folder / "memory.sqlite", read_only=True) as store:
        lessons = [lesson for at, lesson in store.steps(iteration) if at == number]
        if not lessons:
            raise LookupError(f"memory knows no step {step}; iteration {iteration} has {held(store, iteration)}")
        before = 0 if config.learn.start == "base" else iteration - 1
        yield f"step         {iteration}/{number}"
        yield f"from weights {weights(store.weights(before), before)}"
        yield f"to weights   {weights(store.weights(iteration), iteration)}"
        yield f"batch        {store.batch(iteration, number) or 'not recorded'}"
        if rebuild:
            again = rebuilt(store, config, iteration, lessons)
            yield f"rebuilt      {again} ({'equal' if again == store.batch(iteration, number) else 'not equal'})"
        yield from (f"lesson       {lesson}" for lesson in lessons)


def rebuilt(store: Store, config: RunConfig, iteration: int, lessons: list[str]) -> str:
    """The digest of the token batch that these lessons make, in this order, with the tokenizer of the run."""
    from transformers import AutoTokenizer

    found = store.weights(iteration)
    if found is None:
        raise LookupError(f"memory knows no weights {iteration}; wait for the training of that iteration to end")
    tokenizer = AutoTokenizer.from_pretrained(found.path)
    world = WORLDS[config.world.name].world(config.world, config.run.seed)
    texts: Mapping[str, Example] = {
        lesson_id(lesson): lesson_text(world, lesson, config.select.contrast) for lesson in store.lessons(iteration)
    }
    encoded = [encode_example(tokenizer, texts[lesson]) for lesson in lessons]
    learn, ranks = config.learn, config.actors.learner.count
    return joined(
        digest(
            micro_batches(
                encoded,
                row_length=learn.row_length,
                tokens=learn.micro_batch_tokens,
                loss=learn.loss,
                rank=rank,
                ranks=ranks,
            )
        )
        for rank in range(ranks)
    )


def step_of(text: str) -> tuple[int, int]:
    iteration, _, step = text.partition("/")
    if not (iteration.isdecimal() and step.isdecimal()):
        raise ValueError(f"{text!r} names no gradient step; write ITERATION/STEP, such as 2/0")
    return int(iteration), int(step)


def held(store: Store, iteration: int) -> str:
    numbers = [step for step, _ in store.steps(iteration)]
    return f"0 to {max(numbers)}" if numbers else "none"


def weights(found: Weights | None, version: int) -> str:
    return f"{version}, fingerprint {found.fingerprint}" if found else f"{version}, not in this memory"


def flat(value: Any) -> str:
    return ", ".join(f"{name} {part}" for name, part in value.items()) if isinstance(value, dict) else str(value)
