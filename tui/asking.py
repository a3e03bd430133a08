"""The app's part in asking something of a run: stop, go on, a checkpoint, an evaluation, answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import App

from runner.store.events import Phase
from tui.models.run_view import RunView
from tui.screens.dialog import StopDialog
from tui.services import actions

if TYPE_CHECKING:
    from runner.store.checkpoints import Checkpoint
    from runner.supervision.warm import WarmStart


class Asking:
    """Asks the person first where something could be lost."""

    def __init__(
        self, app: App[None], home: Path, take_out: Callable[[str], None], warm: WarmStart | None = None
    ) -> None:
        self._app, self._home, self._take_out, self._warm = app, home, take_out, warm

    def stop(self, view: RunView) -> None:
        """Ask how to stop a run, and what else is wanted of it."""
        if view.phase is Phase.QUEUED:
            self._take_out(view.id)
            return

        def answered(answer: str | None) -> None:
            if answer is None:
                return
            if answer in ("stop", "now"):
                actions.stop(self._app.post_message, self._home, view.id, now=answer == "now")
            else:
                self._ask(view, answer)

        self._app.push_screen(StopDialog(view), answered)

    def _ask(self, view: RunView, name: str) -> None:
        from runner.store.requests import Request

        words = {
            Request.SAVE: "A checkpoint is written after this step; it goes on.",
            Request.EVALUATE: "It is evaluated after this step; it goes on.",
            Request.SAMPLE: "The sample prompts are answered after this step; it goes on.",
        }
        request = Request(name)
        actions.ask(self._app.post_message, Path(view.path), request, words[request])

    def resume(self, view: RunView) -> None:
        """Ask whether to go on with a run, saying from where."""
        from runner.store.directory import RunDirectory
        from runner.store.errors import LaunchError
        from runner.supervision.resume import to_resume_from
        from tui.screens.questions import ConfirmDialog

        def answered(answer: str | None) -> None:
            if answer is not None:
                actions.resume(self._app.post_message, Path(view.path), self._warm)

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


def _going_on(view: RunView, at: Checkpoint | None) -> str:
    if at is None:
        return "It has not started. It waits for its turn again, where it was in the queue."
    again = f"\nSteps {at.step + 1} to {view.step} are made again." if view.step > at.step else ""
    return f"It goes on after step {at.step} of {view.total_steps or '?'}, from {at.path.name}.{again}"
