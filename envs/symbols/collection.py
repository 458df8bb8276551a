"""Builds one task of the collection: reads or generates it, keeps what verifies, and says what became of the rest."""

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from envisions.records import Outcome, Problem
from envs.base import InfrastructureError
from envs.contamination import disjoint, text_key
from envs.languages.base import Malformed
from envs.languages.registry import language
from envs.symbols.defined import defining
from envs.symbols.downloads import fetch
from envs.symbols.environment import SymbolsEnvironment
from envs.symbols.folder import PARTS
from envs.symbols.generators.parts import part_of
from envs.symbols.generators.registry import generated
from envs.symbols.manifest import Source, Task
from envs.symbols.names import Part
from envs.symbols.pairs import pair
from envs.symbols.readers import READERS, Draft, pairs

EXAMPLES = 3  # of what was dropped, for each reason


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a collection is to hold. `count`: records read of a source at most (0: all); `generated`: pairs a part."""

    data: Path | None = None
    count: int = 0
    generated: int = 1000
    seed: int = 0
    restricted: bool = False
    offline: bool = True


@dataclass(slots=True)
class Built:
    """What became of a task. No pairs and nothing needed cannot be."""

    task: Task
    pairs: dict[Part, list[Problem]] = field(default_factory=lambda: {part: [] for part in PARTS})
    dropped: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)
    needs: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)

    def drop(self, why: str, what: str) -> None:
        self.dropped[why] += 1
        if len(shown := self.examples.setdefault(why, [])) < EXAMPLES:
            shown.append(f"{what:.120}")

    def __str__(self) -> str:
        """One line: built and from what, or what it would need."""
        counts = {part: len(found) for part, found in self.pairs.items()}
        built = f"built: {counts['train']:,} train, {counts['test']:,} test" if any(counts.values()) else "not built"
        said = [built, *(f"from {source}" for source in self.sources)]
        said += [f"dropped {count:,} ({why})" for why, count in self.dropped.most_common()]
        said += [f"needs {need}" for need in self.needs]
        return f"{self.task.number or '-':>2} {self.task.name:16} {self.task.language:9} {'; '.join(said)}"


def build(task: Task, wanted: Wanted, environment: SymbolsEnvironment) -> Built:
    """The pairs of one task, without those that its verifier refuses, duplicates, and train pairs that a test holds."""
    built = Built(task)
    drafts = _found(task, wanted, built)
    for part, source, draft in drafts:
        posed = _posed(task, part, source, draft, built)
        if posed is not None:
            built.pairs[part].append(posed)
    if task.generator and not drafts:
        _generate(task, wanted, built)
    for part in PARTS:
        built.pairs[part] = _verified(defining(built.pairs[part]), environment, built)
    if not built.pairs["test"] and built.pairs["train"] and not task.generator:
        _hold_out(built)
    _apart(built)
    if not any(built.pairs.values()) and not built.needs:
        built.needs.append("a verifier that accepts its gold; see what was dropped")
    return built


def _found(task: Task, wanted: Wanted, built: Built) -> list[tuple[Part, Source, Draft]]:
    """All records that lie in the data folder."""
    found: list[tuple[Part, Source, Draft]] = []
    for source in (*task.sources, *_given(task, wanted)):
        place = ", ".join(source.files)
        if source.restricted and not wanted.restricted:
            built.needs.append(f"--all-licences for {place} ({source.licence or 'no licence'})")
        elif wanted.data is None or (absent := _absent(source, wanted.data, wanted.offline)):
            why = "" if wanted.data is None or wanted.offline else f": {absent}"
            built.needs.append(f"{place} of {source.repository} in the folder of --data{why}")
        elif changed := source.changed(wanted.data):
            built.needs.append(f"{changed} as it was at {source.revision:.8}: its checksum differs")
        else:
            paths = [wanted.data / name for name in source.files]
            read = islice(READERS[source.reader](paths), wanted.count or None)
            found += [(source.part, source, draft) for draft in read]
            built.sources.append(f"{place}{' (a substitute)' if source.substitute else ''}")
    if task.needs and not found:
        own = f"{task.name}/train.jsonl of {{input, output}} records in the folder of --data"
        built.needs.append(f"{own}, made from {task.needs.at} ({task.needs.licence})")
    return found


def _absent(source: Source, data: Path, offline: bool) -> str:
    """Why files are missing, once it was tried to get them where that is wanted; empty where all are there."""
    if all((data / name).exists() for name in source.files):
        return ""
    return "it does not lie there" if offline else fetch(source, data)


def _given(task: Task, wanted: Wanted) -> Iterator[Source]:
    """What the user has put beside the data sets."""
    for part in PARTS:
        file = f"{task.name}/{part}.jsonl"
        if wanted.data and (wanted.data / file).exists():
            yield Source(part=part, reader=pairs.__name__, files=(file,), licence="the user's own")


def _posed(task: Task, part: Part, source: Source, draft: Draft, built: Built) -> Problem | None:
    name = f"{task.name}-{part}-{draft.key}"
    if not draft.gold.strip():
        built.drop(draft.why or "there is no gold", name)
        return None
    where = {"source": f"{source.repository}@{source.revision:.8}", "licence": source.licence}
    try:
        return pair(
            id=name,
            task=task.name,
            language=language(task.language, draft.definition),
            question=draft.question,
            gold=draft.gold,
            split=part,
            **{**where, **draft.needed},
        )
    except Malformed as fault:
        built.drop("its gold is malformed", f"{name}: {fault}")
    return None


def _generate(task: Task, wanted: Wanted, built: Built) -> None:
    for part in PARTS:
        built.pairs[part] = list(islice(generated(task.name, part, wanted.seed), wanted.generated))
    built.sources.append("its generator")


def _verified(found: Sequence[Problem], environment: SymbolsEnvironment, built: Built) -> list[Problem]:
    """Those whose gold the environment accepts."""

    def verdict(problem: Problem) -> tuple[Outcome, str]:
        try:
            feedback = environment.execute(problem, problem.answer)
        except InfrastructureError as error:
            return Outcome.infra_failed, str(error)
        return feedback.outcome, feedback.error

    kept = []
    with ThreadPoolExecutor(4, "verify") as threads:
        for problem, (outcome, error) in zip(found, threads.map(verdict, found), strict=True):
            if outcome is Outcome.accepted:
                kept.append(problem)
            else:
                built.drop(f"its gold is {outcome}", f"{problem.id}: {error}")
    return kept


def _hold_out(built: Built) -> None:
    """A tenth or two of the train pairs as a test part, where the source has none."""
    everything = built.pairs["train"]
    built.pairs = {part: [one for one in everything if part_of(text_key(one)) == part] for part in PARTS}
    built.pairs = {part: [replace(one, split=part) for one in found] for part, found in built.pairs.items()}


def _apart(built: Built) -> None:
    """Each train pair once, and none that a test asks."""
    kept, removed = disjoint(built.pairs["train"], {"test": built.pairs["test"]})
    built.pairs["train"] = kept
    for reason, count in removed.counts.items():
        built.dropped["duplicates" if reason == "duplicates" else "also in the test part"] += count
