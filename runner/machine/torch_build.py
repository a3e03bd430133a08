"""The build of PyTorch that is installed: from its text in a millisecond, or from itself in a process of its own."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner import safe_open
from runner.machine import training_stack
from runner.machine.cuda import TorchBuild

SECONDS = 120


@dataclass(frozen=True)
class TorchAnswer:
    """What a process with torch in it found. `available`: it can use a GPU, `device` by name; else `problem` says why
    not, where it knows. `nf4` is where a 4-bit product and its gradient were computed, empty when they were not, and
    `nf4_problem` says why.
    """

    build: TorchBuild
    available: bool = False
    device: str = ""
    problem: str = ""
    nf4: str = ""
    nf4_problem: str = ""


def installed() -> TorchBuild | None:
    """The installed build as torch/version.py states it, without importing torch; None when there is none, or its
    text is not understood.
    """
    try:
        spec = importlib.util.find_spec("torch")
    except (ImportError, ValueError):
        return None
    if spec is None or spec.origin is None:
        return None
    try:
        return parse(safe_open.read_text(Path(spec.origin).parent / "version.py"))
    except (OSError, UnicodeDecodeError):
        return None


def parse(text: str) -> TorchBuild | None:
    """A build from the text of torch/version.py; None when no version is in it."""
    try:
        lines = ast.parse(text).body
    except (SyntaxError, ValueError):
        return None
    values: dict[str, Any] = {}
    for line in lines:
        if isinstance(line, ast.Assign) and isinstance(line.value, ast.Constant):
            values |= {name.id: line.value.value for name in line.targets if isinstance(name, ast.Name)}
        elif (
            isinstance(line, ast.AnnAssign)
            and isinstance(line.value, ast.Constant)
            and isinstance(line.target, ast.Name)
        ):
            values[line.target.id] = line.value.value
    version = values.get("__version__")
    return (
        TorchBuild(version, _text(values, "cuda"), _text(values, "hip")) if isinstance(version, str) else None
    )


def ask(uuid: str | None = None) -> TorchAnswer | str:
    """What torch itself says, with only the GPU of this UUID visible; a sentence when it gave no answer. Seconds: a
    process imports it, since a broken set-up may take that down.
    """
    environment = dict(os.environ)
    if uuid is not None:
        environment |= {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": uuid}
    try:
        done = subprocess.run(
            training_stack.command("runner.train.stack_check"),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS,
            check=False,
            env=environment,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {SECONDS} s"
    said = [found for line in done.stdout.splitlines() if (found := _object(line)) is not None]
    if not said:
        return _last_line(done.stderr) or f"the process ended with {done.returncode}"
    trial = (
        said[1] if len(said) > 1 else {"problem": _last_line(done.stderr) or f"ended with {done.returncode}"}
    )
    return TorchAnswer(
        build=TorchBuild(
            str(said[0].get("version")),
            _text(said[0], "cuda"),
            _text(said[0], "hip"),
            tuple(map(str, said[0].get("architectures") or ())),
        ),
        available=said[0].get("available") is True,
        device=_text(said[0], "device") or "",
        problem=_text(said[0], "problem") or "",
        nf4=_text(trial, "nf4") or "",
        nf4_problem=_text(trial, "problem") or "",
    )


def _object(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _text(values: Mapping[str, Any], key: str) -> str | None:
    value = values.get(key)
    return value if isinstance(value, str) and value else None


def _last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
