"""The next preset after a run, opened in the workbench."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.app import App

from runner.store.directory import ftui_home
from tui.models.run_view import RunView
from tui.screens.workbench import open_draft
from tui.services import drafts

if TYPE_CHECKING:
    from runner.insight.diagnosis import Change


def edit_next(
    app: App[Any],
    view: RunView,
    changes: Sequence[Change] = (),
    reason: str = "",
    skip: Collection[int] = (),
) -> None:
    """Edit a preset with the settings of a run of ftui's, changed as a finding says and without some of its rows."""
    home = ftui_home()
    open_draft(
        app,
        home,
        lambda: drafts.of_run(home, Path(view.path), view.name, changes, reason, skip),
    )
