"""First-order premises of FOLIO: how many are well formed, and that each distinct theory is decided."""

import json
from pathlib import Path

import pytest

from envs.logic.formulas import read_formula
from envs.logic.grammar import FormulaError
from envs.logic.refuting import entails
from envs.logic.solver import Z3
from envs.logic.syntax import symbols

FOLIO = Path(__file__).parents[3] / "shared/data/logic/folio_train.jsonl"


@pytest.mark.parametrize("count", [40, pytest.param(1_000, marks=pytest.mark.slow)])
def test_premises_are_read_and_decided(count: int) -> None:
    if not FOLIO.is_file():
        pytest.skip(f"{FOLIO} is not at hand")
    stories = dict.fromkeys(tuple(json.loads(line)["premises-FOL"]) for line in FOLIO.read_text().splitlines())
    malformed, theories = set(), []
    for story in stories:
        try:
            theories.append([read_formula(text).formula for text in story])
        except FormulaError:
            malformed.add(story)
    assert len(malformed) <= 20
    prover = Z3()
    try:
        for formulas in theories[:count]:
            if all(len(arities) == 1 for uses in symbols(*formulas) for arities in uses.values()):
                assert entails(prover, formulas[:-1], formulas[-1]).answer != "TimedOut"
    finally:
        prover.close()
