"""Watches the store of runs."""

from __future__ import annotations

from pathlib import Path

from runner.run import directory
from tui.follower import read_row
from tui.messages import RunsListed
from tui.services.service import Post, Service
from tui.state import RunRow


class RunListService(Service):
    """Posts RunsListed whenever a run appears, goes on or ends."""

    def __init__(self, post: Post, home: Path) -> None:
        super().__init__(post)
        self._home = home
        self._over: dict[str, RunRow] = {}
        self._posted: tuple[RunRow, ...] | None = None

    def look(self) -> None:
        rows = tuple(self._row(run) for run in directory.list_runs(self._home))
        if rows != self._posted:
            self._posted = rows
            self.post(RunsListed(rows))

    def _row(self, run: directory.RunDirectory) -> RunRow:
        """A run that is over stays as it is: only living ones are read again."""
        if run.id in self._over:
            return self._over[run.id]
        row = read_row(run)
        if row.phase.is_over:
            self._over[run.id] = row
        return row
