"""Plans: what fits, what does not, and whether the one line says which resource and which setting."""

from io import StringIO
from pathlib import Path

import pytest
from builders import tiny_model
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from envisions.config import RunConfig, validated
from envisions.plan import (
    GIB,
    UNITS,
    Node,
    Placement,
    ShortOf,
    local_nodes,
    nodes_of,
    parameters,
    place,
    placements,
    require,
    table,
    warnings,
)

LAPTOP = Node(cores=2, gpus=0, memory_gib=16, name="laptop")


def run_of(model: str = "base", **sections: object) -> RunConfig:
    stories = {"name": "stories", "count": 10}
    raw = {"run": {"name": "t", "model": model, "iterations": 1}, "world": {"train": stories, "test": {"dev": stories}}}
    return validated({**raw, **sections}, Path("/nowhere"))


def actors(**kinds: dict[str, float]) -> RunConfig:
    return run_of(actors=kinds)


def need(kind: str = "a", count: int = 1, cores: float = 1, gpus: float = 0, memory_gib: float = 1) -> Placement:
    return Placement(kind=kind, count=count, cores=cores, gpus=gpus, memory_gib=memory_gib)


def shortage(config: RunConfig, *nodes: Node) -> str:
    with pytest.raises(ShortOf) as fault:
        require(config, nodes)
    assert "\n" not in str(fault.value)
    return str(fault.value)


def test_the_defaults_fit_a_laptop() -> None:
    config = run_of()
    require(config, [LAPTOP])
    assert {p.kind for p in placements(config)} == {"generator", "environment", "service", "memory", "learner"}


def test_the_learner_counts_its_ranks() -> None:
    config = actors(learner={"count": 4, "cores": 0.5})
    assert next(p.count for p in placements(config) if p.kind == "learner") == 4


def test_too_few_cores_are_named_with_the_needs_and_the_setting_that_takes_most() -> None:
    config = actors(generator={"count": 4, "cores": 0.8, "memory_gib": 1})
    text = shortage(config, LAPTOP)
    assert text.startswith("actors need 4.3 cores (generator 4 x 0.8, learner 0.5, environment 0.3,")
    assert "the machine has 2: lower actors.generator.count" in text


def test_a_single_actor_without_its_gpu_is_told_to_ask_for_fewer() -> None:
    text = shortage(actors(learner={"gpus": 1, "cores": 0.5}), LAPTOP)
    assert text == "actors need 1 GPU (learner 1); the machine has 0: lower actors.learner.gpus or use a larger machine"


def test_too_little_memory_is_named_too() -> None:
    text = shortage(actors(generator={"cores": 0.8, "memory_gib": 40}), LAPTOP)
    assert "GiB of memory (generator 40, " in text
    assert "has 16: lower actors.generator.memory_gib" in text


def test_an_actor_larger_than_every_machine_is_found_though_all_together_have_enough() -> None:
    small = [Node(4, 0, 16, f"node-{i}") for i in range(4)]
    text = shortage(actors(learner={"cores": 8}), *small)
    assert text.startswith("each learner needs 8 cores; the largest machine, node-0, has 4: lower actors.learner.cores")


def test_what_fits_in_sum_but_not_in_pieces_is_refused() -> None:
    small = [Node(3, 0, 16, f"node-{i}") for i in range(3)]
    text = shortage(actors(generator={"count": 4, "cores": 2, "memory_gib": 1}), *small[:3], Node(1.5, 0, 9, "node-3"))
    assert "generator 4 of 4 needs 2 cores" in text
    assert "none of the 4 machines" in text


def test_cores_here_and_gpus_there_do_not_make_one_actor() -> None:
    text = shortage(
        actors(learner={"cores": 8, "gpus": 1, "memory_gib": 2.5}), Node(16, 0, 64, "cpu"), Node(2, 1, 64, "gpu")
    )
    assert "learner 1 of 1 needs 8 cores, 1 GPU, 2.5 GiB of memory on one machine" in text


def test_a_cluster_without_a_living_machine_is_too_small() -> None:
    assert "the 0 machines have 0" in shortage(run_of())


def test_tenths_of_a_core_add_up() -> None:
    assert place([need(count=10, cores=0.1)], [Node(1, 0, 10)]) == {"a": ["this machine"] * 10}


def test_the_large_come_first_so_that_the_small_fill_the_rest() -> None:
    nodes = [Node(4, 0, 9, "one"), Node(4, 0, 9, "two")]
    where = place([need("small", 4, cores=1), need("large", 2, cores=2)], nodes)
    assert len(where["small"]) == 4
    assert len(where["large"]) == 2


SHARES = st.floats(0, 4, allow_nan=False).map(lambda share: round(share, 1))
NEEDS = st.builds(need, kind=st.uuids().map(str), count=st.integers(1, 4), cores=SHARES, gpus=SHARES, memory_gib=SHARES)
NODES = st.builds(Node, cores=SHARES, gpus=SHARES, memory_gib=SHARES, name=st.uuids().map(str))


@given(st.lists(NEEDS, max_size=5), st.lists(NODES, max_size=4))
def test_no_machine_is_ever_given_more_than_it_has(needs: list[Placement], nodes: list[Node]) -> None:
    where = place(needs, nodes)
    for node in nodes:
        for resource in UNITS:
            taken = sum(where[need.kind].count(node.name) * need.each(resource) for need in needs)
            assert taken <= node.has(resource) + 1e-4
    for wanted in needs:
        assert len(where[wanted.kind]) <= wanted.count


def test_rays_list_of_nodes_is_read_without_the_dead() -> None:
    alive = {"Alive": True, "NodeID": "x", "NodeManagerHostname": "a", "Resources": {"CPU": 8.0, "memory": 2.0 * GIB}}
    dead = {"Alive": False, "NodeID": "y", "Resources": {}}
    assert nodes_of([alive, dead]) == [Node(8.0, 0.0, 2.0, "a")]


def test_this_machine_has_cores_and_memory() -> None:
    (node,) = local_nodes()
    assert node.cores >= 1
    assert node.memory_gib > 0


def test_the_table_shows_where_each_lies_and_who_finds_no_room() -> None:
    console = Console(width=120, file=StringIO())
    console.print(table([need("learner", 3, cores=1, memory_gib=2)], [LAPTOP]))
    text = console.file.getvalue()
    assert "laptop x 2, no room for 1" in text
    assert "there is" in text


def test_a_reservation_below_the_models_size_is_warned_of(tmp_path: Path) -> None:
    folder = tiny_model(tmp_path, width=64)
    tight = {"generator": {"cores": 0.8, "memory_gib": 0.5}, "learner": {"memory_gib": 0.1}}
    told = warnings(run_of(model=str(folder), actors=tight))
    assert [line.split(" is ")[0] for line in told] == ["actors.generator.memory_gib", "actors.learner.memory_gib"]
    assert warnings(run_of(model=str(folder))) == []
    assert warnings(run_of(model="some/hub-id")) == []


def test_parameters_are_counted_from_the_files(tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    folder = tiny_model(tmp_path, width=64)
    model = AutoModelForCausalLM.from_pretrained(folder)
    assert parameters(folder) == sum(p.numel() for p in model.parameters())
    assert parameters(tmp_path / "nothing") is None
    (folder / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(ValueError, match="is damaged"):
        parameters(folder)
