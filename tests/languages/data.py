"""The data sets beside the project, where there are any."""

from pathlib import Path

import pytest


def shared(*path: str) -> Path:
    """A file of ../shared/data, or of shared/data further up; the test is skipped where it is missing."""
    for folder in Path(__file__).resolve().parents:
        if (file := folder.joinpath("shared/data", *path)).exists():
            return file
    pytest.skip(f"needs ../shared/data/{'/'.join(path)}")
