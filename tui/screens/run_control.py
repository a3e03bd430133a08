"""What is asked before something is done to a run: launched, stopped, resumed, taken out of the queue."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.app import App

from runner.gpu import GpuReading
from runner.store.directory import RunDirectory
from runner.store.events import Phase
from runner.supervision.warm import WarmStart
from tui.models.run_view import PresetCard, RunView, name_of
from tui.screens.dialog import LaunchChoice, LaunchDialog, StopDialog
from tui.services import actions

if TYPE_CHECKING:
    from runner.commands.resume import Resumption


def ask_launch(app: App[Any], home: Path, card: PresetCard, gpus: GpuReading | None, warm: WarmStart) -> None:
    """Ask on which GPU a preset is launched, or whether it waits in the queue."""
    warm.prepare(soon=True)

    def answered(answer: LaunchChoice | None) -> None:
        if answer is not None:
            launch(app, home, card, answer, warm)

    app.push_screen(LaunchDialog(card, gpus), answered)


def launch(app: App[Any], home: Path, card: PresetCard, where: LaunchChoice, warm: WarmStart) -> None:
    """Launch a preset there, or put it into the queue."""
    if where.waits:
        actions.enqueue(app.post_message, home, card.path, where.gpu)
    else:
        actions.launch(app.post_message, home, card.path, where.gpu, warm)
    app.notify("Looking at it once more …", title="Queue" if where.waits else "Launch")


def ask_stop(app: App[Any], view: RunView | None) -> None:
    """Ask how to stop the shown run, and what else is wanted of it; one that waits is taken out of the queue."""
    if view is None or view.is_foreign:
        app.notify("There is no run of ftui's to stop.")
        return
    if view.phase.is_over:
        app.notify(f"This run is over already: {view.phase.value}.")
        return
    run = RunDirectory(Path(view.path))
    if view.phase is Phase.QUEUED:
        ask_take_out(app, run)
        return

    def answered(answer: str | None) -> None:
        if answer in ("stop", "now"):
            actions.stop(app.post_message, run, now=answer == "now")
        elif answer is not None:
            from runner.store.requests import Request

            actions.ask(app.post_message, run, Request(answer))

    app.push_screen(StopDialog(view), answered)


def ask_take_out(app: App[Any], run: RunDirectory, done: Callable[[], None] = lambda: None) -> None:
    """Ask whether a run that waits is to leave the queue: there is nothing to save, and nothing to ask of it. `done` is
    called when it has left.
    """
    from tui.screens.questions import ConfirmDialog

    def answered(answer: str | None) -> None:
        if answer is not None:
            actions.take_out(app.post_message, run, done)

    heading = f"Take {name_of(run.id)} out of the queue"
    question = "It has not started, and will not. It stays in the list of runs, as stopped."
    app.push_screen(ConfirmDialog(heading, question, [("x", "take it out")]), answered)


def ask_resume(app: App[Any], view: RunView | None, warm: WarmStart) -> None:
    """Ask whether to go on with the shown run, saying from where."""
    from runner.commands.resume import to_resume_from
    from runner.supervision.startable import foreign_code
    from tui.screens.questions import ConfirmDialog

    if view is None or view.is_foreign:
        app.notify("There is no run of ftui's to go on with.")
        return
    if not view.phase.is_over:
        app.notify("It is running already.")
        return
    run = RunDirectory(Path(view.path))

    def look() -> None:
        words, code = going_on(view, to_resume_from(run)), foreign_code(run)
        if code:
            words += f"\n\nIt {code}."
        dialog = ConfirmDialog(
            f"Go on with {view.name}", words, [("r", "go on, and let it run" if code else "go on")]
        )

        def answered(answer: str | None) -> None:
            if answer is not None:
                actions.resume(app.post_message, run, warm, trusts_code=bool(code))

        app.call_from_thread(app.push_screen, dialog, answered)

    actions.in_thread(app.post_message, "Does not go on", look)


def going_on(view: RunView, found: Resumption) -> str:
    """From where a run goes on, and what is made again."""
    at = found.checkpoint
    if at is None:
        return "It has not started. It waits for its turn again, where it was in the queue."
    again = f"\n{found.again[0].upper()}{found.again[1:]}." if found.again else ""
    return f"It goes on after step {at.step} of {view.total_steps or '?'}, from {at.path.name}.{again}"
