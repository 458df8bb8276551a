"""The child of the checker, with one language more: its checks never end."""

import time
from collections.abc import Mapping
from typing import Any

from envs.symbols import meaning


def answered(job: Mapping[str, Any]) -> meaning.Verdict:
    if job["language"] == "hangs":
        time.sleep(3600)
    return known(job)


known, meaning.answered = meaning.answered, answered

if __name__ == "__main__":
    meaning.main()
