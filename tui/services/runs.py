"""Watches the store of runs."""

from __future__ import annotations

import logging
from pathlib import Path

from runner.store import directory
from runner.supervision.reattach import reattach
from tui.messages import ActionFailed, RunsListed
from tui.models import refused
from tui.models.run_view import RunRow
from tui.services.run_reader import read_row
from tui.services.service import Post, Service

log = logging.getLogger(__name__)


class RunListService(Service):
    """Posts RunsListed whenever a run appears, goes on or ends."""

    def __init__(self, post: Post, home: Path) -> None:
        super().__init__(post)
        self._home = home
        self._over: dict[str, tuple[int, RunRow]] = {}
        self._posted: tuple[RunRow, ...] | None = None
        self._problem = ""

    def look(self) -> None:
        runs = self._listed()
        rows = tuple(self._row(run) for run in runs)
        if len(self._over) > len(runs):
            # Of runs that were removed.
            there = {run.id for run in runs}
            self._over = {id_: known for id_, known in self._over.items() if id_ in there}
        if rows != self._posted:
            self._posted = rows
            self.post(RunsListed(rows))

    def _listed(self) -> list[directory.RunDirectory]:
        """Every run; none, and once why, where they cannot be listed."""
        problem, runs = "", list[directory.RunDirectory]()
        try:
            runs = directory.list_runs(self._home)
        except OSError as error:
            problem = refused.in_words(error)
        if problem and problem != self._problem:
            self.post(ActionFailed("Runs cannot be listed", problem))
        self._problem = problem
        return runs

    def _row(self, run: directory.RunDirectory) -> RunRow:
        """A run that is over is read again only when its state was written again: it may have been resumed."""
        try:
            written = run.state.stat().st_mtime_ns
        except OSError:
            written = 0
        known = self._over.get(run.id)
        if known is not None and known[0] == written:
            return known[1]
        row = read_row(run)
        if not row.phase.is_over and reattach(run):
            log.info("a new supervisor watches over %s", run.id)
        if row.phase.is_over:
            self._over[run.id] = (written, row)
        else:
            self._over.pop(run.id, None)
        return row
