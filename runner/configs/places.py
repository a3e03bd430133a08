"""Where the rows and models of a config are: paths are relative to its file, all else are names on the hub."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runner import safe_open
from runner.preset import files
from runner.preset.other_tools.llamafactory import DATASET_INFO
from runner.preset.section import LOCAL_FILE, LOCAL_OR_HUB


def placed(text: str, folder: Path) -> str:
    """A path made absolute against the folder of the config; a name on the hub as it is."""
    if not text:
        return text
    return files.absolute(text, folder, LOCAL_FILE if _is_there(folder, text) else LOCAL_OR_HUB)


def _is_there(folder: Path, text: str) -> bool:
    try:
        return (folder / text).exists()
    except (OSError, ValueError):
        return False


def dataset_info(folder: Path, named: str) -> tuple[Path | None, Mapping[str, Any]]:
    """LLaMA-Factory's list of data sets in `named` (dataset_dir): beside the config, where ftui is started, or above
    the config, as its examples lie. (None, {}) where there is none that can be read.
    """
    for above in (folder, Path.cwd(), *folder.parents):
        path = above / named / DATASET_INFO
        try:
            found = json.loads(safe_open.read_bytes(path))
        except (OSError, ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            return path, found
    return None, {}
