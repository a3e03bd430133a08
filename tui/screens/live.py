"""What the screens over the main one have in common: they are told what that learns."""

from __future__ import annotations

from textual.reactive import var
from textual.screen import Screen

from runner.gpu import GpuReading
from tui.models.run_view import RunView


class LiveScreen(Screen[None]):
    """The main screen sets these whenever it has news, for as long as this one is open."""

    view: var[RunView | None] = var(None)
    gpus: var[GpuReading | None] = var(None)
