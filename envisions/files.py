"""Files that matter: written aside, synced, renamed; so a reader sees the old one or the new one, never half of one."""

import os
from pathlib import Path


def write_aside(path: Path, text: str) -> None:
    """Put `text` in `path`, whole or not at all; makes the folder where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}.new")
    with aside.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    aside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
