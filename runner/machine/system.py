"""What kind of system this is: native Linux, a container, WSL2, a Slurm job, a virtual machine's view of a GPU."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runner import safe_open


@dataclass(frozen=True)
class System:
    """`kind` is native, container or WSL2; `job` the Slurm job this shell belongs to, empty outside of one."""

    name: str
    kind: str
    job: str = ""

    @property
    def is_wsl(self) -> bool:
        return self.kind == "WSL2"


def read(root: Path = Path("/"), environment: Mapping[str, str] = os.environ) -> System:
    """This system; `root` is where its files lie."""
    return System(_name(root), _kind(root, environment), environment.get("SLURM_JOB_ID", ""))


def _name(root: Path) -> str:
    text = _text(root / "etc/os-release")
    pretty = next((line for line in text.splitlines() if line.startswith("PRETTY_NAME=")), "")
    name = pretty.partition("=")[2].strip("\"' ") or platform.system()
    return f"{name}, {platform.machine()}"


def _kind(root: Path, environment: Mapping[str, str]) -> str:
    # Also in a container on WSL2: what matters of the two is the driver, and that is Windows'.
    if "microsoft" in _text(root / "proc/sys/kernel/osrelease").lower():
        return "WSL2"
    # systemd: `container` in the environment; Docker and Podman leave a file; Apptainer names its image.
    marks = (root / ".dockerenv", root / "run/.containerenv")
    named = any(
        environment.get(name) for name in ("container", "APPTAINER_CONTAINER", "KUBERNETES_SERVICE_HOST")
    )
    return "container" if named or any(mark.exists() for mark in marks) else "native"


def _text(path: Path) -> str:
    try:
        return safe_open.read_bytes(path).decode("utf-8", errors="replace")
    except OSError:
        return ""
