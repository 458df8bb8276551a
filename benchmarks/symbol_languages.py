"""For each symbol language: how much gold is read, how much verifies, and milliseconds of each, as a table and JSON.

    python benchmarks/symbol_languages.py [--every N] [--out FILE] [language ...]

Gold is of ../shared/data where it is there, else by lot. --every N takes each N-th text of the large files.
"""

import argparse
import json
import re
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from annotations import tasks
from machine import described, machine

from envs.languages.base import ExecutionError, Language, Malformed
from envs.languages.clevr_scenes import random_program, random_scene
from envs.languages.databases import spider_schema
from envs.languages.registry import LANGUAGES, language
from envs.logic.printing import READABLE
from envs.logic.refuting import entails
from envs.logic.solver import Z3
from envs.logic.statements import Rule, formula_of
from envs.logic.theories import ANSWERS, WORDS, draw

DATA = next(
    (found for folder in Path(__file__).resolve().parents if (found := folder / "shared/data").exists()), Path("none")
)
SYMBOLS, LOGIC = DATA / "symbols", DATA / "logic"
MADE = 300  # texts by lot
NAMES = ["alpha", "beta", "gamma", "delta", "omega", "sigma"]
THEORIES = 1_000


class Gold(NamedTuple):
    """A gold text, what it is checked against, and the definition of its language."""

    text: str
    given: Any = None
    definition: Any = None


Verify = Callable[[Any, Any, Any], bool]  # language, tree, what is given


class Row(NamedTuple):
    """Where the gold is from, the gold, and what it means that it verifies."""

    source: str
    gold: Callable[[int], Iterator[Gold]]
    means: str
    verify: Verify


def lines(*path: str) -> list[str]:
    return SYMBOLS.joinpath(*path).read_text(encoding="utf-8").splitlines()


def scan(every: int) -> Iterator[Gold]:
    for name in ("scan_simple_train.txt", "scan_simple_test.txt", "scan_length_test.txt"):
        for line in lines(name)[::every]:
            command, _, actions = line.removeprefix("IN: ").partition(" OUT: ")
            yield Gold(actions, command)


def cogs(every: int) -> Iterator[Gold]:
    yield from (Gold(form, form) for name in ("dev", "test") for form in _column(f"cogs_{name}.tsv", 1)[::every])


def _column(name: str, place: int) -> list[str]:
    return [line.split("\t")[place] for line in lines(name)]


def clevr(_: int) -> Iterator[Gold]:
    dice = Random(0)
    yield from (Gold(str(random_program(dice))) for _ in range(MADE))


def answers(one: Any, tree: Any, given: Any) -> bool:
    """Some scene of three hundred gives an answer."""
    dice = Random(1)
    for _ in range(300):
        try:
            one.execute(tree, random_scene(dice))
        except ExecutionError:
            continue
        return True
    return False


def gqa(_: int) -> Iterator[Gold]:
    """Questions about a cup on a table, whose answers are known."""
    dice, colors = Random(0), ["red", "green", "black", "white"]
    for _ in range(MADE):
        one, other = dice.sample(["cup", "table", "box", "lamp"], 2)
        first, second = dice.choice(colors), dice.choice(colors)
        graph = {
            "1": {"name": one, "attributes": [first], "relations": [{"name": "on", "object": "2"}]},
            "2": {"name": other, "attributes": [second], "relations": []},
        }
        for text, answer in (
            (f"query(relate(select({one}), object, on, _), color)", second),
            (f"same(select({one}), select({other}), color)", first == second),
            (f"exist(filter(select({one}), {second}))", first == second),
        ):
            yield Gold(text, ({"objects": graph}, answer))


def spider(every: int) -> Iterator[Gold]:
    schemas = {one["db_id"]: spider_schema(one) for one in json.loads((SYMBOLS / "spider_schemas.json").read_text())}
    records = [one for name in ("train", "dev") for one in json.loads((SYMBOLS / f"spider_{name}.json").read_text())]
    yield from (Gold(one["query"], None, schemas[one["db_id"]]) for one in records[::every])


def pddl(_: int) -> Iterator[Gold]:
    for domain in ("blocksworld", "grippers"):
        folder = SYMBOLS / "planning" / domain
        for file in sorted(folder.glob("p*.pddl")):
            yield Gold(file.read_text(), None, (folder / "domain.pddl").read_text())


def amr(every: int) -> Iterator[Gold]:
    blocks = (SYMBOLS / "amr_little_prince.txt").read_text(encoding="utf-8").split("\n\n")
    yield from (Gold(block) for block in [one for one in blocks if "::snt" in one][::every])


def mbpp(every: int) -> Iterator[Gold]:
    for line in lines("mbpp_python.jsonl")[::every]:
        record = json.loads(line)
        head = re.split(r"\"\"\"|'''", record["prompt"])[0].rstrip()
        yield Gold(f"{head}\n{record['canonical_solution']}", record)


def solutions(every: int) -> Iterator[Gold]:
    for task in tasks(DATA / "math/gsm8k_train.jsonl", 20_000)[1][::every]:
        yield Gold(task.program, task.answer)


def folio(every: int) -> Iterator[Gold]:
    records = [json.loads(line) for line in (LOGIC / "folio_train.jsonl").read_text().splitlines()]
    yield from (Gold(text) for text in dict.fromkeys(text for one in records for text in one["premises-FOL"]))


def chebi(every: int) -> Iterator[Gold]:
    return map(Gold, _column("chebi20_validation.txt", 1)[1:][::every])


def made(*shapes: str) -> Callable[[int], Iterator[Gold]]:
    """Texts by lot: `{}` in a shape stands for a word."""

    def texts(_: int) -> Iterator[Gold]:
        dice = Random(0)
        for number in range(MADE):
            shape = shapes[number % len(shapes)]
            yield Gold(shape.format(*dice.sample(NAMES, shape.count("{}"))))

    return texts


def itself(one: Any, tree: Any, given: Any) -> bool:
    """It is equal to what it prints, and says something."""
    return one.equal(tree, one.parse(one.print(tree))) and not one.fault(tree)


def plan_is_valid(one: Any, tree: Any, given: Any) -> bool:
    return not one.fault(tree) and one.solves(tree, tree)


ROWS: Mapping[str, Row] = {
    "scan": Row("SCAN", scan, "is what its command means", lambda one, x, command: one.meaning(command) == x),
    "cogs": Row("COGS dev, test", cogs, "prints as it stood", lambda one, x, text: one.print(x) == text),
    "clevr": Row("by lot", clevr, "has an answer in a scene", answers),
    "gqa": Row("by lot", gqa, "has the known answer", lambda one, x, given: one.execute(x, given[0]) == given[1]),
    "sql": Row("Spider train, dev", spider, "gives rows on random instances", lambda one, x, _: not one.fault(x)),
    "pddl": Row("LLM+P p01-p10 of two domains", pddl, "its plan is valid on it", plan_is_valid),
    "amr": Row("Little Prince", amr, "is isomorphic to what it prints", itself),
    "ontology": Row("by lot", made("{}({}, {})\n{}({}, x y)"), "equals what it prints", itself),
    "top": Row("by lot", made("[IN:{} {} [SL:{} {} ] [SL:{} [IN:{} x ] ] ]"), "equals what it prints", itself),
    "nlmaps": Row(
        "NLmaps train", lambda every: map(Gold, lines("nlmaps_train.mrl")[::every]), "equals what it prints", itself
    ),
    "sexpr": Row("by lot", made("(AND {} (JOIN {} (JOIN (R {}) m.0a)))"), "equals what it prints", itself),
    "sparql": Row(
        "by lot",
        made("PREFIX ns: <http://x/> SELECT DISTINCT ?{} WHERE {{ ?x ns:{} ?y . ?y ns:{} ?z FILTER(?z > 3) }}"),
        "equals what it prints",
        itself,
    ),
    "bash": Row("NL2Bash", lambda every: map(Gold, lines("nl2bash.cm")[::every]), "equals what it prints", itself),
    "regex": Row(
        "NL-RX-Turk",
        lambda every: map(Gold, lines("nl_rx_turk_targ.txt")[::every]),
        "its double complement matches the same",
        lambda one, x, _: one.equal(x, one.parse(f"~(~({one.print(x)}))")),
    ),
    "python": Row("MBPP", mbpp, "passes its tests", lambda one, x, tests: one.execute(x, tests)),
    "solution": Row(
        "GSM8K's notes",
        solutions,
        "gives the gold answer",
        lambda one, x, answer: abs(one.execute(x) - answer) <= 1e-4 * max(1, abs(answer)),
    ),
    "java": Row("by lot", made("int f(int {}) {{ int {} = g({}); return {}.h(1); }}"), "equals what it prints", itself),
    "go": Row(
        "by lot", made("func f({} int) int {{\n{} := g({})\nreturn {}.h(1)\n}}"), "equals what it prints", itself
    ),
    "fol": Row("FOLIO train premises", folio, "z3: entails what it prints, and back", itself),
    "geometry": Row(
        "by lot",
        made("Equals(LengthOf(Line(A, B)), {})\nPerpendicular(Line(A, B), Line(B, C))\nFind({})"),
        "equals what it prints",
        itself,
    ),
    "smiles": Row("ChEBI-20 validation", chebi, "is one molecule with what it prints", itself),
}


def measured(name: str, row: Row, every: int) -> dict[str, Any]:
    """One row of the table."""
    known: dict[str, Language[Any]] = {}
    read, verified, total, parse_ms, check_ms = 0, 0, 0, [], []
    for gold in row.gold(every):
        key = json.dumps(gold.definition)
        one = known.get(key) or known.setdefault(key, language(name, gold.definition))
        total += 1
        begun = time.perf_counter()
        try:
            tree = one.parse(gold.text)
        except Malformed:
            continue
        finally:
            parse_ms.append(1_000 * (time.perf_counter() - begun))
        read += 1
        begun = time.perf_counter()
        with suppress(ExecutionError):
            verified += bool(row.verify(one, tree, gold.given))
        check_ms.append(1_000 * (time.perf_counter() - begun))
    for one in known.values():
        one.close()
    p50 = {"parse_ms": round(statistics.median(parse_ms), 2), "check_ms": round(statistics.median(check_ms), 2)}
    counts = {"texts": total, "read": round(read / total, 4), "verified": round(verified / total, 4)}
    return {"language": name, "source": row.source, **counts, **p50, "verified_means": row.means}


def premise_sets() -> dict[str, Any]:
    """The share of FOLIO's premise sets that are read whole."""
    one = language("fol")
    records = [json.loads(line) for line in (LOGIC / "folio_train.jsonl").read_text().splitlines()]

    def is_read(text: str) -> bool:
        try:
            return one.parse(text) is not None
        except Malformed:
            return False

    known = {text: is_read(text) for text in {text for record in records for text in record["premises-FOL"]}}
    read = sum(all(known[text] for text in record["premises-FOL"]) for record in records)
    return {"premise_sets": len(records), "read": round(read / len(records), 4)}


def theories(count: int) -> dict[str, Any]:
    """First-order theories by lot, read and decided by z3: how many get the label they were made with."""
    dice, one, prover, right, ms = Random(0), language("fol"), Z3(), 0, []
    for number in range(count):
        rules, query = draw(WORDS["train"], number % 6, ANSWERS[number % 3], True, dice)
        texts = [READABLE.write(formula_of(rule)) for rule in (*rules, Rule((), (query,)))]
        begun = time.perf_counter()
        *premises, goal = map(one.parse, texts)
        right += entails(prover, premises, goal).answer == ANSWERS[number % 3]
        ms.append(1_000 * (time.perf_counter() - begun))
    prover.close()
    return {"theories": count, "decided_right": right, "check_ms": round(statistics.median(ms), 2)}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("languages", nargs="*", help="which; all of them otherwise, and FOLIO and theories too")
    options.add_argument("--every", type=int, default=1, help="each N-th text of the large files")
    options.add_argument("--out", type=Path, default=Path("build/languages.json"), help="where the results go")
    given = options.parse_args()
    found = machine()
    print(described(found), f"every {given.every}", flush=True)
    print("| language | gold | texts | read | verified | ms to read | ms to verify | verified means |\n|" + "--|" * 8)
    results: list[dict[str, Any]] = []
    for name in given.languages or LANGUAGES:
        try:
            result = measured(name, ROWS[name], given.every)
        except FileNotFoundError as missing:
            print(f"| {name} | needs {missing.filename} |", flush=True)
            continue
        results.append(result)
        cells = [f"{value:.1%}" if key in ("read", "verified") else str(value) for key, value in result.items()]
        print(f"| {' | '.join(cells)} |", flush=True)
    if not given.languages:
        for more in (premise_sets, lambda: theories(THEORIES)):
            results.append(more())
            print(json.dumps(results[-1]), flush=True)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps({**found, "every": given.every, "results": results}, indent=1))


if __name__ == "__main__":
    main()
