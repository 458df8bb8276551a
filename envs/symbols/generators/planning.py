"""Planning tasks told in words, with their PDDL problems, in four domains of our own spelling."""

import random
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from envisions.records import Problem
from envs.languages.pddl import Pddl
from envs.symbols.generators.parts import part_of
from envs.symbols.names import Part
from envs.symbols.pairs import pair

DOMAINS = Path(__file__).parents[1] / "domains"


class Told(NamedTuple):
    """A task in words, and the three lists of its problem."""

    words: list[str]
    objects: str
    init: list[str]
    goal: list[str]


def tasks(domain: str, part: Part, seed: int) -> Iterator[Problem]:
    """Tasks of one domain and part. No goal is true already."""
    language, dice = _language(domain), random.Random(f"{seed}/{domain}/{part}")
    seen: set[str] = set()
    while True:
        told = DRAWN[domain](dice)
        question = " ".join(told.words)
        if question in seen or part_of(question) != part or set(told.goal) <= set(told.init):
            continue
        seen.add(question)
        lists = f"(:objects {told.objects}) (:init {' '.join(told.init)}) (:goal (and {' '.join(told.goal)}))"
        yield pair(
            id=f"{domain}-{part}-{seed}-{len(seen):06}",
            task=domain,
            language=language,
            question=question,
            gold=f"(define (problem task) (:domain {domain}) {lists})",
            split=part,
        )


@cache
def _language(domain: str) -> Pddl:
    return Pddl((DOMAINS / f"{domain}.pddl").read_text(encoding="utf-8"))


def _blocksworld(dice: random.Random) -> Told:
    blocks = [f"b{number}" for number in range(1, dice.randint(3, 6))]
    before, after = _stacks(blocks, dice), _stacks(blocks, dice)
    facts = [*_standing(before), *(f"(clear {stack[-1]})" for stack in before), "(hand-empty)"]
    goal = [fact for fact in _standing(after) if not fact.startswith("(on-table")] or _standing(after)
    words = [f"There are {len(blocks)} blocks: {', '.join(blocks)}. The hand is empty.", *_stacked(before)]
    return Told([*words, "In the end:", *_stacked(after, goal)], " ".join(blocks), facts, goal)


def _stacks(blocks: Sequence[str], dice: random.Random) -> list[list[str]]:
    stacks: list[list[str]] = []
    for block in dice.sample(blocks, len(blocks)):
        if stacks and dice.random() < 0.6:
            dice.choice(stacks).append(block)
        else:
            stacks.append([block])
    return stacks


def _standing(stacks: Sequence[Sequence[str]]) -> list[str]:
    on = [f"(on {upper} {lower})" for stack in stacks for lower, upper in pairwise(stack)]
    return [*on, *(f"(on-table {stack[0]})" for stack in stacks)]


def _stacked(stacks: Sequence[Sequence[str]], said: Sequence[str] = ()) -> list[str]:
    """Sentences for facts; for those in `said` only, where it is given."""
    sentences = {}
    for stack in stacks:
        sentences[f"(on-table {stack[0]})"] = f"{stack[0]} is on the table."
        for lower, upper in pairwise(stack):
            sentences[f"(on {upper} {lower})"] = f"{upper} is on {lower}."
    return [sentence for fact, sentence in sentences.items() if not said or fact in said]


def _grippers(dice: random.Random) -> Told:
    rooms = [f"room{number}" for number in range(1, dice.randint(3, 5))]
    robots = [f"robot{number}" for number in range(1, dice.randint(2, 3))]
    balls = [f"ball{number}" for number in range(1, dice.randint(2, 6))]
    hands = {robot: [f"left{robot[5:]}", f"right{robot[5:]}"] for robot in robots}
    places = {thing: dice.choice(rooms) for thing in (*robots, *balls)}
    ends = {ball: dice.choice(rooms) for ball in balls}
    init = [f"(robot-in {robot} {places[robot]})" for robot in robots]
    init += [f"(ball-in {ball} {places[ball]})" for ball in balls]
    init += [
        fact for robot in robots for hand in hands[robot] for fact in (f"(part-of {hand} {robot})", f"(free {hand})")
    ]
    words = [f"There are the rooms {', '.join(rooms)}."]
    words += [f"{robot} has the free grippers {' and '.join(hands[robot])}." for robot in robots]
    words += [f"{thing} is in {place}." for thing, place in places.items()]
    words += ["In the end:", *(f"{ball} is in {room}." for ball, room in ends.items())]
    grippers = " ".join(hand for own in hands.values() for hand in own)
    objects = f"{' '.join(rooms)} - room {' '.join(robots)} - robot {' '.join(balls)} - ball {grippers} - gripper"
    return Told(words, objects, init, [f"(ball-in {ball} {room})" for ball, room in ends.items()])


def _floortile(dice: random.Random) -> Told:
    rows, columns = dice.randint(2, 3), dice.randint(2, 3)
    tiles = {(row, column): f"t{row}{column}" for row in range(rows + 1) for column in range(1, columns + 1)}
    colours = dice.sample(("white", "black", "red"), 2)
    robots = [f"robot{number}" for number in range(1, dice.randint(2, 3))]
    stands = dict(
        zip(robots, dice.sample([tiles[0, column] for column in range(1, columns + 1)], len(robots)), strict=True)
    )
    holds = {robot: dice.choice(colours) for robot in robots}
    painted = {
        tiles[row, column]: dice.choice(colours) for row in range(1, rows + 1) for column in range(1, columns + 1)
    }
    init = [f"(above {tiles[row, c]} {tiles[row - 1, c]})" for row, c in tiles if row]
    init += [f"(right-of {tiles[row, c]} {tiles[row, c - 1]})" for row, c in tiles if c > 1]
    init += [f"(stands-on {robot} {tile})" for robot, tile in stands.items()]
    init += [f"(loaded {robot} {colour})" for robot, colour in holds.items()]
    init += [f"(empty {tile})" for tile in tiles.values() if tile not in stands.values()]
    init += [f"(offered {colour})" for colour in colours]
    words = [f"There are {rows + 1} rows of {columns} tiles: t01 to t0{columns} below, t11 to t1{columns} and so on."]
    words += [f"The colours {' and '.join(colours)} are offered."]
    words += [f"{robot} stands on {stands[robot]} and is loaded with {holds[robot]}." for robot in robots]
    words += [
        "All other tiles are empty.",
        "In the end:",
        *(f"{tile} is {colour}." for tile, colour in painted.items()),
    ]
    objects = f"{' '.join(tiles.values())} - tile {' '.join(robots)} - robot {' '.join(colours)} - colour"
    return Told(words, objects, init, [f"(painted {tile} {colour})" for tile, colour in painted.items()])


def _termes(dice: random.Random) -> Told:
    rows, columns, top = dice.randint(2, 3), dice.randint(2, 3), dice.randint(1, 2)
    places = [(row, column) for row in range(rows) for column in range(columns)]
    name = {place: f"p{place[0]}{place[1]}" for place in places}
    depot, *others = dice.sample(places, len(places))
    built = {place: dice.randint(1, top) for place in others[: dice.randint(1, 2)]}
    steps = ((0, 1), (1, 0), (0, -1), (-1, 0))
    near = [(one, (one[0] + down, one[1] + right)) for one in places for down, right in steps]
    init = [f"(next-to {name[one]} {name[other]})" for one, other in near if other in name]
    init += [f"(one-more n{high} n{high - 1})" for high in range(1, top + 1)]
    init += [f"(height {place} n0)" for place in name.values()] + [f"(at {name[depot]})", f"(depot {name[depot]})"]
    goal = [f"(height {name[place]} n{built.get(place, 0)})" for place in places] + ["(not (loaded))"]
    words = [f"There are {rows} rows of {columns} places, p00 to p0{columns - 1}, p10 to p1{columns - 1} and so on."]
    words += [f"All have height 0, and {top} is the largest height. The depot is {name[depot]}; the robot is there."]
    words += ["In the end the robot is not loaded, all other places have height 0, and:"]
    words += [f"{name[place]} has height {height}." for place, height in sorted(built.items())]
    objects = f"{' '.join(name.values())} - place {' '.join(f'n{level}' for level in range(top + 1))} - level"
    return Told(words, objects, init, goal)


DRAWN: dict[str, Callable[[random.Random], Told]] = {
    "blocksworld": _blocksworld,
    "grippers": _grippers,
    "floortile": _floortile,
    "termes": _termes,
}
blocksworld, grippers, floortile, termes = (partial(tasks, domain) for domain in DRAWN)
