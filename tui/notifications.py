"""Calling a person to the terminal: a bell and a desktop notification, once for each thing that happens to a run."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from textual.screen import Screen

from runner import plain_text
from runner.insight.diagnosis import VerdictKind
from runner.insight.figures import loss
from runner.supervision.alerts import ENDINGS
from tui.models.run_view import RunRow

if TYPE_CHECKING:
    from runner.config import AlertSettings, Occasion

WARNING = 2
LONGEST = 120


class Notifications:
    """Compares the list of runs with what it was before; what was so already when it was first seen is no news."""

    def __init__(self, screen: Screen[None], home: Path) -> None:
        self._screen, self._home = screen, home
        self._known: dict[str, RunRow] | None = None
        self._settings: AlertSettings | None = None

    def seen(self, rows: Sequence[RunRow]) -> None:
        """The newest list."""
        before, self._known = self._known, {row.id: row for row in rows}
        if before is None:
            return
        for occasion, title, text in news(before, rows):
            self._tell(occasion, title, text)

    def _tell(self, occasion: Occasion, title: str, text: str) -> None:
        settings = self._load()
        if occasion not in settings.on:
            return
        severity = "warning" if occasion == "warning" else "error" if occasion == "failed" else "information"
        self._screen.app.notify(text, title=title, severity=severity, timeout=15)  # type: ignore[arg-type]
        if settings.bell:
            self._screen.app.bell()
            driver = self._screen.app._driver
            if driver is not None and not self._screen.app.is_headless:
                driver.write(notification(title, text, "TMUX" in os.environ))

    def _load(self) -> AlertSettings:
        from runner.config import AlertSettings, ConfigError, load_config

        if self._settings is None:
            try:
                self._settings = load_config(self._home).alerts
            except ConfigError as error:
                self._settings = AlertSettings()
                self._screen.app.notify(str(error), title="config.yaml", severity="warning", timeout=15)
        return self._settings


def news(before: Mapping[str, RunRow], rows: Sequence[RunRow]) -> list[tuple[Occasion, str, str]]:
    """(occasion, title, text) for every run that ended, or was judged more gravely, since then."""
    found: list[tuple[Occasion, str, str]] = []
    for row in rows:
        old = before.get(row.id)
        if old is None or old.phase.is_over:
            continue
        if row.severity >= WARNING and row.severity > old.severity:
            occasion: Occasion = "stalled" if row.verdict == VerdictKind.STALLED else "warning"
            found.append((occasion, f"{row.name}: {row.verdict}", f"at step {row.step}"))
        if row.phase.is_over:
            best = f"best eval {loss(row.best_loss)}" if row.best_loss is not None else f"step {row.step}"
            found.append((ENDINGS[row.phase], f"{row.name} {row.phase.value}", row.reason or best))
    return found


def notification(title: str, text: str, in_tmux: bool) -> str:
    """OSC 9 (iTerm2, Windows Terminal, ConEmu) and OSC 777 (urxvt, VTE, Ghostty, WezTerm) with these words. tmux hands
    them on where `allow-passthrough` is on, and swallows them elsewhere.
    """
    words, head = (plain_text.prose(part).replace(";", ",")[:LONGEST] for part in (text, title))
    sequences = (f"\x1b]9;{head}: {words}\x07", f"\x1b]777;notify;{head};{words}\x07")
    if in_tmux:
        return "".join(f"\x1bPtmux;{one.replace(chr(27), chr(27) * 2)}\x1b\\" for one in sequences)
    return "".join(sequences)
