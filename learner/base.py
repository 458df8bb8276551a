"""The model a run starts from, as its weights of version 0."""

import shutil
from pathlib import Path

from envisions.records import Weights
from learner import canary, weights


def adopt(model: str, folder: Path) -> Weights:
    """Version 0 in `folder`: links to the files of a model folder or hub id, and the canaries it may lack.

    Raises a one-line ValueError when the model cannot serve (no weights, no tokenizer, no end of text).
    """
    if not folder.is_dir():
        source = Path(weights.resolve(model)).absolute()
        weights.check_folder(source)
        aside = folder.with_name(f".{folder.name}.new")
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        for file in source.iterdir():
            if file.is_file():
                (aside / file.name).symlink_to(file.resolve())
        if not (aside / canary.FILE).exists():
            canary.write(aside, canary.measure(aside))
        weights.publish(aside, folder)
    weights.check_folder(folder)
    return Weights(version=0, path=str(folder), fingerprint=weights.fingerprint(folder))
