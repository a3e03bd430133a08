"""The checkpoints in a Trainer's output directory."""

from __future__ import annotations

import os
import re
from pathlib import Path

CHECKPOINT = re.compile(r"checkpoint-(\d+)")
STATE = "trainer_state.json"


def checkpoints(folder: Path) -> list[tuple[int, Path]]:
    """Step and path of each complete checkpoint, oldest first: its state is what is written last."""
    found = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                match = CHECKPOINT.fullmatch(entry.name)
                if match and (Path(entry.path) / STATE).is_file():
                    found.append((int(match[1]), Path(entry.path)))
    except OSError:
        return []
    return sorted(found)


def output_directory(folder: Path) -> Path:
    """Where a trace's checkpoints are: beside it, or above a `runs/…` folder or a checkpoint it lies in."""
    if CHECKPOINT.fullmatch(folder.name):
        return folder.parent
    if folder.parent.name == "runs":
        return folder.parent.parent
    return folder
