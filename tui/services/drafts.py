"""Drafts to be edited: of a file, of a shipped preset, of a run. They read YAML: call them from a thread."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runner.preset.draft import Draft


def of_file(home: Path, path: Path, shipped: bool) -> Draft:
    """A preset's own file, or a new preset on top of a shipped one. Raises PresetError."""
    from runner.preset.draft import Draft

    if shipped:
        return Draft.extending(path.stem, home, free_name(home, path.stem))
    return Draft.open(path, home)


def of_run(home: Path, run_path: Path, name: str) -> Draft:
    """A new preset with the settings of a run. Raises PresetError."""
    from runner.preset.draft import Draft
    from runner.preset.files import load_frozen

    preset = load_frozen(run_path / "preset.yaml")
    return Draft.of_preset(preset, home, free_name(home, name), f"The settings of run {run_path.name}.")


def free_name(home: Path, name: str) -> str:
    """'my-NAME', with a number where there is one already."""
    from runner.preset.files import list_presets

    taken = {preset.name for preset in list_presets(home)}
    candidates = [f"my-{name}", *(f"my-{name}-{number}" for number in range(2, 1000))]
    return next(candidate for candidate in candidates if candidate not in taken)
