"""Which runs are listed, and which of them is followed."""

from __future__ import annotations

from pathlib import Path

from textual.screen import Screen

from runner.insight import answers
from runner.insight.task import main_curve
from runner.store.directory import RunDirectory, runs_folder
from tui.models.run_view import RunRow, RunView
from tui.notifications import Notifications
from tui.services.follow import FollowService
from tui.services.run_reader import RunSource
from tui.services.runs import RunListService


class ShownRuns:
    """The runs of the store, and guests: runs that lie elsewhere. One of them is followed at a time; the user is told
    what happens to any.
    """

    def __init__(self, screen: Screen[None], home: Path) -> None:
        self._home = home
        self.store = RunListService(screen.post_message, home)
        self.follow = FollowService(screen.post_message)
        self._notifications = Notifications(screen, home)
        self._guests: dict[str, RunSource] = {}
        self._guest_rows: dict[str, RunRow] = {}
        self._listed: tuple[RunRow, ...] = ()

    def invite(self, target: RunSource) -> None:
        """Show a run that is not in the store beside those that are, and follow it at once."""
        if target.run is None or target.run.path.parent != runs_folder(self._home):
            self._guests[target.id] = target
            self._guest_rows[target.id] = RunRow(target.id, Path(target.id).name)
        self.follow.follow(target)

    def listed(self, rows: tuple[RunRow, ...]) -> tuple[RunRow, ...]:
        """The store was read; returns all rows."""
        self._listed = rows
        return self._rows()

    def choose(self, run_id: str | None) -> None:
        """Follow the run of this row; None for none."""
        self.follow.follow(self.target(run_id) if run_id is not None else None)

    def target(self, run_id: str) -> RunSource:
        """Where the run of a row is."""
        return self._guests.get(run_id) or RunSource(RunDirectory(runs_folder(self._home) / run_id))

    def changed(self, view: RunView) -> tuple[RunRow, ...]:
        """The followed run has news; returns all rows."""
        if view.id in self._guests:
            self._guest_rows[view.id] = guest_row(view)
        return self._rows()

    def _rows(self) -> tuple[RunRow, ...]:
        rows = (*self._guest_rows.values(), *self._listed)
        # Of a guest nothing is known before it was read: how it stands then is no news.
        self._notifications.seen([row for row in rows if row.step or row.id not in self._guests])
        return rows


def guest_row(view: RunView) -> RunRow:
    """The row of a run that is not in the store."""
    best = view.curves.best if main_curve(view.curves) is None else None
    return RunRow(
        id=view.id,
        name=view.name,
        phase=view.phase,
        step=view.step,
        total_steps=view.total_steps,
        best_loss=best.loss if best is not None else None,
        verdict=view.verdict.kind.value,
        severity=int(view.verdict.severity),
        answers=answers.short(view.curves.last_answers),
    )
