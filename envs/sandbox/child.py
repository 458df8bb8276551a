"""A child of the zygote: confines itself, runs one program and writes its answer as JSON.

What it is kept from is said in `envs.sandbox.layers`.
"""

import io
import json
import math
import operator
import os
import random
import re
import sys
import types
from typing import Any, NoReturn

from envs.sandbox.layers import RESULT, Confinement

PROGRAM = "<program>"
CONFINED = b"+"  # first byte of a result, sent before any line of the program has run: it cannot be forged
NO_MEMORY = "MemoryError: the program needs more memory than it may use"
EXIT_MEMORY = 112  # the child had no memory left to say so
DEEPEST = 20
NO_VALUE = re.compile(r"<.*>", re.DOTALL)  # how Python writes what no text can stand for


class TooLongError(Exception):
    """The answer does not fit the limit on output."""


class NoValueError(Exception):
    """The answer is a function, a class, a generator or the like."""


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
    text = str(value)
    if NO_VALUE.fullmatch(text[:most]):
        raise NoValueError(f"the answer is of type {type(value).__name__}; return a number, a text, a list or the like")
    # Addresses differ from run to run; the same program must give the same answer.
    return {"repr": re.sub(r" at 0x[0-9a-f]+", "", text), "type": type(value).__name__}


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
    except NoValueError as error:
        answer = {"status": "wrong_type", "value": None, "error": str(error)}
    except MemoryError:
        answer = {"status": "memory", "value": None, "error": NO_MEMORY}
    except BaseException as error:
        answer = {"status": "error", "value": None, "error": describe(error)}
    return {**answer, "stdout": printed.getvalue()}


def call(module: types.ModuleType, name: str, args: Any) -> Any:
    function = vars(module).get(name)
    if not callable(function):
        raise NameError(f"the program defines no function {name}()")
    return function(**args) if isinstance(args, dict) else function(*args)


def play(job: dict[str, Any], confinement: Confinement, slot: int, result: int, zygote: int) -> NoReturn:
    """The whole life of a child; never returns to the zygote's loop."""
    code = 1
    try:
        try:
            confinement.confine(job["limits"], slot, result, zygote)
        except BaseException as error:
            complain(error, result)
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


def complain(error: BaseException, result: int) -> None:
    try:
        os.write(result, f" {error!r}".encode())
    except OSError:  # it is the other one already
        os.write(RESULT, f" {error!r}".encode())
