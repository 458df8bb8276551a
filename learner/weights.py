"""A model folder: what one must hold, how it is written, and the fingerprint that names its tensors."""

import json
import os
import shutil
import struct
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "spiece.model")
TOKENIZER_FILES = (*TOKENIZERS, "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "merges.txt")
CHAT = ("chat_template.jinja", "chat_template.json")
CHUNK = 1 << 24


def resolve(name: str) -> str:
    """The local folder of a model: the folder itself, or the hub's files for an id (downloaded when not at hand)."""
    if Path(name).is_dir():
        return name
    if Path(name).is_absolute() or name.startswith(".") or name.count("/") != 1:
        raise ValueError(f"base is {name!r}; it must be a model folder or a hub id (owner/name): correct the path")
    from huggingface_hub import snapshot_download

    patterns = ["*.safetensors", "*.json", "*.model", "*.txt", "*.jinja"]
    return str(snapshot_download(name, allow_patterns=patterns))


def check_folder(path: str | Path) -> None:
    """Raises a one-line ValueError unless the folder holds a causal LM, its weights, and a tokenizer with an EOS.

    Reads JSON only, no tensor, so it is done in milliseconds.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise ValueError(f"model folder {folder} does not exist; name a Hugging Face folder or a hub id")
    config = _json(folder / "config.json", "save the model with save_pretrained()")
    names = config.get("architectures") or []
    if not any("ForCausalLM" in name or "LMHead" in name for name in names):
        raise ValueError(f"{folder}/config.json has architectures {names}; a causal LM is needed (...ForCausalLM)")
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise ValueError(f"{folder} has no *.safetensors; a model folder holds weights: save_pretrained() them there")
    index = folder / "model.safetensors.index.json"
    if index.exists():
        absent = {*_json(index, "copy the folder again").get("weight_map", {}).values()} - {file.name for file in files}
        if absent:
            raise ValueError(f"{folder} lacks {min(absent)}, which its index names; copy the folder again")
    for file in files:
        _header(file)
    _check_tokenizer(folder)


def _check_tokenizer(folder: Path) -> None:
    if not any((folder / name).exists() for name in TOKENIZERS):
        raise ValueError(f"{folder} has no tokenizer ({TOKENIZERS[0]}); save the model's tokenizer in the same folder")
    eos = None
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        if (folder / name).exists():
            eos = eos or _json(folder / name, "save the tokenizer again").get("eos_token")
    eos = eos.get("content") if isinstance(eos, dict) else eos
    if not eos:
        raise ValueError(f"the tokenizer of {folder} has no eos_token; completions must end: set it and save it again")
    if (folder / TOKENIZERS[0]).exists():
        tokenizer = _json(folder / TOKENIZERS[0], "save the tokenizer again")
        added = {token.get("content") for token in tokenizer.get("added_tokens", [])}
        vocabulary = (tokenizer.get("model") or {}).get("vocab") or {}
        known = vocabulary if isinstance(vocabulary, dict) else {entry[0] for entry in vocabulary}
        if eos not in added and eos not in known:
            raise ValueError(f"the tokenizer of {folder} has eos_token {eos!r}, which is not in its vocabulary: add it")


def _json(path: Path, remedy: str) -> dict[str, Any]:
    if not path.exists():
        raise ValueError(f"{path.parent} has no {path.name}; a model folder must hold it: {remedy}")
    try:
        value = json.loads(path.read_text())
    except ValueError as error:
        raise ValueError(f"{path} is not JSON ({error}); {remedy}") from None
    if not isinstance(value, dict):
        raise ValueError(f"{path} holds a {type(value).__name__}; it must hold a JSON object: {remedy}")
    return value


def fingerprint(folder: str | Path) -> str:
    """SHA-256 (hex) over all tensors in the order of their names: name, dtype, shape, bytes. Needs no torch.

    However the tensors are spread over files, the same tensors have the same fingerprint.
    """
    tensors = sorted(
        (entry for file in Path(folder).glob("*.safetensors") for entry in _tensors(file)), key=lambda t: t[0]
    )
    if not tensors:
        raise ValueError(f"{folder} has no *.safetensors; there is nothing to take a fingerprint of")
    digest = sha256()
    for name, dtype, shape, file, start, end in tensors:
        digest.update(json.dumps([name, dtype, shape, end - start]).encode())
        with file.open("rb") as stream:
            stream.seek(start)
            while start < end:
                chunk = stream.read(min(CHUNK, end - start))
                if not chunk:
                    raise ValueError(f"{file} ends inside tensor {name}; copy the folder again")
                digest.update(chunk)
                start += len(chunk)
    return digest.hexdigest()


def _tensors(file: Path) -> Iterator[tuple[str, str, list[int], Path, int, int]]:
    header, base = _header(file)
    for name, entry in header.items():
        if name != "__metadata__":
            start, end = entry["data_offsets"]
            yield name, entry["dtype"], entry["shape"], file, base + start, base + end


def _header(file: Path) -> tuple[dict[str, Any], int]:
    """The JSON header of a safetensors file and where its tensors begin."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        prefix = stream.read(8)
        length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else size
        if length > size - 8:
            raise ValueError(f"{file} is cut short ({size} bytes); copy the folder again")
        try:
            return json.loads(stream.read(length)), 8 + length
        except ValueError:
            raise ValueError(f"{file} is not a safetensors file; save the weights again") from None


def write(model: Any, state: Mapping[str, Any], source: str, folder: str | Path) -> None:
    """Fills `folder` with an ordinary Hugging Face model: tensors, config, and `source`'s own tokenizer files.

    Of the source's generation config only the token ids stay: its lengths and temperatures would otherwise rule the
    sampler (a `max_new_tokens` there caps every answer).
    """
    from transformers import GenerationConfig

    held = model.generation_config
    ids = {name: getattr(held, name, None) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    model.generation_config = GenerationConfig(**ids)
    try:
        model.save_pretrained(folder, state_dict=dict(state))
    finally:
        model.generation_config = held
    for name in (*TOKENIZER_FILES, *CHAT):
        if (Path(source) / name).exists():
            shutil.copyfile(Path(source) / name, Path(folder) / name)


def publish(aside: str | Path, folder: str | Path) -> None:
    """Moves a finished folder to its name, all or nothing; what stood there before goes away. Survives a power cut."""
    aside, folder = Path(aside), Path(folder)
    for path in [*aside.rglob("*"), aside]:
        sync(path)
    if folder.exists():
        old = folder.with_name(f".{folder.name}.old-{os.getpid()}")
        folder.rename(old)
        aside.rename(folder)
        shutil.rmtree(old)
    else:
        aside.rename(folder)
    sync(folder.parent)


def sync(path: Path) -> None:
    """Waits until a file, or the names in a folder, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
