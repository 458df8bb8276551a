"""The model a run starts from, as its weights of version 0."""

import shutil
from pathlib import Path

from envisions.records import Weights
from learner import canary, weights

LINKED_BYTES = 2**28  # files above this size are linked: the run folder should not double a large model


def adopt(model: str, folder: Path) -> Weights:
    """Version 0 in `folder`: the files of a model folder or hub id (large ones linked), and the canaries it may lack.

    Raises a one-line ValueError when the model cannot serve (no weights, no tokenizer, no end of text), or when
    `folder` already holds another one.
    """
    source = Path(weights.resolve(model)).absolute()
    weights.check_folder(source)
    if not folder.is_dir():
        aside = folder.with_name(f".{folder.name}.new")
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        for file in filter(Path.is_file, source.iterdir()):
            if file.stat().st_size > LINKED_BYTES:
                (aside / file.name).symlink_to(file.resolve())
            else:
                shutil.copy(file, aside / file.name)
        if not (aside / canary.FILE).exists():
            canary.write(aside, canary.measure(aside))
        weights.publish(aside, folder)
    fingerprint = weights.fingerprint(folder)
    if fingerprint != weights.fingerprint(source):
        raise ValueError(f"{folder} holds another model than {source}; give this run another run.name")
    return Weights(version=0, path=str(folder), fingerprint=fingerprint)
