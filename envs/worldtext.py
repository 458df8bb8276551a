"""Endless small texts in the style of the logic and web worlds: they teach a tokenizer those worlds' spelling.

Only a byte-level BPE is trained on them. They are no problems: nothing here is solved, checked or scored.
Forms: rule programs and ProofWriter-like contexts (logic, section 2.3 of the reference's description), first-order
formulas in LADR and in Unicode spelling, MiniWoB-like pages and the scripts that act on them (web).
"""

import re
from collections.abc import Iterator
from random import Random

PEOPLE = ("Anne", "Bob", "Charlie", "Dave", "Erin", "Fiona", "Gary", "Harry")
ANIMALS = ("bald eagle", "bear", "cat", "cow", "dog", "lion", "mouse", "rabbit", "squirrel", "tiger")
TRAITS = (
    *("big", "blue", "cold", "furry", "green", "kind", "nice", "quiet"),
    *("red", "rough", "round", "smart", "white", "young"),
)
VERBS = {"chase": "chases", "eat": "eats", "like": "likes", "need": "needs", "see": "sees", "visit": "visits"}
WORDS = (
    *(
        "Submit",
        "Cancel",
        "Search",
        "Next",
        "Previous",
        "Reply",
        "Forward",
        "Share",
        "Delete",
        "Login",
        "Okay",
        "Close",
    ),
    *("Reynolds", "Lorem", "ipsum", "dolor", "sit", "amet", "Aruba", "Kenya", "Madrid", "apple", "orange", "yellow"),
)
WISHES = (
    "Enter &quot;{0}&quot; into the text field and press {1}.",
    "Click on the &quot;{0}&quot; button, then the one that says &quot;{1}&quot;.",
    "Select {0} and {1} and click Submit.",
    "Choose {0} from the list.",
    "Click on the {2} rectangle inside the box.",
    "Move the slider to {3} and submit.",
    "Which number stands beside {0} in the table? Type it and press enter.",
    "Find the link &quot;{0}&quot; and open it.",
)
COLOURS = ("red", "green", "blue", "yellow", "purple", "magenta", "orange", "cyan", "black", "white")


def logic_text(count: int, seed: int) -> Iterator[str]:
    """`count` texts: a context with its rule program, or the same kind of rules as first-order formulas."""
    for index in range(count):
        dice = Random(f"{seed}/logic/{index}")
        yield (_rule_program if dice.random() < 0.6 else _formulas)(dice)


def web_text(count: int, seed: int) -> Iterator[str]:
    """`count` texts: an instruction, the page as HTML, and a script that acts on it."""
    for index in range(count):
        yield _page(Random(f"{seed}/web/{index}"))


# --- logic -------------------------------------------------------------------------------------------------------


def _rule_program(dice: Random) -> str:
    """A context and a question, then its four sections with a gloss on every line."""
    everyone = dice.sample(PEOPLE, 2) if dice.random() < 0.5 else dice.sample(ANIMALS, 2)
    facts = [_fact(dice, everyone) for _ in range(dice.randint(3, 6))]
    rules = [_rule(dice) for _ in range(dice.randint(2, 5))]
    query, asked = _fact(dice, everyone)
    used = dict.fromkeys(re.findall(r"(\w+)\(", " ".join([code for code, _ in facts + rules] + [query])))
    sections = {
        "Predicates": [_declared(name.lower()) for name in used],
        "Facts": [f"{code} ::: {words}" for code, words in facts],
        "Rules": [f"{code} ::: {words}" for code, words in rules],
        "Query": [f"{query} ::: {asked}"],
    }
    context = " ".join(words for _, words in facts + rules)
    question = f"Based on the above information, is the following statement true, false, or unknown? {asked}"
    program = "\n".join(f"{name}:\n" + "\n".join(lines) for name, lines in sections.items())
    return f"{context}\n{question}\n{program}\n"


def _declared(name: str) -> str:
    for verb, says in VERBS.items():
        if name == says:
            return f"{name.capitalize()}($x, $y, bool) ::: Does x {verb} y?"
    return f"{name.capitalize()}($x, bool) ::: Is x {name}?"


def _fact(dice: Random, everyone: list[str]) -> tuple[str, str]:
    """One statement on one or two of them: as a term and in words."""
    who, whom = dice.sample(everyone, 2)
    holds = dice.random() < 0.8
    if dice.random() < 0.6:
        trait = dice.choice(TRAITS)
        words = f"{_noun(who)} is {'' if holds else 'not '}{trait}."
        return f"{trait.capitalize()}({_name(who)}, {holds})", words
    verb = dice.choice(tuple(VERBS))
    says = VERBS[verb] if holds else f"does not {verb}"
    return (
        f"{VERBS[verb].capitalize()}({_name(who)}, {_name(whom)}, {holds})",
        f"{_noun(who)} {says} {_noun(whom, inside=True)}.",
    )


def _rule(dice: Random) -> tuple[str, str]:
    """One rule with one or two conditions and sometimes two conclusions."""
    traits = dice.sample(TRAITS, 4)
    ifs, thens = traits[: dice.randint(1, 2)], traits[2 : dice.randint(3, 4)]
    holds = dice.random() < 0.85
    left = " && ".join(f"{trait.capitalize()}($x, True)" for trait in ifs)
    right = " && ".join(f"{trait.capitalize()}($x, {holds})" for trait in thens)
    also = ""
    if dice.random() < 0.3:
        verb = VERBS[dice.choice(tuple(VERBS))]
        left += f" && {verb.capitalize()}($x, $y, True)"
        also = f" and it {verb} something"
    words = f"If something is {' and '.join(ifs)}{also} then it is {'' if holds else 'not '}{' and '.join(thens)}."
    return f"{left} >>> {right}", words


def _formulas(dice: Random) -> str:
    """Premises and a conclusion, each in words, as a LADR formula and in Unicode."""
    lines = []
    for _ in range(dice.randint(3, 6)):
        one, two, three = (trait.capitalize() for trait in dice.sample(TRAITS, 3))
        who, verb = dice.choice(PEOPLE), VERBS[dice.choice(tuple(VERBS))].capitalize()
        words, ladr, unicode = dice.choice(
            (
                (
                    f"All {one.lower()} things are {two.lower()}.",
                    f"all x ({one}(x) -> {two}(x)).",
                    f"∀x ({one}(x) → {two}(x))",
                ),
                (
                    f"Some {one.lower()} thing is {two.lower()} or {three.lower()}, but not both.",
                    f"exists x ({one}(x) & ({two}(x) | {three}(x)) & -({two}(x) & {three}(x))).",
                    f"∃x ({one}(x) ∧ ({two}(x) ⊕ {three}(x)))",
                ),
                (
                    f"No {one.lower()} thing is {two.lower()}.",
                    f"all x ({one}(x) -> -{two}(x)).",
                    f"∀x ({one}(x) → ¬{two}(x))",
                ),
                (
                    f"{who} is {one.lower()} if and only if {who} is {two.lower()}.",
                    f"{one}({who.lower()}) <-> {two}({who.lower()}).",
                    f"{one}({who.lower()}) ↔ {two}({who.lower()})",
                ),
                (
                    f"Every {one.lower()} thing {verb.lower()} a {two.lower()} one.",
                    f"all x ({one}(x) -> exists y ({two}(y) & {verb}(x, y))).",
                    f"∀x ({one}(x) → ∃y ({two}(y) ∧ {verb}(x, y)))",
                ),
            )
        )
        lines += [f"{words} ::: {unicode}", ladr]
    premises = "\n".join(lines[:-1])
    return f"formulas(assumptions).\n{premises}\nend_of_list.\nformulas(goals).\n{lines[-1]}\nend_of_list.\n"


def _noun(who: str, inside: bool = False) -> str:
    return who if who in PEOPLE else f"{'the' if inside else 'The'} {who}"


def _name(who: str) -> str:
    return "".join(part.capitalize() for part in who.split())


# --- web ---------------------------------------------------------------------------------------------------------


def _page(dice: Random) -> str:
    """One page of three to seven elements, and one to three actions on those that can be acted on."""
    parts = [dice.choice(PARTS)(dice, ref) for ref in range(4, 4 + dice.randint(3, 7))]
    acts = [script for _, script in parts if script]
    script = "\n".join(dice.sample(acts, min(len(acts), dice.randint(1, 3))))
    wish = dice.choice(WISHES).format(*dice.sample(WORDS, 2), dice.choice(COLOURS), dice.randint(1, 50))
    body = "\n".join(html for html, _ in parts)
    return (
        f'<div id="wrap" data-wob_ref="2" data-wob_eps="e0">\n  <div id="query">{wish}</div>\n'
        f'  <div id="area" data-wob_ref="3" data-wob_eps="e0">\n{body}\n  </div>\n</div>\n```\n{script}\n```\n'
    )


def _marks(dice: Random, ref: int) -> str:
    return f'data-wob_ref="{ref}" data-wob_eps="e0"' + (' class="selected"' if dice.random() < 0.1 else "")


def _button(dice: Random, ref: int) -> tuple[str, str]:
    identity, word = dice.choice((("subbtn", "Submit"), (f"btn{ref}", dice.choice(WORDS))))
    html = f'    <button id="{identity}" {_marks(dice, ref)}>{word}</button>'
    return html, f"agent.click_xpath(\"//*[@id='{identity}']\")"


def _input(dice: Random, ref: int) -> tuple[str, str]:
    kind, word = dice.choice(("text", "password", "date")), dice.choice(WORDS)
    html = (
        f'    <input type="{kind}" id="tt{ref}" value="" style="width: {dice.randint(40, 150)}px;" {_marks(dice, ref)}>'
    )
    keys = dice.choice((f"agent.type('{word}')", "agent.press('command+v')", "agent.press('backspace')"))
    return html, f"agent.click_xpath(\"//*[@id='tt{ref}']\")\n{keys}"


def _checkbox(dice: Random, ref: int) -> tuple[str, str]:
    word, kind = dice.choice(WORDS), dice.choice(("checkbox", "radio"))
    html = f'    <label {_marks(dice, ref)}><input type="{kind}" id="ch{ref}" {_marks(dice, ref)}>{word}</label><br>'
    return html, f"agent.click_xpath(\"//label[text()='{word}']/input[@id='ch{ref}']\")"


def _select(dice: Random, ref: int) -> tuple[str, str]:
    words = dice.sample(WORDS, 3)
    options = "".join(f"<option>{word}</option>" for word in words)
    html = f'    <select id="options" style="width:150px;" {_marks(dice, ref)}>{options}</select>'
    return html, f"agent.click_option(\"//select[@id='options']/option[text()='{dice.choice(words)}']\")"


def _link(dice: Random, ref: int) -> tuple[str, str]:
    word = dice.choice(WORDS)
    html = (
        f'    <p {_marks(dice, ref)}><span class="alink" {_marks(dice, ref)}>{word}</span>, {dice.choice(WORDS)}.</p>'
    )
    over = dice.choice(("click_xpath", "movemouse"))
    return html, f"agent.{over}(\"//span[@class='alink' and text()='{word}']\")"


def _shape(dice: Random, ref: int) -> tuple[str, str]:
    colour, x, y = dice.choice(COLOURS), dice.randint(1, 150), dice.randint(1, 150)
    html = f'    <svg><rect x="{x}" y="{y}" width="20" height="20" fill="{colour}" {_marks(dice, ref)}></rect></svg>'
    return html, f'agent.click_xpath(\'//*[name()="rect" and @fill="{colour}"]\')'


def _slider(dice: Random, ref: int) -> tuple[str, str]:
    start, goal = dice.randint(0, 50), dice.randint(0, 50)
    html = (
        f'    <div id="slider" class="ui-slider ui-widget" {_marks(dice, ref)}>'
        f'<span class="ui-slider-handle" tabindex="0" style="left: {start}%;"></span></div>'
    )
    key = "right" if goal > start else "left"
    return html, f"for _ in range({abs(goal - start)}):\n    agent.press('arrow{key}')"


def _table(dice: Random, ref: int) -> tuple[str, str]:
    rows = "".join(f"<tr><td>{word}</td><td>{dice.randint(1, 999)}</td></tr>" for word in dice.sample(WORDS, 2))
    return f'    <table id="tab" {_marks(dice, ref)}><tbody>{rows}</tbody></table>', ""


PARTS = (_button, _input, _checkbox, _select, _link, _shape, _slider, _table)
