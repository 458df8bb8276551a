"""English sentences with their first-order formulas, each kind of sentence said in one way."""

import random
from collections.abc import Iterator

from envisions.records import Problem
from envs.languages.fol import FirstOrder
from envs.symbols.generators.parts import part_of
from envs.symbols.names import Part
from envs.symbols.pairs import pair

KINDS = ("singer", "teacher", "student", "farmer", "pilot", "doctor", "baker", "sailor")
TRAITS = ("tall", "happy", "quiet", "brave", "clever", "kind", "rich", "young", "strong", "famous")
VERBS = ("likes", "helps", "knows", "visits", "trusts")
PEOPLE = ("anna", "ben", "carla", "david", "emma", "felix")
OTHERS = 3  # predicates that are defined and not needed


def sentences(part: Part, seed: int) -> Iterator[Problem]:
    """Pairs of one part; their instructions define the predicates to use, among others."""
    language, dice = FirstOrder(), random.Random(f"{seed}/fol/{part}")
    seen: set[str] = set()
    while True:
        sentence, formula = draw(dice)
        if sentence in seen or part_of(sentence) != part:
            continue
        seen.add(sentence)
        known = [word.capitalize() for word in (*KINDS, *TRAITS, *VERBS)]
        used = language.symbols(language.parse(formula))["predicate"]
        listed = {*used, *dice.sample([name for name in known if name not in used], OTHERS)}
        yield pair(
            id=f"fol-{part}-{seed}-{len(seen):06}",
            task="logicnli",
            language=language,
            question=sentence,
            gold=formula,
            split=part,
            glosses={"predicate": {name: name.lower() for name in sorted(listed)}},
        )


def draw(dice: random.Random) -> tuple[str, str]:
    """A sentence by lot, and its formula."""
    kind, other = dice.sample(KINDS, 2)
    first, second = dice.sample(TRAITS, 2)
    verb, one, two = dice.choice(VERBS), *dice.sample(PEOPLE, 2)
    a, b, c, d = kind.capitalize(), first.capitalize(), second.capitalize(), verb.capitalize()
    return dice.choice(
        (
            (f"Every {kind} is {first}.", f"∀x ({a}(x) → {b}(x))"),
            (f"Every {kind} who is {first} is {second}.", f"∀x (({a}(x) ∧ {b}(x)) → {c}(x))"),
            (f"No {kind} is {first}.", f"∀x ({a}(x) → ¬{b}(x))"),
            (f"Some {kind} is {first} but not {second}.", f"∃x ({a}(x) ∧ {b}(x) ∧ ¬{c}(x))"),
            (f"Only a {kind} is {first}.", f"∀x ({b}(x) → {a}(x))"),
            (f"Not every {kind} is {first}.", f"¬∀x ({a}(x) → {b}(x))"),
            (f"{one.capitalize()} is {first} or {second}.", f"{b}({one}) ∨ {c}({one})"),
            (f"{one.capitalize()} {verb} {two.capitalize()}.", f"{d}({one}, {two})"),
            (f"Every {kind} {verb} {one.capitalize()}.", f"∀x ({a}(x) → {d}(x, {one}))"),
            (
                f"Every {kind} {verb} some {other}.",
                f"∀x ({a}(x) → ∃y ({other.capitalize()}(y) ∧ {d}(x, y)))",
            ),
            (
                f"If {one.capitalize()} is {first}, then {two.capitalize()} is not {second}.",
                f"{b}({one}) → ¬{c}({two})",
            ),
            (
                f"{one.capitalize()} is {first} if and only if {two.capitalize()} is {second}.",
                f"{b}({one}) ↔ {c}({two})",
            ),
        )
    )
