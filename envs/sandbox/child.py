"""A child of the zygote: confines itself, runs one program and writes its answer as JSON.

Covered, for each program: its own session; limits on memory, processor time, open files, file size and (where the user
is not root) processes; no new privileges; no inherited file descriptor but the one for its result; a clean environment;
a deadline; death by pidfd and process group, and of orphans that left the group; nothing outlives the zygote, and the
zygote does not outlive who started it.
Not covered yet: reading, truncating and deleting files, the network, signals to processes of the same user, and, for
root, forking. A program that forks, leaves its session and kills the zygote can leave a process behind. All of these
belong in `confine`.
"""

import ctypes
import io
import json
import math
import operator
import os
import random
import re
import resource
import signal
import sys
import types
from typing import Any, NoReturn

PROGRAM = "<program>"
RESULT = 3  # the child's only open descriptor beyond 0, 1 and 2
CONFINED = b"+"  # first byte of a result, sent before any line of the program has run: it cannot be forged
EXIT_MEMORY = 112  # the child had no memory left to say so
DEEPEST = 20
PDEATHSIG, SUBREAPER, NO_NEW_PRIVS = 1, 36, 38

libc = ctypes.CDLL(None, use_errno=True)


class TooLongError(Exception):
    """The answer does not fit the limit on output."""


def prctl(option: int, value: int) -> None:
    if libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option}, {value})")


def die_with(parent: int) -> None:
    prctl(PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the request was in force
        os._exit(1)


def confine(limits: dict[str, Any], used: int, result: int, zygote: int) -> None:
    """Take from this process all that a program does not need. The one place for every layer of isolation.

    `used` is the address space in bytes that the zygote itself takes. Any exception means: do not run the program.
    """
    os.setsid()
    die_with(zygote)
    null = os.open("/dev/null", os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    if result != RESULT:
        os.dup2(result, RESULT)
    os.closerange(RESULT + 1, 1 << 20)
    for kind, most in (
        (resource.RLIMIT_AS, used + (limits["memory_mib"] << 20)),
        (resource.RLIMIT_CPU, limits["cpu_seconds"]),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
    ):
        resource.setrlimit(kind, (most, most))
    prctl(NO_NEW_PRIVS, 1)


class Printed(io.StringIO):
    """Keeps the first `most` characters that are printed and drops the rest."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.left = most

    def write(self, text: str) -> int:
        super().write(text[: self.left])
        self.left = max(0, self.left - len(text))
        return len(text)


def plain(value: Any, most: int, depth: int = 0) -> Any:
    """The JSON form of an answer; what JSON does not know becomes its text and the name of its type."""
    if depth > DEEPEST:
        raise TooLongError(f"the answer is nested deeper than {DEEPEST} levels")
    if value is None or type(value) in (bool, str):
        return value
    if isinstance(value, int):
        if value.bit_length() > 3 * most:
            raise TooLongError(f"the answer is a number of about {int(value.bit_length() * math.log10(2)) + 1} digits")
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    if isinstance(value, (list, tuple)):
        return [plain(item, most, depth + 1) for item in value]
    if isinstance(value, dict) and all(type(key) is str for key in value):
        return {key: plain(item, most, depth + 1) for key, item in value.items()}
    if hasattr(value, "tolist"):  # numpy arrays and scalars, sympy matrices
        return plain(value.tolist(), most, depth + 1)
    if hasattr(type(value), "__index__"):  # sympy.Integer
        return plain(operator.index(value), most, depth + 1)
    # Addresses differ from run to run; the same program must give the same answer.
    return {"repr": re.sub(r" at 0x[0-9a-f]+", "", str(value)), "type": type(value).__name__}


def describe(error: BaseException) -> str:
    """One line: the error's type, its message and the last line of the program that took part."""
    line = getattr(error, "lineno", None) if isinstance(error, SyntaxError) else None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == PROGRAM:
            line = trace.tb_lineno
        trace = trace.tb_next
    try:
        message = error.msg if isinstance(error, SyntaxError) else str(error)
    except BaseException:
        message = "its message cannot be shown"
    text = f"{type(error).__name__}: {' '.join(message[:1000].split())[:300]}".rstrip(": ")
    return text if line is None else f"{text} (line {line})"


def execute(job: dict[str, Any]) -> dict[str, Any]:
    """Run the program of one job in a fresh module and call its function."""
    most = job["limits"]["output_chars"]
    sys.stdin, printed = io.StringIO(), Printed(most)
    sys.stdout = sys.stderr = printed
    random.seed(0)
    module = types.ModuleType("program")
    sys.modules["program"] = sys.modules["__main__"] = module
    answer: dict[str, Any] = {"status": "ok", "value": None, "error": ""}
    try:
        exec(compile(job["program"], PROGRAM, "exec", dont_inherit=True), vars(module))
        if job["call"] is not None:
            answer["value"] = plain(call(module, job["call"], job["args"]), most)
            if len(json.dumps(answer["value"])) > most:
                raise TooLongError(f"the answer is longer than {most} characters")
    except TooLongError as error:
        answer = {"status": "output", "value": None, "error": str(error)}
    except MemoryError:
        answer = {
            "status": "memory",
            "value": None,
            "error": "MemoryError: the program needs more memory than it may use",
        }
    except BaseException as error:
        answer = {"status": "error", "value": None, "error": describe(error)}
    return {**answer, "stdout": printed.getvalue()}


def call(module: types.ModuleType, name: str, args: Any) -> Any:
    function = vars(module).get(name)
    if not callable(function):
        raise NameError(f"the program defines no function {name}()")
    return function(**args) if isinstance(args, dict) else function(*args)


def play(job: dict[str, Any], used: int, result: int, zygote: int) -> NoReturn:
    """The whole life of a child; never returns to the zygote's loop."""
    code = 1
    try:
        try:
            confine(job["limits"], used, result, zygote)
        except BaseException as error:
            os.write(result, f" {error!r}".encode())
            os._exit(1)
        os.write(RESULT, CONFINED)
        text = json.dumps(execute(job), ensure_ascii=False).encode("utf-8", "replace")
        while text:
            text = text[os.write(RESULT, text) :]
        code = 0
    except MemoryError:
        code = EXIT_MEMORY
    finally:
        os._exit(code)
