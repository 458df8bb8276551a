"""Sets of problems whose every record must be scorable."""

import json
from pathlib import Path
from typing import Any

import pytest

from envs.math.sources import SourceConfig
from envs.math.validation import Checked, validate

SHARED = Path(__file__).parents[3] / "shared" / "data"

GOOD: dict[str, Any] = {
    "gsm8k": {"question": "How many?", "answer": "2 * 540 = <<2*540=1080>>1080\n#### 1,080"},
    "math": {"problem": "Find it.", "solution": r"It is $\boxed{\left[\frac{1}{2}, \sqrt{3}\right)}$."},
    "gsm-hard": {"input": "How many?", "target": -1.0},
    "svamp": {"Body": "He has 3.", "Question": "How many?", "Answer": "145.0"},
    "asdiv": {"body": "Two and 7.", "question": "How many?", "answer": "9 (apples)"},
    "mawps": {"input": "How much ?", "target": 1234567.89},
    "mwp": {"question": "number0 and number1 ?", "numbers": [7.0, 2.5], "answer": 0.0},
    "file": {"question": "Which?", "answer": r"x^2 \pm 1"},
}


def checked(folder: Path, name: str, *records: Any) -> list[Checked]:
    path = folder / "set.jsonl"
    path.write_text("\n".join(record if isinstance(record, str) else json.dumps(record) for record in records))
    return list(validate(SourceConfig(name=name, path=path)))


@pytest.mark.parametrize("name", GOOD)
def test_a_set_of_each_kind_lists_its_bad_records_by_line_and_goes_on(name: str, tmp_path: Path) -> None:
    found = checked(tmp_path, name, GOOD[name], "{not json", {"question": "No answer?"}, GOOD[name])
    assert [record.place for record in found] == [f"{tmp_path}/set.jsonl line {number}" for number in (1, 2, 3, 4)]
    assert [bool(record.fault) for record in found] == [False, True, True, False]
    assert "no JSON" in found[1].fault
    assert all(record.fault.endswith("mend it or take it out") for record in found[1:3])


@pytest.mark.parametrize("source", [{"name": "stories", "count": 60}, {"name": "reasoning-gym", "count": 60}])
def test_generated_problems_can_all_be_scored(source: dict[str, Any]) -> None:
    found = list(validate(SourceConfig(**source)))
    assert len({record.place for record in found}) == 60
    assert [record for record in found if record.fault] == []


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        ("hello ((", "is not found the same as itself: write it otherwise or take it out"),
        ("5^{5^{5^{5^5}}}", "'6^{5^{5^{5^5}}}' is not rejected where the answer is '5^{5^{5^{5^5}}}': mend it"),
        (r"\text{east}", ""),
        ("4343_6", ""),
        (r"f(2) < f(1) < f(4)", ""),
    ],
)
def test_an_answer_that_cannot_be_compared_is_a_fault(answer: str, fault: str, tmp_path: Path) -> None:
    (found,) = checked(tmp_path, "file", {"question": "?", "answer": answer})
    assert fault in found.fault
    assert bool(found.fault) == bool(fault)


def test_what_loading_leaves_out_or_refuses_is_listed_too(tmp_path: Path) -> None:
    left_out, *_ = checked(tmp_path, "asdiv", {**GOOD["asdiv"], "answer": "Mary"})
    assert left_out.fault == "its answer is not one number: it is left out"
    _, twice = checked(tmp_path, "file", *[{"id": "a", "question": "?", "answer": 5}] * 2)
    assert twice.fault == "its id 'file-test-a' occurs twice: give it one of its own"


@pytest.mark.skipif(not (SHARED / "MANIFEST.json").exists(), reason="../shared/data is not here")
def test_every_record_of_the_shared_files_can_be_scored() -> None:
    for entry in json.loads((SHARED / "MANIFEST.json").read_text()):
        if entry["file"].startswith("math/") and not entry["file"].endswith("_equations.jsonl"):
            name = Path(entry["file"]).name.split("_")[0].removesuffix(".jsonl")
            found = list(validate(SourceConfig(name=name, path=SHARED / entry["file"])))
            assert len(found) == entry["records"]
            assert [record for record in found if record.fault] == []
