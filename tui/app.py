"""The app: it opens the main screen, and says what was done and what failed, wherever it was asked for."""

from __future__ import annotations

import gc
import os
import signal
import threading
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, ClassVar

from rich.console import RenderableType
from textual._compositor import ChopsUpdate
from textual.app import SystemCommand
from textual.binding import Binding
from textual.notifications import SeverityLevel
from textual.reactive import Reactive
from textual.screen import Screen

from runner.store.directory import ftui_home
from tui.glyphs import glyphs, plain
from tui.messages import ActionFailed, Done, RunLaunched
from tui.patches import visible_text
from tui.patches.exact_update import ExactUpdate
from tui.patches.kept_driver import KeptDriver
from tui.patches.keys_in_order import KeysInOrder
from tui.screens.help import HelpScreen
from tui.screens.live import LiveScreen
from tui.screens.main import MainScreen
from tui.services.presets import card
from tui.services.run_reader import RunSource
from tui.terminal import stopping
from tui.terminal.keeper import Keeper

# By then a long run is on the screen.
STARTED_SECONDS = 3.0


def _collect_garbage() -> None:
    """From now on, and never again what is there now (cli/screen.py)."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


class FtuiApp(KeysInOrder):
    """ftui on a terminal. Everything it shows comes from run directories; closing it touches no run."""

    TITLE = "ftui"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[Binding]] = [  # type: ignore[assignment]
        # Before what has the focus: a text area would undo.
        Binding("ctrl+z", "suspend_process", "Suspend", show=False, priority=True, id="app.suspend")
    ]

    # The default and not set when mounted, which would have every style sheet read a second time.
    theme: Reactive[str] = Reactive("tokyo-night")

    def __init__(self, target: RunSource | None = None, keeper: Keeper | None = None) -> None:
        """`keeper` looks after the terminal; without one there is none."""
        visible_text.install(glyphs().ascii)
        super().__init__()
        # Text in the cells of rich's tables is no markup either.
        self.console._markup = False
        self.keeper = keeper
        if keeper is not None:
            self.driver_class = KeptDriver
        self.main = MainScreen(ftui_home(), target)

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        exact = ExactUpdate.of(renderable) if isinstance(renderable, ChopsUpdate) else renderable
        super()._display(screen, exact)

    def on_mount(self) -> None:
        self.set_class(glyphs().ascii, "-ascii")
        self.push_screen(self.main)
        self.set_timer(STARTED_SECONDS, _collect_garbage)

        # An error in a thread would go to where Textual sends what is printed: nowhere.
        self._excepthook, threading.excepthook = threading.excepthook, self._thread_failed

    def on_unmount(self) -> None:
        threading.excepthook = self._excepthook
        self.main.end()

    def _thread_failed(self, failed: threading.ExceptHookArgs) -> None:
        name = failed.thread.name if failed.thread is not None else "a thread"
        said = str(failed.exc_value or "") or failed.exc_type.__name__
        self.post_message(ActionFailed(f"Error in ftui: {name}", said))

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

    def on_live_screen_opened(self, message: LiveScreen.Opened) -> None:
        self.main.opened(message.screen)

    def on_live_screen_launch_asked(self, message: LiveScreen.LaunchAsked) -> None:
        self.main.ask_launch(card(message.path.stem, message.path, False, ftui_home()))

    # What was done, wherever it was asked for

    def on_run_launched(self, message: RunLaunched) -> None:
        self.notify(message.words or f"{message.run_id} is on its way.", title="Launched")
        self.main.runs.store.nudge()
        self.main.open_run(message.run_id)

    def on_done(self, message: Done) -> None:
        self.notify(message.text, title=message.title)

    def on_action_failed(self, message: ActionFailed) -> None:
        self.notify(message.text, title=message.title, severity="error", timeout=15)

    def action_suspend_process(self) -> None:
        """Stop the screen and what it was started with (make, say), as every program does; `fg` brings it back."""
        if self.keeper is None:
            return
        if stopping.has_shell():
            os.killpg(0, signal.SIGTSTP)
        else:
            self.notify("This terminal has no shell to go back to.", title="Suspend")

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
