"""The shape of the code itself: which way imports go, and what must not be imported where."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("envisions", "actors", "learner", "envs", "pool")
FILES = sorted(file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))
MAY_IMPORT = {  # package -> of ours; envisions.records and envs.base are everyone's
    "envs": set(),
    "pool": set(),
    "learner": set(),
    "actors": {"envs", "pool", "learner"},
    "envisions": {"envs", "pool", "learner", "actors"},
}
SHARED = {"envisions.records", "envs.base"}
OWNERS = {"vllm": ("actors/engine.py", "actors/worker.py"), "deepspeed": "learner/", "playwright": "envs/web/"}
HEAVY = {"torch", "vllm", "deepspeed", "playwright", "transformers", "ray", "matplotlib", "pandas", "datasets"}


def imports(node: ast.AST) -> set[str]:
    found = set()
    for child in ast.walk(node):
        if isinstance(child, ast.Import):
            found |= {alias.name for alias in child.names}
        elif isinstance(child, ast.ImportFrom) and child.module:
            found |= {child.module} | {f"{child.module}.{alias.name}" for alias in child.names}
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_imports_go_one_way(file: Path) -> None:
    package = file.relative_to(ROOT).parts[0]
    tree = ast.parse(file.read_text())
    ours = {name for name in imports(tree) if name.split(".")[0] in PACKAGES}
    strange = {
        name
        for name in ours
        if name.split(".")[0] not in MAY_IMPORT[package] | {package}
        and not any(name == shared or name.startswith(f"{shared}.") for shared in SHARED)
    }
    strange -= {"envisions", "envs"}  # `from envisions import records`
    assert not strange, f"{file.relative_to(ROOT)} must not import {sorted(strange)}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_heavy_engines_are_imported_where_they_are_owned(file: Path) -> None:
    tree = ast.parse(file.read_text())
    top = {
        name.split(".")[0]
        for node in tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in imports(node)
    }
    assert not top & HEAVY, f"{file.name} imports {top & HEAVY} at its top"
    for engine, owner in OWNERS.items():
        if any(name.split(".")[0] == engine for name in imports(tree)):
            assert str(file.relative_to(ROOT)).startswith(owner), f"{engine} belongs to {owner}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_our_own_modules_are_never_imported_inside_a_function(file: Path) -> None:
    for function in ast.walk(ast.parse(file.read_text())):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            inside = {name for name in imports(function) if name.split(".")[0] in PACKAGES}
            assert not inside, f"{function.name} imports {sorted(inside)}"


def test_the_loop_imports_the_records_only() -> None:
    ours = {name for name in imports(ast.parse((ROOT / "envisions/loop.py").read_text())) if name.startswith(PACKAGES)}
    assert all(name.startswith("envisions.records") for name in ours)


def test_the_command_line_loads_no_engine() -> None:
    code = f"import sys, envisions.cli; print(sorted(set(sys.modules).intersection({sorted(HEAVY)!r})))"
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert out.stdout.strip() == "[]"
