import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from envs.math import formats, gym
from envs.math.sources import LOADERS, SourceConfig, load
from envs.rows import SourceError

SHARED = Path(__file__).parents[3] / "shared" / "data"

RECORDS = {
    "gsm8k": ({"question": "How many?", "answer": "2 * 540 = <<2*540=1080>>1080\n#### 1,080"}, "1080"),
    "math": (
        {"problem": "Find $x$.", "solution": r"First \boxed{1}, then $\boxed{\frac{3}{\sqrt{2}}}$."},
        r"\frac{3}{\sqrt{2}}",
    ),
    "gsm-hard": ({"input": "How many?", "code": "def solution(): ...", "target": 64240.0}, "64240"),
    "svamp": ({"ID": "chal-1", "Body": "He has 3.", "Question": "How many?", "Answer": "145.0"}, "145"),
    "asdiv": ({"body": "Two and 7.", "question": "How many?", "answer": "9 (apples)"}, "9"),
    "mawps": ({"input": "How much ?", "target": 9.43}, "9.43"),
    "mwp": ({"id": 7, "question": "number0 and number1 ?", "numbers": [7.0, 2.5], "answer": 9.5}, "9.5"),
    "file": ({"id": "a", "question": "Which?", "answer": "(1, 2]"}, "(1, 2]"),
}


def written(path: Path, *records: object) -> Path:
    path.write_text("\n".join(r if isinstance(r, str) else json.dumps(r) for r in records))
    return path


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_of_each_data_set_becomes_a_problem(name: str, tmp_path: Path) -> None:
    record, answer = RECORDS[name]
    (problem,) = load(SourceConfig(name=name, path=written(tmp_path / "set.jsonl", record)), "train")
    assert problem.answer == answer
    assert (problem.world, problem.split) == ("math", "train")
    assert problem.id == f"{name}-train-{record.get('id', 0)}"


def test_every_data_set_has_a_record_in_these_tests() -> None:
    assert set(RECORDS) | {"stories", "reasoning-gym"} == set(LOADERS)


def test_slots_become_inputs_and_whole_numbers_become_integers(tmp_path: Path) -> None:
    path = written(tmp_path / "mwp.jsonl", RECORDS["mwp"][0])
    (problem,) = load(SourceConfig(name="mwp", path=path), "dev")
    assert problem.question == "number0 and number1 ?"
    assert problem.setup == {"inputs": {"number0": 7, "number1": 2.5}}
    assert isinstance(problem.setup["inputs"]["number0"], int)


def test_a_json_list_reads_like_json_lines(tmp_path: Path) -> None:
    (tmp_path / "svamp.json").write_text(json.dumps([RECORDS["svamp"][0]] * 2, indent=1))
    assert len(load(SourceConfig(name="svamp", path=tmp_path / "svamp.json"), "test")) == 2


def test_count_and_skip_cut_a_set(tmp_path: Path) -> None:
    path = written(tmp_path / "set.jsonl", *({"id": n, "question": "?", "answer": n} for n in range(9)))
    problems = load(SourceConfig(name="file", path=path, skip=2, count=3), "train")
    assert [problem.answer for problem in problems] == ["2", "3", "4"]
    with pytest.raises(SourceError, match=r"holds 7 problems after the first 2; 8 are asked for: lower count"):
        load(SourceConfig(name="file", path=path, skip=2, count=8), "train")


def test_a_path_is_taken_from_the_folder_of_the_run_file(tmp_path: Path) -> None:
    source = SourceConfig.model_validate({"name": "file", "path": "a.jsonl"}, context={"folder": tmp_path})
    assert source.path == tmp_path / "a.jsonl"
    assert SourceConfig(name="file", path=Path("a.jsonl")).path == Path("a.jsonl")


@pytest.mark.parametrize(
    ("name", "bad", "said"),
    [
        ("gsm8k", '{"question": "a", ', "no JSON"),
        ("gsm8k", {"question": "How many?"}, "field answer is missing"),
        ("gsm8k", {"question": "How many?", "answer": "seven"}, "answer has no '####'"),
        ("math", {"problem": "Find it.", "solution": r"It is \boxed{\frac{1}{2}."}, "balanced braces"),
        ("gsm-hard", {"input": "How many?", "target": "many"}, "target is 'many'; it must be a finite number"),
        ("svamp", {"Body": "He has 3.", "Question": " ", "Answer": 3}, "Question is ' '; it must be text"),
        ("mawps", {"input": "How many?", "target": float("nan")}, "finite number"),
        ("mawps", [1, 2], "a list stands where a JSON object must stand"),
        ("mwp", {"question": "number0 and number2 ?", "numbers": [1, 2], "answer": 3}, "names number2"),
        ("mwp", {"question": "number0 ?", "numbers": [True], "answer": 3}, "each must be a finite number"),
        ("file", {"question": "Which?", "answer": ""}, "answer is ''; it must be text"),
    ],
)
def test_a_malformed_record_is_named_with_file_line_rule_and_remedy(
    name: str, bad: object, said: str, tmp_path: Path
) -> None:
    path = written(tmp_path / "set.jsonl", RECORDS[name][0], bad)
    with pytest.raises(SourceError) as caught:
        load(SourceConfig(name=name, path=path), "train")
    message = str(caught.value)
    assert message.startswith(f"{path} line 2: ")
    assert said in message
    assert "mend it or take it out" in message
    assert "\n" not in message


def test_a_missing_or_empty_file_is_one_line_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"none\.jsonl does not exist; correct the path, or set hub = true"):
        load(SourceConfig(name="gsm8k", path=tmp_path / "none.jsonl"), "train")
    (tmp_path / "empty.jsonl").write_text("\n")
    with pytest.raises(SourceError, match="holds 0 problems"):
        load(SourceConfig(name="gsm8k", path=tmp_path / "empty.jsonl"), "train")


def test_an_id_that_occurs_twice_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "set.jsonl", RECORDS["file"][0], RECORDS["file"][0])
    with pytest.raises(SourceError, match="id 'file-train-a' occurs twice"):
        load(SourceConfig(name="file", path=path), "train")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": "gsm9k", "hub": True}, "no source of problems; it must be one of stories"),
        ({"name": "gsm8k"}, "neither path nor hub is given"),
        ({"name": "gsm8k", "path": "a.jsonl", "hub": True}, "both path and hub are given"),
        ({"name": "mwp", "hub": True}, "mwp has no usual repository"),
        ({"name": "stories"}, "count is 0; stories are generated"),
        ({"name": "stories", "count": 5, "path": "a"}, "leave out path and hub"),
        ({"name": "reasoning-gym", "count": 5, "tasks": ["time_intervals"]}, "no task to be checked by number"),
        ({"name": "gsm8k", "hub": True, "cuont": 3}, "Extra inputs"),
    ],
)
def test_a_wrong_configuration_says_what_to_do(given: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        SourceConfig.model_validate(given)


def repository(folder: Path, config: str, **parts: list[object]) -> Path:
    """A local folder laid out like a data set on the hub."""
    (folder / config).mkdir(parents=True)
    files = [f"  - split: {part}\n    path: {config}/{part}.jsonl\n" for part in parts]
    (folder / "README.md").write_text(f"---\nconfigs:\n- config_name: {config}\n  data_files:\n{''.join(files)}---\n")
    for part, records in parts.items():
        written(folder / config / f"{part}.jsonl", *records)
    return folder


@pytest.fixture
def no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)


@pytest.mark.usefixtures("no_network")
def test_a_hub_folder_reads_by_configuration_and_split(tmp_path: Path) -> None:
    record = RECORDS["gsm8k"][0]
    hub = str(repository(tmp_path / "gsm8k", "main", train=[record] * 3, test=[record]))
    assert len(load(SourceConfig(name="gsm8k", hub=hub), "train")) == 3
    (problem,) = load(SourceConfig(name="gsm8k", hub=hub), "held-out")
    assert (problem.id, problem.answer, problem.split) == ("gsm8k-held-out-0", "1080", "held-out")


@pytest.mark.usefixtures("no_network")
def test_the_svamp_test_set_is_all_of_it_as_in_the_paper(tmp_path: Path) -> None:
    record = RECORDS["svamp"][0]
    hub = str(repository(tmp_path / "svamp", "default", train=[record] * 7, test=[record] * 3))
    assert len(load(SourceConfig(name="svamp", hub=hub), "test")) == 10
    assert len(load(SourceConfig(name="svamp", hub=hub), "train")) == 7


@pytest.mark.usefixtures("no_network")
def test_a_record_and_a_repository_that_fail_on_the_hub_are_named(tmp_path: Path) -> None:
    hub = str(repository(tmp_path / "gsm8k", "main", train=[{"question": "How many?", "answer": "7"}]))
    with pytest.raises(SourceError, match=r"gsm8k \(main, train\) record 1: answer has no '####'"):
        load(SourceConfig(name="gsm8k", hub=hub), "train")
    with pytest.raises(SourceError, match=r"nowhere \(main, test\) cannot be read: .*; check name and network"):
        load(SourceConfig(name="gsm8k", hub=str(tmp_path / "nowhere")), "test")


def test_an_asdiv_answer_that_is_no_single_number_is_left_out(tmp_path: Path) -> None:
    records = [{"body": "b", "question": "q", "answer": answer} for answer in ("9 (apples)", "Mary", "3:2", "1; 2")]
    problems = load(SourceConfig(name="asdiv", path=written(tmp_path / "a.jsonl", *records)), "test")
    assert [problem.answer for problem in problems] == ["9"]


@given(
    st.recursive(st.sampled_from(["x", r"\frac", " ", r"\{", "1"]), lambda inner: inner.map("{{{}}}".format)),
    st.text("ab $."),
)
def test_a_balanced_box_is_found_whatever_stands_around_it(content: str, around: str) -> None:
    solution = rf"{around} \boxed{{0}} {around} \boxed{{{content}}}{around}"
    assert formats.boxed(solution) == content.strip()


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("so $\\boxed{\\frac{1}{2}}$.", "\\frac{1}{2}"),
        ("\\boxed{1} no, \\boxed{2}", "2"),
        ("\\boxed 7$", "7"),
        ("\\fbox{3}", "3"),
        ("none", ""),
        ("\\boxed{1", ""),
    ],
)
def test_the_last_box_holds_the_answer(text: str, answer: str) -> None:
    assert formats.boxed(text) == answer


@given(st.text("{}\\boxed 1", max_size=40))
def test_any_text_can_be_searched_for_a_box(solution: str) -> None:
    assert isinstance(formats.boxed(solution), str)


def test_stories_are_generated_with_ids_of_their_own_and_the_name_of_their_set() -> None:
    source = SourceConfig(name="stories", count=20, seed=3)
    problems = load(source, "unseen")
    assert problems == load(source, "unseen")
    assert len({problem.id for problem in problems}) == 20
    assert {problem.split for problem in problems} == {"unseen"}
    assert load(SourceConfig(name="stories", count=5, skip=2, seed=3), "unseen") == problems[2:7]


def test_reasoning_gym_gives_numbers_and_expressions_of_every_task() -> None:
    count = 3 * len(gym.TASKS)
    problems = load(SourceConfig(name="reasoning-gym", count=count, seed=5), "train")
    assert problems == load(SourceConfig(name="reasoning-gym", count=count, seed=5), "train")
    assert all("$" not in problem.answer and any(map(str.isdigit, problem.answer)) for problem in problems)
    tests = load(SourceConfig(name="reasoning-gym", count=count, seed=5), "test")
    assert sum(one.question == other.question for one, other in zip(problems, tests, strict=True)) < count / 5
    only = load(SourceConfig(name="reasoning-gym", count=4, tasks=("gcd",)), "train")
    assert [problem.id for problem in only] == [f"reasoning-gym-train-gcd-{n}" for n in range(4)]


@pytest.mark.skipif(not (SHARED / "MANIFEST.json").exists(), reason="the shared data files are not at hand")
def test_the_shared_files_load_with_the_counts_of_their_manifest() -> None:
    manifest = json.loads((SHARED / "MANIFEST.json").read_text())
    entries = [e for e in manifest if e["file"].startswith("math/") and not e["file"].endswith("_equations.jsonl")]
    assert len(entries) > 10
    for entry in entries:
        name = Path(entry["file"]).name.split("_")[0].removesuffix(".jsonl")
        problems = load(SourceConfig(name=name, path=SHARED / entry["file"]), "train")
        assert len(problems) == entry["records"], entry["file"]
