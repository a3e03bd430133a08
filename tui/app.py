"""The app: starts the services, hands their messages to the screen, and does what the screen asks for."""

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, ClassVar

from rich.console import RenderableType
from textual._compositor import ChopsUpdate
from textual.app import SystemCommand
from textual.binding import Binding
from textual.message import Message
from textual.notifications import SeverityLevel
from textual.reactive import Reactive
from textual.screen import Screen

from runner.store.directory import ftui_home
from runner.supervision.warm import WarmStart
from tui.asking import Asking
from tui.editing import Editing
from tui.glyphs import glyphs, plain
from tui.looking import Looking
from tui.messages import (
    ActionFailed,
    DataSeen,
    Done,
    DraftJudged,
    LoadSampled,
    LogRead,
    NextPresetAsked,
    PageSeen,
    PresetRenamed,
    PresetSaved,
    PresetsListed,
    QueueChangeAsked,
    QueueRead,
    RowsAsked,
    RowsFound,
    RunChanged,
    RunLaunched,
    RunsCompared,
    RunsListed,
    SaveRefused,
)
from tui.models.run_view import PresetCard
from tui.patches.exact_update import ExactUpdate
from tui.patches.keys_in_order import KeysInOrder
from tui.queueing import Queueing
from tui.screens.dialog import Launch, LaunchDialog
from tui.screens.help import HelpScreen
from tui.screens.main import MainScreen
from tui.services import actions
from tui.services.load import LoadService
from tui.services.presets import PresetListService
from tui.services.run_reader import Target
from tui.services.runs import RunListService
from tui.services.service import Service

# By then a long run is on the screen.
STARTED_SECONDS = 3.0


def _collect_garbage() -> None:
    """From now on, and never again what is there now (command.open_screen)."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


class FtuiApp(KeysInOrder):
    """ftui on a terminal. Everything it shows comes from run directories; closing it touches no run."""

    TITLE = "ftui"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[Binding]] = []  # type: ignore[assignment]

    # The default and not set when mounted, which would have every style sheet read a second time.
    theme: Reactive[str] = Reactive("tokyo-night")

    def __init__(self, target: Target | None = None) -> None:
        super().__init__()
        home = ftui_home()
        self.home = home
        self.main = MainScreen(target.id if target is not None else None)
        self.runs = RunListService(self.post_message, home)
        self.presets = PresetListService(self.post_message, home)
        self.load = LoadService(self.post_message)
        self.warm = WarmStart(home)
        self.editing = Editing(self, home, self.ask_launch, self.presets.nudge, self.warm.prepare)
        self.looking = Looking(self, home, self.main, self.editing)
        self.queueing = Queueing(self, home, self.editing)
        self.asking = Asking(self, home, self.queueing.take_out, self.warm)
        self._target = target

    @property
    def services(self) -> tuple[Service, ...]:
        return (
            self.runs,
            self.looking.follow,
            self.presets,
            self.load,
            self.editing.judge,
            self.editing.xray,
        )

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        exact = ExactUpdate.of(renderable) if isinstance(renderable, ChopsUpdate) else renderable
        super()._display(screen, exact)

    def on_mount(self) -> None:
        self.set_class(glyphs().ascii, "-ascii")
        self.push_screen(self.main)
        if self._target is not None:
            self.looking.invite(self._target)
            # Read while the screen is made, not when the list has been.
            self.looking.follow.follow(self._target)
        for service in self.services:
            service.start()
        self.set_timer(STARTED_SECONDS, _collect_garbage)

    def on_unmount(self) -> None:
        self.queueing.quit()
        self.warm.close()
        for service in self.services:
            service.stop()

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,
    ) -> None:
        """Told as it stands: what is in brackets in an error's words is no markup, which raises where none closes."""
        super().notify(plain(message), title=plain(title), severity=severity, timeout=timeout, markup=False)

    def on_runs_listed(self, message: RunsListed) -> None:
        self.looking.listed(message.rows)

    def on_presets_listed(self, message: PresetsListed) -> None:
        self.main.cards = message.cards

    def on_run_changed(self, message: RunChanged) -> None:
        self.looking.changed(message.view)

    def on_load_sampled(self, message: LoadSampled) -> None:
        self.main.gpus, self.main.host = message.gpus, message.host
        self.editing.judge.take_gpus(message.gpus)

    def on_run_launched(self, message: RunLaunched) -> None:
        self.notify(message.words or f"{message.run_id} is on its way.", title="Launched")
        self.runs.nudge()
        self.main.open_run(message.run_id)

    def on_action_failed(self, message: ActionFailed) -> None:
        self.notify(message.text, title=message.title, severity="error", timeout=15)
        self.editing.failed()

    def on_main_screen_run_chosen(self, message: MainScreen.RunChosen) -> None:
        self.looking.chosen(message.run_id)

    def on_main_screen_launch_asked(self, message: MainScreen.LaunchAsked) -> None:
        self._ask_launch(message.card)

    def ask_launch(self, path: Path) -> None:
        """Ask whether to launch the preset in this file."""
        from tui.services.presets import card

        self._ask_launch(card(path.stem, path, False, self.home))

    def _ask_launch(self, card: PresetCard) -> None:
        def answered(answer: Launch | None) -> None:
            if answer is not None:
                if answer.waits:
                    actions.enqueue(self.post_message, self.home, card.path, answer.gpu)
                else:
                    actions.launch(self.post_message, self.home, card.path, answer.gpu, self.warm)
                self.notify("Looking at it once more …", title="Queue" if answer.waits else "Launch")

        self.warm.prepare(soon=True)
        self.push_screen(LaunchDialog(card, self.main.gpus), answered)

    def on_main_screen_edit_asked(self, message: MainScreen.EditAsked) -> None:
        self.editing.edit(Path(message.card.path), message.card.shipped)

    def on_main_screen_look_asked(self, message: MainScreen.LookAsked) -> None:
        self.looking.show(message.wish, message.view)

    def on_main_screen_compare_asked(self, message: MainScreen.CompareAsked) -> None:
        self.looking.show_comparison(message.run_ids)

    def on_rows_asked(self, message: RowsAsked) -> None:
        self.looking.rows_asked(message)

    def on_next_preset_asked(self, message: NextPresetAsked) -> None:
        self.looking.preset_asked(message)

    def on_rows_found(self, message: RowsFound) -> None:
        self.looking.rows_found(message)

    def on_log_read(self, message: LogRead) -> None:
        self.looking.log_read(message)

    def on_runs_compared(self, message: RunsCompared) -> None:
        self.looking.compared(message)

    def on_editor_screen_changed(self) -> None:
        self.editing.ask()

    def on_editor_screen_asked(self, message: Message) -> None:
        self.editing.grant(getattr(message, "wish", ""))

    def on_data_screen_page_asked(self, message: Message) -> None:
        self.editing.xray.fetch(getattr(message, "source", "train"), getattr(message, "row", 1))

    def on_draft_judged(self, message: DraftJudged) -> None:
        self.editing.judged(message)

    def on_data_seen(self, message: DataSeen) -> None:
        self.editing.data_seen(message)

    def on_page_seen(self, message: PageSeen) -> None:
        self.editing.page_seen(message)

    def on_preset_saved(self, message: PresetSaved) -> None:
        self.editing.saved(message)

    def on_preset_renamed(self, message: PresetRenamed) -> None:
        self.editing.renamed(message)

    def on_save_refused(self, message: SaveRefused) -> None:
        self.editing.refused(message)

    def on_main_screen_stop_asked(self, message: MainScreen.StopAsked) -> None:
        self.asking.stop(message.view)

    def on_main_screen_queue_asked(self) -> None:
        self.queueing.show()

    def on_queue_read(self, message: QueueRead) -> None:
        self.queueing.read(message.queue)

    def on_queue_change_asked(self, message: QueueChangeAsked) -> None:
        self.queueing.grant(message)

    def on_main_screen_resume_asked(self, message: MainScreen.ResumeAsked) -> None:
        self.asking.resume(message.view)

    def on_done(self, message: Done) -> None:
        self.notify(message.text, title=message.title)

    def action_help(self) -> None:
        self.push_screen(HelpScreen(bindings_of(self.screen)))

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Every key of the main screen also in the command palette."""
        yield from super().get_system_commands(screen)
        for binding in bindings_of(screen):
            group, _, _ = (binding.id or "preset").partition(".")
            words = binding.tooltip or binding.description
            yield SystemCommand(
                f"{group}: {binding.description}", words, self._runner(screen, binding.action)
            )

    def _runner(self, screen: Screen[Any], action: str) -> Callable[[], Awaitable[None]]:
        async def run() -> None:
            await screen.run_action(action)

        return run


def bindings_of(screen: Screen[Any]) -> list[Binding]:
    """The bindings of a screen, in their order."""
    return [binding for binding in screen.BINDINGS if isinstance(binding, Binding)]
