"""The files of a source from where the manifest says they lie: one revision on GitHub, known by their checksums."""

import hashlib
import os
import urllib.error
import urllib.request
from pathlib import Path

from envs.symbols.manifest import Source

PLACE = "https://raw.githubusercontent.com"
SECONDS, LARGEST = 60, 2**30  # of one answer of the server, and bytes of one file


def fetch(source: Source, folder: Path) -> str:
    """Put the missing files of a source into the folder; says what is wrong, in one line, or nothing."""
    if len(source.paths) != len(source.files) or len(source.sha256) != len(source.files):
        return "the manifest knows no checksum to download it by"
    for name, path, known in zip(source.files, source.paths, source.sha256, strict=True):
        if (folder / name).exists():
            continue
        address = f"{PLACE}/{source.repository}/{source.revision}/{path}"
        try:
            with urllib.request.urlopen(address, timeout=SECONDS) as answer:
                read = answer.read(LARGEST)
        except (OSError, ValueError, urllib.error.URLError) as fault:
            return f"{address} cannot be read ({fault})"
        if hashlib.sha256(read).hexdigest() != known:
            return f"{address} has another checksum than the manifest knows"
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        aside = (folder / name).with_name(f".{Path(name).name}.{os.getpid()}.new")
        with aside.open("wb") as stream:
            stream.write(read)
            stream.flush()
            os.fsync(stream.fileno())
        aside.replace(folder / name)
    return ""
