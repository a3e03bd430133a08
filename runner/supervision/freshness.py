"""Whether a trainer that was started before there was a run is what would be started now: the same interpreter, code,
packages and environment. In doubt it is not.
"""

from __future__ import annotations

import hashlib
import os
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from pathlib import Path

import runner
from runner.machine.training_stack import STACK, version

# Of the run, and read when it trains: nothing reads them while it is imported.
OF_THE_RUN = frozenset({"TENSORBOARD_LOGGING_DIR", "WANDB_DIR"})
# CUDA reads it when it is initialised, which a spare trainer for a GPU has not done (runner/train/spare.py).
CARD = "CUDA_VISIBLE_DEVICES"
OURS = "FTUI_"

Signature = Mapping[str, str]


def signature(environment: Mapping[str, str]) -> Signature:
    """What a trainer started now in this environment would be made of, by name. Raises OSError."""
    return {
        "the interpreter": f"{sys.executable} {Path(sys.executable).stat().st_mtime_ns} {sys.version}",
        "ftui's own files": _digest(_sources(Path(runner.__file__).parent)),
        "the installed packages": _digest(_tops(environment)),
        "versions of the training stack": " ".join(f"{name} {version(name)}" for name in STACK),
        **{f"${name}": value for name, value in environment.items() if not _is_free(name, environment)},
    }


def difference(old: Signature, new: Signature) -> str:
    """What differs between two signatures, by name; empty when nothing does. Values are not told: some are secret."""
    return ", ".join(sorted(name for name in {*old, *new} if old.get(name) != new.get(name)))


def _is_free(name: str, environment: Mapping[str, str]) -> bool:
    """Whether a variable may differ. Where no card is visible none must become so: then more is imported ahead."""
    return name in OF_THE_RUN or name.startswith(OURS) or (name == CARD and environment.get(CARD) != "")


def is_absolute(environment: Mapping[str, str]) -> bool:
    """Whether PYTHONPATH means the same in every working directory."""
    path = environment.get("PYTHONPATH", "")
    return not path or all(part.startswith("/") for part in path.split(os.pathsep))


def _sources(folder: Path) -> Iterable[str]:
    for path, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        for name in sorted(names):
            status = Path(path, name).stat()
            yield f"{path}/{name} {status.st_mtime_ns} {status.st_size}"


def _tops(environment: Mapping[str, str]) -> Iterable[str]:
    """What lies at the top of the folders that packages are imported from: every installation changes that. In those of
    PYTHONPATH, which may be worked in, names alone count.
    """
    paths = sysconfig.get_paths()
    for place in sorted({paths["purelib"], paths["platlib"]}):
        with os.scandir(place) as entries:
            found = sorted((entry.name, entry.stat(follow_symlinks=False).st_mtime_ns) for entry in entries)
        yield from (f"{place}/{name} {changed}" for name, changed in found if name != "__pycache__")
    for place in filter(None, environment.get("PYTHONPATH", "").split(os.pathsep)):
        if Path(place).is_dir():
            with os.scandir(place) as entries:
                yield from sorted(
                    f"{place}/{one.name}" for one in entries if not one.name.startswith((".", "__"))
                )


def _digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()
