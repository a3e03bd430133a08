"""Drafts to be edited: of a file, of a shipped preset, of a run. They read YAML: call them from a thread."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tui.models.run_view import name_of

if TYPE_CHECKING:
    from runner.insight.diagnosis import Change
    from runner.preset.draft import Draft
    from runner.store.directory import RunDirectory


def of_file(home: Path, path: Path, shipped: bool) -> Draft:
    """A preset's own file, or a new preset on top of a shipped one. Raises PresetError."""
    from runner.preset.draft import Draft

    if shipped:
        return Draft.extending(path.stem, home, free_name(home, path.stem))
    return Draft.open(path, home)


def of_waiting(home: Path, run: RunDirectory) -> Draft:
    """The frozen preset of a run that waits. Raises PresetError."""
    draft = of_file(home, run.preset, False)
    draft.called = f"{name_of(run.id)}, waiting for its turn"
    return draft


def of_run(
    home: Path,
    run_path: Path,
    name: str,
    changes: Sequence[Change] = (),
    reason: str = "",
    skip: Collection[int] = (),
) -> Draft:
    """A new preset with the settings of a run, and what a finding says should change. Raises PresetError."""
    from runner.check.next_preset import next_preset
    from runner.store.directory import RunDirectory

    return next_preset(RunDirectory(run_path), home, free_name(home, name), changes, reason, skip)


def free_name(home: Path, name: str) -> str:
    """'my-NAME', with a number where there is one already."""
    from runner.check import next_preset

    return next_preset.free_name(home, name)
