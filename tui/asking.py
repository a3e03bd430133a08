"""The app's part in asking something of a run: stop, go on, a checkpoint, an evaluation, answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import App

from runner.store.directory import RunDirectory
from runner.store.events import Phase
from tui.models.run_view import RunView
from tui.screens.dialog import StopDialog
from tui.services import actions

if TYPE_CHECKING:
    from runner.commands.resume import Resumption


class Asking:
    """Asks the person first where something could be lost."""

    def __init__(self, app: App[None], home: Path, take_out: Callable[[str], None]) -> None:
        self._app, self._home, self._take_out = app, home, take_out

    def stop(self, view: RunView) -> None:
        """Ask how to stop a run, and what else is wanted of it."""
        if view.phase is Phase.QUEUED:
            self._take_out(view.id)
            return

        def answered(answer: str | None) -> None:
            if answer is None:
                return
            if answer in ("stop", "now"):
                actions.stop(self._app.post_message, RunDirectory(Path(view.path)), now=answer == "now")
            else:
                self._ask(view, answer)

        self._app.push_screen(StopDialog(view), answered)

    def _ask(self, view: RunView, name: str) -> None:
        from runner.store.requests import Request

        actions.ask(self._app.post_message, RunDirectory(Path(view.path)), Request(name))

    def resume(self, view: RunView) -> None:
        """Ask whether to go on with a run, saying from where."""
        from runner.commands.resume import to_resume_from
        from runner.store.errors import LaunchError
        from tui.screens.questions import ConfirmDialog

        def answered(answer: str | None) -> None:
            if answer is not None:
                actions.resume(self._app.post_message, RunDirectory(Path(view.path)))

        def look() -> None:
            try:
                at = to_resume_from(RunDirectory(Path(view.path)))
            except LaunchError as error:
                self._app.call_from_thread(
                    self._app.notify, str(error), title="Does not go on", severity="error", timeout=15
                )
                return
            question = _going_on(view, at)
            dialog = ConfirmDialog(f"Go on with {view.name}", question, [("r", "go on")])
            self._app.call_from_thread(self._app.push_screen, dialog, answered)

        actions.in_thread(self._app.post_message, "Does not go on", look)


def _going_on(view: RunView, found: Resumption) -> str:
    at = found.checkpoint
    if at is None:
        return "It has not started. It waits for its turn again, where it was in the queue."
    again = f"\n{found.again[0].upper()}{found.again[1:]}." if found.again else ""
    return f"It goes on after step {at.step} of {view.total_steps or '?'}, from {at.path.name}.{again}"
