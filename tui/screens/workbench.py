"""Opening the workbench: a draft is read in a thread, then edited."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.app import App

from tui.services import actions

if TYPE_CHECKING:
    from runner.preset.draft import Draft
    from runner.store.directory import RunDirectory

# One is opened at a time, also when a key is pressed twice.
_opening = threading.Lock()


def open_draft(
    app: App[Any],
    home: Path,
    made: Callable[[], Draft],
    waits: RunDirectory | None = None,
    left: Callable[[], None] | None = None,
) -> None:
    """Edit a draft; `made` is called in a thread, because reading YAML and importing the schema take longer than a key
    press may. `waits` is the run whose frozen preset it is; `left` is called when that is over, or cannot be.
    """
    if not _opening.acquire(blocking=False):
        if left is not None:
            left()
        return

    def show(draft: Draft) -> None:
        from tui.screens.editing import EditingScreen

        app.push_screen(EditingScreen(draft, home, waits), lambda _: left() if left is not None else None)

    def work() -> None:
        from runner.preset.errors import PresetError
        from runner.preset.fields import fields

        try:
            draft = made()
            fields()
            importlib.import_module("tui.screens.editing")
            app.call_from_thread(show, draft)
        except BaseException as error:
            if left is not None:
                app.call_from_thread(left)
            if isinstance(error, PresetError):
                raise RuntimeError(str(error.problems[0])) from None
            raise
        finally:
            _opening.release()

    actions.in_thread(app.post_message, "Cannot be edited", work)
