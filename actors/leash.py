"""The engine's processes end when the generator's does, even when that one is killed and can tell nobody.

vLLM's processes do not notice that their owner is gone: they would keep their memory for ever.
"""

import os
import select
import signal
from threading import Thread
from typing import Any


class Leash:
    """Holds every process it is sent to: there, unpickling it is what starts the watch.

    Travels in vLLM's `additional_config`, the one thing of ours that reaches each engine process at its very start,
    before any weight is loaded: a start that is cut off leaves nothing either.
    """

    def __init__(self) -> None:
        self.owner = os.getpid()

    def __reduce__(self) -> Any:
        return _hold, (self.owner,)

    def compute_hash(self) -> str:
        """vLLM asks whether a setting changes its compiled graphs; this one does not."""
        return "leash"


def _hold(owner: int) -> Leash:
    if os.getpid() != owner:
        Thread(target=_end_with, args=(owner,), daemon=True, name="leash").start()
    leash = Leash()
    leash.owner = owner
    return leash


def _end_with(owner: int) -> None:
    # A descriptor, not PR_SET_PDEATHSIG: that fires when the *thread* that started the engine ends.
    try:
        alive = select.poll()
        alive.register(os.pidfd_open(owner), select.POLLIN)
        alive.poll()
    except ProcessLookupError:
        pass
    os.kill(os.getpid(), signal.SIGKILL)
