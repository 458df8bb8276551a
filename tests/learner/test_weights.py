import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from builders import tiny_model

from learner import canary
from learner.weights import check_folder, fingerprint, publish, resolve


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "copy"))


def test_a_whole_folder_passes(folder: Path) -> None:
    check_folder(folder)


def drop(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def change(name: str, **fields: object) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        (folder / name).write_text(json.dumps({**json.loads((folder / name).read_text()), **fields}))

    return edit


def cut(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:100])


def shred(folder: Path) -> None:
    (folder / "config.json").write_text("{")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (drop("model.safetensors"), r"has no \*\.safetensors; a model folder holds weights: save_pretrained\(\) them"),
        (drop("config.json"), r"has no config\.json; a model folder must hold it: save the model with save_pretrained"),
        (
            drop("tokenizer.json"),
            r"has no tokenizer \(tokenizer\.json\); save the model's tokenizer in the same folder",
        ),
        (change("tokenizer_config.json", eos_token=None), "has no eos_token; completions must end: set it"),
        (
            change("tokenizer_config.json", eos_token="<|end|>"),
            r"eos_token '<\|end\|>', which is not in its vocabulary",
        ),
        (change("config.json", architectures=["BertModel"]), r"\['BertModel'\]; a causal LM is needed"),
        (cut, r"model\.safetensors is cut short \(100 bytes\); copy the folder again"),
        (shred, r"config\.json is not JSON .* save the model with save_pretrained"),
        (shutil.rmtree, "does not exist; name a Hugging Face folder or a hub id"),
    ],
)
def test_a_bad_folder_gets_one_line_that_says_what_to_do(
    folder: Path, damage: Callable[[Path], None], message: str
) -> None:
    damage(folder)
    with pytest.raises(ValueError, match=message) as error:
        check_folder(folder)
    assert str(folder) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_shard_is_named(folder: Path) -> None:
    index = {"weight_map": {"a": "model.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ValueError, match=r"lacks model-00002-of-00002\.safetensors, which its index names"):
        check_folder(folder)


def test_one_bit_of_one_tensor_changes_the_fingerprint(folder: Path) -> None:
    before = fingerprint(folder)
    assert before == fingerprint(folder)
    file = folder / "model.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    assert fingerprint(folder) != before


def test_the_fingerprint_does_not_depend_on_how_tensors_are_spread_over_files(folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    names = sorted(tensors)
    spread = tmp_path / "spread"
    spread.mkdir()
    save_file({name: tensors[name] for name in names[::2]}, spread / "a.safetensors")
    save_file({name: tensors[name] for name in names[1::2]}, spread / "b.safetensors")
    assert fingerprint(spread) == fingerprint(folder)
    save_file({name + "x": tensors[name] for name in names[1::2]}, spread / "b.safetensors")
    assert fingerprint(spread) != fingerprint(folder)


def test_a_canary_sees_one_wrong_tensor(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    canary.write(folder, canary.measure(folder))
    stored = canary.read(folder)
    again = canary.measure(folder)
    assert canary.difference(stored, [c.logprobs for c in again]) < 1e-6
    tensors = load_file(folder / "model.safetensors")
    tensors["model.layers.1.mlp.up_proj.weight"].mul_(1.01)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    assert canary.difference(stored, [c.logprobs for c in canary.measure(folder)]) > 1e-4
    assert canary.difference(stored, [c.logprobs[:-1] for c in again]) == float("inf")
    assert canary.difference(stored, [[float("nan")] * len(c.logprobs) for c in again]) == float("inf")


def test_a_published_folder_replaces_the_old_one_whole(tmp_path: Path) -> None:
    for text in ("old", "new"):
        aside = tmp_path / ".aside"
        aside.mkdir()
        (aside / text).write_text(text)
        publish(aside, tmp_path / "folder")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["new"]


def test_a_wrong_path_is_not_taken_for_a_hub_id() -> None:
    with pytest.raises(ValueError, match=r"base is '\./nowhere'; it must be a model folder or a hub id"):
        resolve("./nowhere")
