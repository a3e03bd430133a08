"""The screens that show more of the followed run."""

from __future__ import annotations

from tui.models.run_view import RunView
from tui.screens.live import LiveScreen


def look(screen: str, view: RunView) -> LiveScreen:
    """The screen of this name on a run: 'evidence', 'samples' or 'log'. Each is imported when it is wanted. Raises
    KeyError for another name.
    """
    if screen == "evidence":
        from tui.screens.evidence import EvidenceScreen

        return EvidenceScreen(view)
    if screen == "samples":
        from tui.screens.samples import SamplesScreen

        return SamplesScreen(view)
    if screen == "log":
        from tui.screens.log import LogScreen

        return LogScreen(view)
    raise KeyError(screen)
