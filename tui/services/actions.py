"""What the user asks for that takes longer than a key press: launching and stopping, each in a thread."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from tui.messages import ActionFailed, Done, PresetRenamed, PresetSaved, RunLaunched, SaveRefused
from tui.services.service import Post, start_thread

if TYPE_CHECKING:
    from runner.preset.draft import Draft
    from runner.store.directory import RunDirectory
    from runner.store.requests import Request
    from runner.supervision.warm import WarmStart


def enqueue(post: Post, home: Path, preset_path: str, gpu: str | None) -> None:
    """Put a preset at the end of the queue; posts RunLaunched or ActionFailed."""

    def work() -> None:
        from runner.commands.enqueue import assess_all, enqueue_all

        run = enqueue_all(assess_all(preset_path, home, gpu_choice=gpu), home, gpu)[0]
        post(RunLaunched(run.id, "It waits for its turn; w shows the queue."))

    in_thread(post, "Not put into the queue", work)


def launch(post: Post, home: Path, preset_path: str, gpu: str | None, warm: WarmStart | None = None) -> None:
    """Launch a preset, warm if a spare trainer is there; posts RunLaunched or ActionFailed."""

    def work() -> None:
        from runner.commands.launch import launch as launch_preset

        post(RunLaunched(launch_preset(preset_path, home, gpu_choice=gpu, warm=warm).run.id))

    in_thread(post, "Not launched", work)


def stop(post: Post, run: RunDirectory, now: bool) -> None:
    """Ask a run to stop; posts Done, or ActionFailed when it cannot be asked."""

    def work() -> None:
        from runner.commands.stop import stop as ask_to_stop

        post(Done("Stop", f"It {ask_to_stop(run, now).value}"))

    in_thread(post, "Not stopped", work)


def take_out(post: Post, run: RunDirectory, done: Callable[[], None] = lambda: None) -> None:
    """Take a run out of the queue, then call `done`; posts Done, or ActionFailed when it has started meanwhile."""

    def work() -> None:
        from runner.queue import tickets

        tickets.remove(run.home, run)
        done()
        post(Done("Queue", "It is taken out of the queue."))

    in_thread(post, "Not taken out", work)


def ask(post: Post, run: RunDirectory, request: Request) -> None:
    """Ask something of a run; posts Done or ActionFailed."""

    def work() -> None:
        from runner.commands.ask import ask as ask_run

        post(Done("Asked", ask_run(run, request)))

    in_thread(post, "Not asked", work)


def resume(post: Post, run: RunDirectory, warm: WarmStart | None = None, trusts_code: bool = False) -> None:
    """Go on with a run from its last whole checkpoint; posts RunLaunched or ActionFailed."""

    def work() -> None:
        from runner.commands.resume import resume as go_on

        post(RunLaunched(run.id, f"It {go_on(run, warm=warm, trusts_code=trusts_code).words}"))

    in_thread(post, "Does not go on", work)


def save(post: Post, draft: Draft, path: Path | None, force: bool, waits: RunDirectory | None = None) -> None:
    """Write a draft as it is now; posts PresetSaved, SaveRefused when something would be lost, or ActionFailed. `waits`
    is the run whose preset it is: once that has started, nothing is written.
    """
    saving = draft.saving(path, force)

    def work() -> None:
        from runner.preset.draft import StaleError
        from runner.preset.json_schema import write_schema
        from runner.queue.tickets import kept_waiting

        try:
            with kept_waiting(waits) if waits is not None else contextlib.nullcontext():
                saving.write()
        except (StaleError, FileExistsError) as error:
            words = str(error) if isinstance(error, StaleError) else f"{saving.target.name} is there already"
            post(SaveRefused(draft, saving.target, words))
            return
        post(PresetSaved(draft, saving))
        if waits is not None:
            return
        with contextlib.suppress(OSError):
            # Only a help for editors; the preset itself is safe.
            write_schema(saving.target.parent)

    in_thread(post, "Not saved", work)


def rename(post: Post, draft: Draft, path: Path, target: Path) -> None:
    """Give a draft's file another name; posts PresetRenamed, or ActionFailed when there is one of that name."""

    def work() -> None:
        from runner import atomic_write

        atomic_write.rename_file(path, target)
        post(PresetRenamed(draft, target))

    in_thread(post, "Not renamed", work)


def delete(post: Post, path: Path) -> None:
    """Remove a preset's file; posts ActionFailed when it cannot be."""
    in_thread(post, "Not deleted", path.unlink)


def in_thread(post: Post, title: str, work: Callable[[], None]) -> None:
    """Do some work in a thread of its own; posts ActionFailed with this title when it raises."""

    def guarded() -> None:
        try:
            work()
        except Exception as error:
            post(ActionFailed(title, str(error) or type(error).__name__))

    start_thread(guarded, post, title)
