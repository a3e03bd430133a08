"""What the screens over the main one have in common: they are told what that learns."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual.message import Message
from textual.reactive import var
from textual.screen import Screen

from runner.gpu import GpuReading
from tui.models.run_view import RunView


class LiveScreen(Screen[None]):
    """The main screen sets these when this one is opened, and whenever it has news."""

    view: var[RunView | None] = var(None)
    gpus: var[GpuReading | None] = var(None)

    # Whether a launch is to be expected from here.
    leads_to_launch: ClassVar[bool] = False

    class Opened(Message):
        """It is there to be told."""

        def __init__(self, screen: LiveScreen) -> None:
            self.screen = screen
            super().__init__()

    class LaunchAsked(Message):
        """The user wants to launch the preset in this file."""

        def __init__(self, path: Path) -> None:
            self.path = path
            super().__init__()

    def on_mount(self) -> None:
        self.post_message(self.Opened(self))
