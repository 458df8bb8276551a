"""Reads templated English (ProofWriter, RuleTaker, ProntoQA, our theories) into rule programs. No model sees it.

Every sentence shape is written down here and nothing is guessed: another sentence raises ValueError.
"""

import re

VERBS = {"chases": "chase", "eats": "eat", "likes": "like", "needs": "need", "sees": "see", "visits": "visit"} | {
    "helps": "help",
    "greets": "greet",
    "calls": "call",
    "teaches": "teach",
}
VERB = "|".join((*VERBS, *VERBS.values()))
THING = r"(?:the )?[a-z]+(?: [a-z]+)?"
FACT = re.compile(rf"({THING}) (?:(is|are)( not)? (?:an? )?([a-z]+)|(do(?:es)? not )?({VERB}) ({THING}))")
PRONOUNS = {"someone", "something", "they", "it", "them", "he", "she"}
GENERAL = re.compile(
    r"(?:(?:all|every|each) )?([a-z]+(?:(?:, | and )[a-z]+)*?)(?: things| people)? (is|are)( not)? (?:an? )?([a-z]+)"
)


def program(context: str, statement: str) -> str:
    """The rule program of a text and a statement about it."""
    lines = [_line(sentence) for sentence in re.split(r"(?<=\.)\s+", context.strip())]
    facts, rules = ([line for line in lines if (">>>" in line) is general] for general in (False, True))
    return "\n".join(["Facts:", *facts, "Rules:", *rules, "Query:", _fact(statement.strip().rstrip(".").lower())])


def _line(sentence: str) -> str:
    text = sentence.strip().rstrip(".").lower()
    if found := re.fullmatch(r"if (.+) then (.+)", text):
        return f"{' && '.join(_conditions(found[1]))} >>> {_fact(found[2])}"
    general = GENERAL.fullmatch(text)
    if general and (text.split()[0] in ("all", "every", "each") or general[2] == "are"):
        kinds = re.split(r", | and ", general[1])
        head = _literal(general[4], ["$x"], not general[3])
        return f"{' && '.join(_literal(kind, ['$x'], True) for kind in kinds)} >>> {head}"
    return _fact(text)


def _conditions(text: str) -> list[str]:
    """`someone is kind and not big and they see the dog`: a lone word belongs to the subject before."""
    found, subject = [], ""
    for part in text.split(" and "):
        if bare := re.fullmatch(r"(not )?([a-z]+)", part):
            part = f"{subject} is {bare[1] or ''}{bare[2]}"
        subject = FACT.fullmatch(part)[1] if FACT.fullmatch(part) else subject
        found.append(_fact(part))
    return found


def _fact(text: str) -> str:
    found = FACT.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} has none of the known shapes")
    subject, _, denied, kind, does_not, verb, whom = found.groups()
    if kind:
        return _literal(kind, [_name(subject)], not denied)
    says = next(says for says, base in VERBS.items() if verb in (says, base))
    return _literal(says, [_name(subject), _name(whom)], not does_not)


def _literal(word: str, names: list[str], positive: bool) -> str:
    predicate = re.sub(r"puses$", "pus", word).capitalize()
    return f"{predicate}({', '.join((*names, str(positive)))})"


def _name(words: str) -> str:
    return "$x" if words in PRONOUNS else "".join(word.capitalize() for word in words.removeprefix("the ").split())
