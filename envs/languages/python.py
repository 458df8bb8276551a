"""Python functions: compared by their tree up to the names of local variables, executed with tests in the sandbox."""

import ast
import keyword
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from envs.languages.base import Executable, ExecutionError, Malformed, Names, Symbols
from envs.math.programs import BUILTINS, NAME, UNREADABLE, canonical, local_names
from envs.sandbox.sandbox import Run, Sandbox, SandboxConfig

LIMITS = SandboxConfig(seconds=10, cpu_seconds=5, output_chars=100_000, parallel=1)
SHOWN_ANSWERS = "answers_of_the_tests"  # the function that our own code adds to a program


@dataclass(frozen=True, slots=True)
class Program:
    """A module in the spelling of ast.unparse."""

    text: str

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, filename=NAME)


class Python(Executable[Program]):
    """Modules of functions. Local variables are symbols; functions, parameters and what is imported are not."""

    name = "python"
    reserved = BUILTINS | frozenset(keyword.kwlist)

    def __init__(self) -> None:
        self._sandbox = Sandbox(LIMITS)

    def _parse(self, text: str) -> Program:
        try:
            tree = ast.parse(text, filename=NAME)
            if not tree.body:
                raise Malformed("there is no statement", len(text))
            return Program(ast.unparse(ast.parse(ast.unparse(tree), filename=NAME)))
        except SyntaxError as fault:
            lines = text.splitlines(keepends=True)[: max((fault.lineno or 1) - 1, 0)]
            at = min(sum(map(len, lines)) + max((fault.offset or 1) - 1, 0), len(text))
            raise Malformed(f"{fault.msg} (line {fault.lineno})", at) from None
        except UNREADABLE as fault:
            raise Malformed(f"no parser takes it: {fault}", 0) from None

    def print(self, tree: Program) -> str:
        return tree.text

    def equal(self, gold: Program, tree: Program) -> bool:
        """By form, up to names of local variables, docstrings and annotations. What decides on meaning is tests."""
        return canonical(gold.text) == canonical(tree.text)

    def taken(self, tree: Program) -> frozenset[str]:
        module = tree.tree
        names = {name for node in ast.walk(module) for name in _names(node)}
        return frozenset(names) - local_names(module)

    def symbols(self, tree: Program) -> Symbols:
        return {"variable": local_names(tree.tree)}

    def _rename(self, tree: Program, names: Names) -> Program:
        module = tree.tree
        for node in ast.walk(module):
            if isinstance(node, ast.Name):
                node.id = names["variable"].get(node.id, node.id)
        return Program(ast.unparse(module))

    def execute(self, tree: Program, world: Mapping[str, str]) -> bool:
        """Whether the tests pass. world: "test", a function `check(candidate)` of assertions, and "entry_point".

        What a test compares with a literal is compared here: in the program's own process, an answer could be an
        object that equals everything. Raises ExecutionError where it does not run.
        """
        calls, wanted = literal_tests(world["test"], world["entry_point"])
        if calls is None:
            run = self._run(
                f"{tree.text}\n{world['test']}\ndef {SHOWN_ANSWERS}():\n    check({world['entry_point']})\n"
            )
            return run.status == "ok"
        answers = ", ".join(f"repr({call})" for call in calls)
        run = self._run(f"{tree.text}\ndef {SHOWN_ANSWERS}():\n    return [{answers}]\n")
        if run.status != "ok" or not isinstance(run.value, list) or len(run.value) != len(wanted):
            raise ExecutionError(run.error or "the answers cannot be read")
        return all(map(_is, run.value, wanted))

    def _run(self, program: str) -> Run:
        return self._sandbox.run(program, call=SHOWN_ANSWERS)

    def close(self) -> None:
        self._sandbox.close()


class Solution(Python):
    """Programs `def solution(): ... return answer`, as GSM8K-Code has them: equal when their answers are."""

    name = "solution"

    def _parse(self, text: str) -> Program:
        program = super()._parse(text)
        if not any(isinstance(node, ast.FunctionDef) and node.name == "solution" for node in program.tree.body):
            raise Malformed("there is no `def solution():`", len(text))
        return program

    def equal(self, gold: Program, tree: Program) -> bool:
        """The same number within a relative tolerance of 1e-4; or the same form."""
        try:
            return super().equal(gold, tree) or same_answer(self.execute(gold), self.execute(tree))
        except ExecutionError:
            return False

    def fault(self, tree: Program) -> str:
        """Complains of a solution that computes nothing: its answer is written down in it."""
        solution = next(one for one in tree.tree.body if isinstance(one, ast.FunctionDef) and one.name == "solution")
        computes = any(isinstance(node, ast.BinOp | ast.Call | ast.AugAssign) for node in ast.walk(solution))
        return "" if computes else "solution() computes nothing: its answer is a constant"

    def execute(self, tree: Program, world: Any = None) -> Any:
        """What solution() returns, as a JSON value. Raises ExecutionError."""
        run = self._sandbox.run(tree.text, call="solution")
        if run.status != "ok" or run.value is None:
            raise ExecutionError(run.error or "solution() returned None")
        return run.value


def _names(node: ast.AST) -> Sequence[str]:
    """The names that a node of the tree uses or gives."""
    match node:
        case ast.Name(id=name) | ast.arg(arg=name) | ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return (name,)
        case ast.alias(name=name, asname=alias):
            return (alias or name.split(".")[0],)
        case ast.Global(names=names) | ast.Nonlocal(names=names):
            return names
    return ()


def same_answer(one: Any, other: Any) -> bool:
    """Numbers near each other, or the same value."""
    if isinstance(one, int | float) and isinstance(other, int | float):
        return abs(one - other) <= 1e-4 * max(1.0, abs(one), abs(other))
    return bool(one == other)


def literal_tests(test: str, entry_point: str) -> tuple[list[str] | None, list[Any]]:
    """The calls in a test function and the literals that they must equal; None where it tests in another way."""
    calls, wanted = [], []
    for node in ast.walk(ast.parse(test)):
        match node:
            case ast.Assert(test=ast.Compare(left=ast.Call() as call, ops=[ast.Eq()], comparators=[literal])):
                try:
                    wanted.append(ast.literal_eval(literal))
                except ValueError:
                    return None, []
                for name in ast.walk(call):
                    if isinstance(name, ast.Name) and name.id == "candidate":
                        name.id = entry_point
                calls.append(ast.unparse(call))
            case ast.Assert():
                return None, []
    return (calls, wanted) if calls else (None, [])


def _is(answer: Any, wanted: Any) -> bool:
    try:
        return bool(ast.literal_eval(answer) == wanted)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return repr(wanted) == answer
