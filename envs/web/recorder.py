"""The program that runs in the sandbox around every script. Sent there as text; nothing imports it."""

from typing import Any


class Enough(BaseException):
    """The script does too much. Not to be caught by `except Exception`."""


class Agent:
    """What a script calls: each method writes down its name and its text."""

    def __init__(self, actions: list[list[str]], methods: list[str], most: int, longest: int) -> None:
        def method(name: str) -> Any:
            def act(text: str) -> None:
                if not isinstance(text, str):
                    raise TypeError(f"agent.{name}() takes text, not {type(text).__name__}")
                if len(text) > longest:
                    raise ValueError(f"agent.{name}() was given {len(text)} characters; at most {longest} are taken")
                if len(actions) == most:
                    raise Enough(f"the script does more than {most} actions")
                actions.append([name, text])

            return act

        self._methods = {name: method(name) for name in methods}

    def __getattr__(self, name: str) -> Any:
        if name not in self._methods:
            raise AttributeError(f"agent has no method {name}; it has {', '.join(self._methods)}")
        return self._methods[name]


def solution(script: str, methods: list[str], most: int, longest: int) -> dict[str, Any]:
    """The actions of the script, and in one line what stopped it."""
    actions: list[list[str]] = []
    error = ""
    try:
        exec(compile(script, "<script>", "exec"), {"agent": Agent(actions, methods, most, longest)})
    except Enough as fault:
        error = str(fault)
    except BaseException as fault:
        line, trace = getattr(fault, "lineno", None), fault.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == "<script>":
                line = trace.tb_lineno
            trace = trace.tb_next
        message = fault.msg if isinstance(fault, SyntaxError) else str(fault)
        error = f"{type(fault).__name__}: {message}"[:300].rstrip(": ") + (f" (line {line})" if line else "")
    return {"actions": actions, "error": error}
