"""What a measurement was made with: date, versions and hardware, as they stand in every file of results."""

import os
import platform
from datetime import date
from pathlib import Path
from typing import Any

import psutil

from envisions.installation import PINNED, installed


def machine() -> dict[str, Any]:
    """Date, versions and hardware, and the load before anything is measured."""
    cpu = next(line.split(":")[1] for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line)
    versions = {module: next((v for name in names if (v := installed(name))), None) for module, names in PINNED.items()}
    return {
        "date": date.today().isoformat(),
        "versions": {"python": platform.python_version(), "linux": platform.release(), **versions},
        "hardware": {
            "cpu": cpu.strip(),
            "cores": len(os.sched_getaffinity(0)),
            "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
            "load_before": os.getloadavg()[0],
        },
    }


def described(found: dict[str, Any]) -> str:
    """One line for the screen."""
    hardware = found["hardware"]
    return f"{found['date']}: {hardware['cores']} cores ({hardware['cpu']}), load {hardware['load_before']:.1f} before"
