"""Programs of the form `def solution(): ... return answer` (PAL): found in text, and brought to one spelling.

Nothing here executes a program. The text is hostile: its length is bounded, and whatever the parser cannot take
(nesting, sheer size) is treated as text that is no Python.
"""

import ast
import builtins
import io
import re
import tokenize
import warnings
from collections.abc import Iterator

LONGEST = 20_000  # characters looked at
FENCE = re.compile(r"^[ \t]*(?:```|~~~).*$", re.MULTILINE)
HEAD = re.compile(r"^([ \t]*)def[ \t]+solution[ \t]*\(", re.MULTILINE)
NAME = "<program>"
BUILTINS = frozenset(dir(builtins))
KEPT_ABOVE = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)
UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)

# What the parser thinks of a model's style is not for our logs. Once and for all: `catch_warnings` is not thread-safe.
warnings.filterwarnings("ignore", module=re.escape(NAME))


def extract(text: str) -> str:
    """The first `def solution(...)` in what a model wrote, with the imports, constants and helpers above it.

    Fenced or not, fence left open or never opened; prose around it and everything after the function is dropped.
    Empty when there is no such function. `extract(extract(text)) == extract(text)`.
    """
    text = text[:LONGEST].replace("\r\n", "\n").replace("\r", "\n")
    for part in FENCE.split(text):  # a fence only separates, so it does not matter which side of one we are on
        if found := HEAD.search(part):
            lines = [line.removeprefix(found[1]) for line in part.split("\n")]
            first = part[: found.start()].count("\n")
            body = lines[first : first + _height(lines[first:])]
            while len(body) > 1 and (not body[-1].strip() or body[-1].startswith("#")):
                body.pop()
            while first and lines[first - 1].startswith("@"):
                first -= 1
                body.insert(0, lines[first])
            return "\n".join([*_above(lines[:first]), *body]).rstrip()
    return ""


def canonical(program: str) -> str:
    """One spelling for all programs that differ only in names of locals, layout, comments, docstrings or annotations.

    3 and 3.0 stay distinct, 1_000 and 1000 do not. A program that is no Python comes back with its white space
    normalised. `canonical(canonical(p)) == canonical(p)`.
    """
    tree = _parse(program)
    if tree is not None:
        try:
            return ast.unparse(_Renamed(tree).visit(_Bare().visit(tree)))
        except UNREADABLE:
            pass
    text = " ".join(program.split())
    # Joined lines can become Python by accident; what no parser takes must never look like a program.
    return text if _parse(text) is None else f"? {text}"


def local_names(tree: ast.Module) -> frozenset[str]:
    """The names of variables that can be given others: bound in a top-level function, and nothing else anywhere."""
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    names = (node for function in functions for node in ast.walk(function) if isinstance(node, ast.Name))
    return frozenset(node.id for node in names if isinstance(node.ctx, ast.Store)) - BUILTINS - set(_kept(tree))


def _parse(text: str) -> ast.Module | None:
    try:
        return ast.parse(text, filename=NAME) if len(text) <= LONGEST else None
    except UNREADABLE:
        return None


def _height(lines: list[str]) -> int:
    """How many of the lines belong to the function that starts at the first."""
    depth = header = 0
    try:
        for token in tokenize.generate_tokens(io.StringIO("\n".join(lines) + "\n").readline):
            if token.type == tokenize.INDENT:
                depth += 1
            elif token.type == tokenize.DEDENT:
                depth -= 1
                if depth == 0:
                    return token.start[0] - 1
            elif depth == 0 and header and token.type not in (tokenize.NL, tokenize.COMMENT):
                return header  # no block follows: the body stood beside the colon, or is missing
            elif depth == 0 and token.type == tokenize.NEWLINE:
                header = token.start[0]
    except (tokenize.TokenError, *UNREADABLE):
        pass
    for number, line in enumerate(lines[1:], start=1):  # cut off or broken: go by the indentation alone
        if line.strip() and not line[0].isspace():
            return number
    return len(lines)


def _above(lines: list[str]) -> list[str]:
    """The lines above the function that are Python and of use to it."""
    if _useful("\n".join(lines)):
        return [*"\n".join(lines).strip("\n").split("\n"), ""]
    chunks: list[list[str]] = []
    for line in lines:
        if chunks and (not line.strip() or line[0].isspace()):
            chunks[-1].append(line)
        else:
            chunks.append([line])
    kept = [line for chunk in chunks if _useful("\n".join(chunk)) for line in chunk if line.strip()]
    return [*kept, ""] if kept else []


def _useful(text: str) -> bool:
    tree = _parse(text)
    return tree is not None and bool(tree.body) and all(isinstance(node, KEPT_ABOVE) for node in tree.body)


class _Bare(ast.NodeTransformer):
    """Drops docstrings and other bare constants, annotations, and the `u` of old strings."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        return None if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        self.generic_visit(node)
        if node.value is None or not node.simple:
            return node
        return ast.copy_location(ast.Assign(targets=[node.target], value=node.value), node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        node.kind = None
        return node

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = None
        if getattr(node, "body", None) == [] and not isinstance(node, ast.Module):
            node.body = [ast.Pass()]  # type: ignore[attr-defined]
        return node


class _Renamed(ast.NodeTransformer):
    """Renames the variables of each top-level function to v0, v1 ... in the order in which they appear.

    Only names bound by assignment are renamed, and none that also means something else anywhere in the program:
    parameters (callers may use their names), imports, functions, globals, builtins.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.names: dict[str, str] = {}
        self.kept = BUILTINS | set(_kept(tree))
        self.everything = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} | self.kept

    def visit_Module(self, node: ast.Module) -> ast.AST:
        for function in node.body:
            if isinstance(function, ast.FunctionDef):
                stored = [n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
                bound = set(stored) - self.kept
                taken = self.everything - bound
                fresh = (name for i in range(len(taken) + len(bound)) if (name := f"v{i}") not in taken)
                order = dict.fromkeys(n.id for n in _in_order(function) if n.id in bound)
                self.names = dict(zip(order, fresh, strict=False))
                self.generic_visit(function)
        return node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = self.names.get(node.id, node.id)
        return node


def _in_order(node: ast.AST) -> Iterator[ast.Name]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Name):
            yield child
        else:
            yield from _in_order(child)


def _kept(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.arg(arg=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.ClassDef(name=name):
                yield from (name, *(n.id for n in ast.walk(node) if isinstance(n, ast.Name)))
            case ast.alias(name=name, asname=alias):
                yield alias or name.split(".")[0]
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield name
            case ast.MatchMapping(rest=str(name)):
                yield name
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                yield from names
    for statement in tree.body:
        if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from (n.id for n in ast.walk(statement) if isinstance(n, ast.Name))
