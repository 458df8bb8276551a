"""The GPUs of this machine, as NVIDIA's own tool names them."""

import shutil
import subprocess

SECONDS = 20.0


def gpus() -> list[str]:
    """One line a GPU, name and memory: "NVIDIA H200, 143771 MiB". Empty without a GPU, or when the driver hangs."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    command = [tool, "--query-gpu=name,memory.total", "--format=csv,noheader"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in found.stdout.splitlines() if line.strip()]
