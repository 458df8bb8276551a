"""Rule theories by lot, told in English: a chain of rules of the wanted depth, distractors, and a balanced question."""

import random
from collections.abc import Sequence
from typing import NamedTuple

from envisions.records import Problem
from envs.logic.chaining import Chain, chain
from envs.logic.printing import rule_text
from envs.logic.statements import Literal, Rule
from envs.logic.task import posed

DEEPEST = 5
ANSWERS = ("True", "False", "Unknown")


class Words(NamedTuple):
    """What theories are told with. A verb stands in its third person, as the predicate does."""

    people: tuple[str, ...]
    traits: tuple[str, ...]
    verbs: tuple[str, ...]


WORDS = {
    "train": Words(
        ("Anne", "Bob", "Charlie", "Dave", "Erin", "Fiona"),
        ("big", "blue", "cold", "furry", "green", "kind", "nice", "quiet", "red", "rough"),
        ("chases", "eats", "likes", "needs"),
    ),
    "test": Words(
        ("Gary", "Harry", "Ida", "Jack", "Karen", "Leo"),
        ("bright", "calm", "clever", "gentle", "loud", "proud", "quick", "shy", "tall", "warm"),
        ("helps", "greets", "calls", "teaches"),
    ),
}
PRONOUNS = (("someone", "they"), ("something", "it"))
HISSING = ("ches", "shes", "sses", "xes", "zes")  # third persons that end in es, not in s


def generate(split: str, count: int, seed: int, depth: int = 2, negation: bool = True) -> list[Problem]:
    """`count` different theories with one question each; depths from 0 to `depth` and the three answers in turn.

    Train and test share neither names nor traits nor verbs. A longer list begins with the shorter one.
    """
    if split not in WORDS:
        raise ValueError(f"{split!r} is no split of the theories; it must be 'train' or 'test'")
    if not 0 <= depth <= DEEPEST:
        raise ValueError(f"depth is {depth}; it must be 0 to {DEEPEST}")
    dice = random.Random(f"{seed}/{split}/theories")
    problems: dict[str, Problem] = {}
    while (index := len(problems)) < count:
        answer, deep = ANSWERS[index % 3], index // 3 % (depth + 1)
        rules, query = draw(WORDS[split], deep, answer, negation, dice)
        problem = posed(
            f"theories-{split}-{seed}-{index:05}",
            split,
            {
                "semantics": "rules-owa",
                "context": tell(rules, dice),
                "asked": told(Rule((), (query,))),
                "answer": answer,
            },
        )
        problems.setdefault(problem.question, problem)
    return list(problems.values())


def draw(words: Words, depth: int, answer: str, negation: bool, dice: random.Random) -> tuple[list[Rule], Literal]:
    """A theory without contradictions, and a query with this answer; its proof, if any, takes `depth` rules."""
    while True:
        rules = _theory(words, depth, negation, dice)
        derived = chain(rules)
        if any(fact.negated in derived for fact in derived.reasons):
            continue
        asked = _askable(derived, depth, answer, dice)
        if asked:
            dice.shuffle(rules)
            rules.sort(key=lambda rule: bool(rule.body))
            return rules, dice.choice(asked)


def program(rules: list[Rule], query: Literal) -> str:
    """The gold program of a theory; for tests and for making a base model."""
    facts, others = ([rule_text(rule) for rule in rules if bool(rule.body) is is_rule] for is_rule in (False, True))
    return "\n".join(["Facts:", *facts, "Rules:", *others, "Query:", rule_text(Rule((), (query,)))])


def tell(rules: Sequence[Rule], dice: random.Random) -> str:
    """The text of a theory: a sentence a rule, in the pronouns of one style, some as `All kind things are ...`."""
    pronouns = dice.choice(PRONOUNS)
    return " ".join(told(rule, pronouns, dice.random() < 0.3) for rule in rules)


def told(rule: Rule, pronouns: tuple[str, str] = PRONOUNS[0], general: bool = False) -> str:
    """The sentence that says a fact or rule; `general`: without an if, where it is about attributes only."""
    if not rule.body:
        return f"{_clause(rule.head[0])}."
    (head,) = rule.head
    if general and all(one.positive and one.arguments == ("?x",) for one in (*rule.body, head._replace(positive=True))):
        kinds = ", ".join(one.predicate.lower() for one in rule.body)
        return f"All {kinds} things are {'' if head.positive else 'not '}{head.predicate.lower()}."
    conditions, pronoun = [], pronouns[0]
    for literal in rule.body:
        conditions.append(_clause(literal, pronoun))
        pronoun = pronouns[1] if literal.arguments[0].startswith("?") else pronoun
    return f"If {' and '.join(conditions)} then {_clause(head, pronoun)}."


def _clause(literal: Literal, pronoun: str = "") -> str:
    """`Anne is kind`, `they do not chase Bob`, `it does not chase Bob`."""
    predicate, positive, (subject, *objects) = literal
    spoken, plural = (pronoun, pronoun == "they") if subject.startswith("?") else (subject, False)
    if not objects:
        return f"{spoken} {'are' if plural else 'is'} {'' if positive else 'not '}{predicate.lower()}"
    verb = predicate.lower()
    base = verb[:-2] if verb.endswith(HISSING) else verb[:-1]
    if positive:
        return f"{spoken} {base if plural else verb} {objects[0]}"
    return f"{spoken} {'do' if plural else 'does'} not {base} {objects[0]}"


def _theory(words: Words, depth: int, negation: bool, dice: random.Random) -> list[Rule]:
    """A fact, a chain of `depth` rules upon it, and as many facts and rules again to distract."""
    people = dice.sample(words.people, 3)

    def statement(subject: str) -> Literal:
        positive = not negation or dice.random() < 0.8
        if dice.random() < 0.35:
            other = dice.choice([one for one in people if one != subject])
            return Literal(dice.choice(words.verbs).capitalize(), positive, (subject, other))
        return Literal(dice.choice(words.traits).capitalize(), positive, (subject,))

    who = dice.choice(people)
    last = statement(who)
    rules = [Rule((), (last,))]
    for _ in range(depth):
        then, also = statement("?x"), statement("?x")
        condition = last._replace(arguments=("?x", *last.arguments[1:]))
        body: tuple[Literal, ...] = (condition,)
        last = then._replace(arguments=(who, *then.arguments[1:]))
        if who in then.arguments[1:]:
            return _theory(words, depth, negation, dice)
        if dice.random() < 0.3 and also != condition and who not in also.arguments[1:]:
            body = (condition, also)
            rules.append(Rule((), (also._replace(arguments=(who, *also.arguments[1:])),)))
        rules.append(Rule(body, (then,)))
    rules += [Rule((), (statement(dice.choice(people)),)) for _ in range(dice.randint(2, 4))]
    rules += [Rule((statement("?x"),), (statement("?x"),)) for _ in range(dice.randint(1, 2))]
    return list(dict.fromkeys(rule for rule in rules if not set(rule.body) & set(rule.head)))


def _askable(derived: Chain, depth: int, answer: str, dice: random.Random) -> list[Literal]:
    """What can be asked: something derived in `depth` steps or its opposite, or something that is left open."""
    facts = [fact for fact in derived.reasons if derived.depth(fact) == depth]
    if answer == "True":
        return facts
    if answer == "False":
        return [fact.negated for fact in facts]
    people = sorted({fact.arguments[0] for fact in derived.reasons})
    mentioned = sorted(
        {(one.predicate, one.arguments[1:]) for rule in derived.rules for one in (*rule.body, *rule.head)}
    )
    open_ones = [
        Literal(name, dice.random() < 0.5, (person, *others))
        for name, others in mentioned
        for person in people
        if person not in others
    ]
    return [one for one in open_ones if facts and one not in derived and one.negated not in derived]
