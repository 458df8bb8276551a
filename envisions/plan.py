"""What a run would place where, and whether the machines have room for it. Starts nothing."""

import math
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from rich.table import Table

from actors.engine import EngineConfig
from envisions.config import RunConfig
from envisions.gpus import gpus
from learner.config import LearnConfig

GIB = 2**30
SLACK = 1e-6  # shares of a core are decimal fractions; their sums are not exact
UNITS = {"cores": "cores", "gpus": "GPUs", "memory_gib": "GiB of memory"}
RAY_SHARE = 0.7  # of the free memory; Ray keeps the rest for its object store


class ShortOf(ValueError):
    """The machines lack something: one line with the need by kind, what there is, and what to change."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Placement:
    """The actors of one kind; each reserves this much."""

    kind: str
    count: int
    cores: float
    gpus: float
    memory_gib: float
    node: str = ""  # the custom resource that a machine must offer

    def each(self, resource: str) -> float:
        return float(getattr(self, resource))

    def all(self, resource: str) -> float:
        return self.count * self.each(resource)


@dataclass(frozen=True, slots=True)
class Node:
    """One machine: what actors may reserve on it."""

    cores: float
    gpus: float
    memory_gib: float
    name: str = "this machine"
    offers: frozenset[str] = frozenset()  # custom resources

    def has(self, resource: str) -> float:
        return float(getattr(self, resource))


def placements(config: RunConfig) -> list[Placement]:
    """Every kind of actor, in the order of the run file's section `actors`."""
    fleets = {kind: getattr(config.actors, kind) for kind in type(config.actors).model_fields}
    return [
        Placement(
            kind=kind,
            count=fleet.count,
            cores=fleet.cores,
            gpus=fleet.gpus,
            memory_gib=fleet.memory_gib,
            node=fleet.node,
        )
        for kind, fleet in fleets.items()
    ]


def local_nodes() -> list[Node]:
    """This machine, as a Ray started on it would offer it."""
    memory = psutil.virtual_memory().available * RAY_SHARE / GIB
    return [Node(cores=os.cpu_count() or 1, gpus=len(gpus()), memory_gib=memory)]


def nodes_of(ray_nodes: Iterable[Mapping[str, Any]]) -> list[Node]:
    """The living machines of `ray.nodes()`."""
    return [
        Node(
            cores=node["Resources"].get("CPU", 0.0),
            gpus=node["Resources"].get("GPU", 0.0),
            memory_gib=node["Resources"].get("memory", 0.0) / GIB,
            name=node.get("NodeManagerHostname") or node.get("NodeManagerAddress") or node["NodeID"],
            offers=frozenset(node["Resources"]),
        )
        for node in ray_nodes
        if node["Alive"]
    ]


def place(needs: Sequence[Placement], nodes: Sequence[Node]) -> dict[str, list[str]]:
    """For each kind the node of each of its actors; one that finds no room is left out.

    First fit decreasing: the actors that take the largest share of what is scarce come first.
    """
    free = [{resource: node.has(resource) for resource in UNITS} for node in nodes]
    there = {resource: sum(left[resource] for left in free) or SLACK for resource in UNITS}
    where: dict[str, list[str]] = {need.kind: [] for need in needs}
    for need in sorted(needs, key=lambda need: max(need.each(r) / there[r] for r in UNITS), reverse=True):
        for _ in range(need.count):
            for node, left in zip(nodes, free, strict=True):
                if need.node not in ("", *node.offers):
                    continue
                if all(need.each(resource) <= left[resource] + SLACK for resource in UNITS):
                    left.update({resource: left[resource] - need.each(resource) for resource in UNITS})
                    where[need.kind].append(node.name)
                    break
    return where


def require(config: RunConfig, nodes: Sequence[Node]) -> None:
    """Raises ShortOf unless every actor finds room."""
    needs = placements(config)
    for need in needs:
        if need.node and not any(need.node in node.offers for node in nodes):
            raise ShortOf(
                f"actors.{need.kind}.node is {need.node!r}, which no machine offers: start Ray there with "
                f"--resources='{{\"{need.node}\": 1}}', or leave the line out to place it anywhere"
            )
    for resource in UNITS:
        needed, there = sum(need.all(resource) for need in needs), sum(node.has(resource) for node in nodes)
        if needed > there + SLACK:
            who = "the machine has" if len(nodes) == 1 else f"the {len(nodes)} machines have"
            raise ShortOf(
                f"actors need {quantity(needed, resource)} ({by_kind(needs, resource)}); {who} {amount(there)}: "
                f"{remedy(max(needs, key=lambda need: need.all(resource)), resource)}"
            )
    where = place(needs, nodes)
    for need in needs:
        for resource in UNITS:
            largest = max(nodes, key=lambda node: node.has(resource))
            if need.each(resource) > largest.has(resource) + SLACK:
                raise ShortOf(
                    f"each {need.kind} needs {quantity(need.each(resource), resource)}; the largest machine, "
                    f"{largest.name}, has {amount(largest.has(resource))}: "
                    f"lower actors.{need.kind}.{resource} or use a larger machine"
                )
        if len(where[need.kind]) < need.count:
            wants = ", ".join(quantity(need.each(resource), resource) for resource in UNITS if need.each(resource))
            raise ShortOf(
                f"{need.kind} {len(where[need.kind]) + 1} of {need.count} needs {wants} on one machine; beside "
                f"the other actors none of the {len(nodes)} machines has that left: {remedy(need, 'cores')}"
            )


def remedy(need: Placement, resource: str) -> str:
    return f"lower actors.{need.kind}.{'count' if need.count > 1 else resource} or use a larger machine"


def by_kind(needs: Sequence[Placement], resource: str) -> str:
    """Who takes it, the largest first: generator 4 x 0.8, learner 0.5."""
    takers = sorted((need for need in needs if need.each(resource)), key=lambda n: n.all(resource), reverse=True)
    return ", ".join(
        f"{need.kind} {f'{need.count} x ' if need.count > 1 else ''}{amount(need.each(resource))}" for need in takers
    )


def quantity(value: float, resource: str) -> str:
    unit = UNITS[resource]
    return f"{amount(value)} {unit.removesuffix('s') if value == 1 else unit}"


def amount(value: float) -> str:
    return f"{round(value, 2):g}"


def table(needs: Sequence[Placement], nodes: Sequence[Node]) -> Table:
    """What each kind of actor reserves and where it would lie; then the sums, beside what there is."""
    sheet = Table("actors", "count", "cores", "GPUs", "GiB", "where")
    for column in sheet.columns[1:5]:
        column.justify = "right"
    where = place(needs, nodes)
    for need in needs:
        spots = [f"{name} x {n}" if n > 1 else name for name, n in Counter(where[need.kind]).items()]
        if homeless := need.count - len(where[need.kind]):
            spots.append(f"[red]no room for {homeless}[/red]")
        sheet.add_row(need.kind, str(need.count), *(amount(need.each(r)) for r in UNITS), ", ".join(spots))
    sheet.add_section()
    sums = (amount(sum(need.all(resource) for need in needs)) for resource in UNITS)
    sheet.add_row("needed", str(sum(need.count for need in needs)), *sums, "")
    there = (amount(sum(node.has(resource) for node in nodes)) for resource in UNITS)
    sheet.add_row("there is", "", *there, ", ".join(node.name for node in nodes))
    return sheet


# Memory: what an engine takes, estimated from the model's files.

ENGINE_GIB = 1.2  # vLLM's two processes once they have imported it
LEARNER_GIB = 0.4  # torch, DeepSpeed and transformers
SHARED_BYTES = {0: 0, 1: 8, 2: 12, 3: 16}  # of 16 a parameter, what a ZeRO stage spreads over the ranks


def warnings(config: RunConfig) -> list[str]:
    """One line for each kind of actor that reserves less memory than its model is likely to take."""
    size = parameters(Path(config.run.model))
    if size is None:  # a hub id: nothing is known of it yet
        return []
    actors = config.actors
    likely = {
        "generator": generator_gib(size, config.engine),
        "learner": learner_gib(size, config.learn, actors.learner.count, actors.learner.gpus > 0),
    }
    reserved = {kind: getattr(actors, kind).memory_gib for kind in likely}
    return [
        f"actors.{kind}.memory_gib is {amount(reserved[kind])}; for {size / 1e6:.3g} million parameters each {kind} "
        f"takes about {gib:.1f}: raise it"
        for kind, gib in likely.items()
        if gib > reserved[kind]
    ]


def generator_gib(size: int, engine: EngineConfig) -> float:
    """Host memory of one engine: its weights and KV cache, both of which lie in the GPU's memory where there is one."""
    if engine.device == "cuda":
        return ENGINE_GIB
    return ENGINE_GIB + size * (4 if engine.dtype == "float32" else 2) / GIB + engine.kv_cache_gib


def learner_gib(size: int, learn: LearnConfig, ranks: int, on_gpu: bool) -> float:
    """Host memory of one rank: fp32 weights, gradients and AdamW's two moments, and the copy that is written."""
    copy = 4 if learn.saved == "fp32" else 2
    shared = SHARED_BYTES[learn.zero]
    states = 0.0 if on_gpu else 16 - shared + shared / ranks
    return LEARNER_GIB + size * (states + copy) / GIB


def parameters(folder: Path) -> int | None:
    """Parameters of a model folder, from the headers of its safetensors files; None when there are none."""
    from safetensors import SafetensorError, safe_open

    files = sorted(folder.glob("*.safetensors"))
    if not files:
        return None
    try:
        return sum(size for file in files for size in sizes(safe_open, file))
    except SafetensorError as error:
        raise ValueError(f"a weights file of {folder} is damaged ({error}); copy or save the folder again") from None


def sizes(safe_open: Any, file: Path) -> Iterator[int]:
    with safe_open(file, framework="numpy") as tensors:
        for name in tensors.keys():  # noqa: SIM118 - it is no mapping
            yield math.prod(tensors.get_slice(name).get_shape())
