"""The app's part in looking at runs: which one is followed, and the screens that show more of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import App

from runner.insight import answers
from runner.insight.task import main_curve
from runner.store.directory import RunDirectory, runs_folder
from tui.editing import Editing
from tui.messages import LogRead, NextPresetAsked, RowsAsked, RowsFound, RunsCompared
from tui.models.run_view import RunRow, RunView
from tui.notifications import Attention
from tui.screens.main import MainScreen
from tui.services import drafts, runs_read
from tui.services.follow import FollowService
from tui.services.run_reader import Target

if TYPE_CHECKING:
    from tui.screens.compare import CompareScreen
    from tui.screens.evidence import EvidenceScreen
    from tui.screens.log import LogScreen
    from tui.screens.samples import SamplesScreen


class Looking:
    """One run is followed at a time; whatever screen is open gets its newest view."""

    def __init__(self, app: App[None], home: Path, main: MainScreen, editing: Editing) -> None:
        self._app, self._home, self._main, self._editing = app, home, main, editing
        self.follow = FollowService(app.post_message)
        self._attention = Attention(app, home)
        self._guests: dict[str, Target] = {}
        self._listed: tuple[RunRow, ...] = ()
        self._guest_rows: dict[str, RunRow] = {}
        self.evidence: EvidenceScreen | None = None
        self.samples: SamplesScreen | None = None
        self.log: LogScreen | None = None
        self._log_seen: tuple[str, ...] = ()
        self.compare: CompareScreen | None = None

    # Which run

    def invite(self, target: Target) -> None:
        """Show a run that is not in the store beside those that are."""
        if target.run is None or target.run.path.parent != runs_folder(self._home):
            self._guests[target.id] = target
            self._guest_rows[target.id] = RunRow(target.id, Path(target.id).name)
            self._list()

    def listed(self, rows: tuple[RunRow, ...]) -> None:
        """The store was read."""
        self._listed = rows
        self._list()

    def _list(self) -> None:
        rows = (*self._guest_rows.values(), *self._listed)
        # Of a guest nothing is known before it was read: how it stands then is no news.
        self._attention.seen([row for row in rows if row.step or row.id not in self._guests])
        self._main.rows = rows

    def chosen(self, run_id: str | None) -> None:
        """Another run is highlighted."""
        self.follow.follow(self.target(run_id) if run_id is not None else None)

    def target(self, run_id: str) -> Target:
        """Where the run of a row is."""
        return self._guests.get(run_id) or Target(RunDirectory(runs_folder(self._home) / run_id))

    def changed(self, view: RunView) -> None:
        """The followed run has news."""
        self._main.view = view
        if view.id in self._guests:
            self._guest_rows[view.id] = guest_row(view)
            self._list()
        if self.evidence is not None:
            self.evidence.view = view
        if self.samples is not None:
            self.samples.view = view
        if self.log is not None and view.console != self._log_seen:
            self._log_seen = view.console
            runs_read.log(self._app.post_message, view.path)

    # Screens

    def show(self, wish: str, view: RunView) -> None:
        """Open one of the screens on a run."""
        {"evidence": self._show_evidence, "samples": self._show_samples, "log": self._show_log}[wish](view)

    def _show_evidence(self, view: RunView) -> None:
        from tui.screens.evidence import EvidenceScreen

        def left(_: None) -> None:
            self.evidence = None

        self.evidence = EvidenceScreen(view)
        self._app.push_screen(self.evidence, left)

    def _show_samples(self, view: RunView) -> None:
        from tui.screens.samples import SamplesScreen

        def left(_: None) -> None:
            self.samples = None

        if not view.samples:
            self._app.notify(
                "No answers yet: eval.sample_prompts are answered at every evaluation.", title="Samples"
            )
            return
        self.samples = SamplesScreen(view)
        self._app.push_screen(self.samples, left)

    def _show_log(self, view: RunView) -> None:
        from tui.screens.log import LogScreen

        def left(_: None) -> None:
            self.log = None

        self.log = LogScreen(view.name)
        self.log.lines = self._log_seen = view.console
        self._app.push_screen(self.log, left)
        runs_read.log(self._app.post_message, view.path)

    def log_read(self, message: LogRead) -> None:
        if self.log is not None and self._main.view is not None and message.path == self._main.view.path:
            self.log.lines = message.lines or self._main.view.console

    def show_comparison(self, run_ids: tuple[str, ...]) -> None:
        """Compare runs; a run of another trainer has no preset and no row losses to compare."""
        from tui.screens.compare import CompareScreen

        def left(_: None) -> None:
            self.compare = None

        self.compare = CompareScreen(len(run_ids))
        self._app.push_screen(self.compare, left)
        runs_read.compare(self._app.post_message, [self.target(run_id) for run_id in run_ids])

    def compared(self, message: RunsCompared) -> None:
        if self.compare is not None:
            self.compare.runs = message.runs

    # What the evidence asks for

    def rows_asked(self, message: RowsAsked) -> None:
        run = RunDirectory(Path(message.view.path))
        runs_read.rows(self._app.post_message, run, message.steps, message.with_text)

    def rows_found(self, message: RowsFound) -> None:
        if self.evidence is not None:
            self.evidence.rows = {**self.evidence.rows, **message.rows}
            if message.texts:
                self.evidence.texts = message.texts

    def preset_asked(self, message: NextPresetAsked) -> None:
        """Make the next preset in the workbench."""
        view = message.view
        self._editing.after_run(
            lambda home: drafts.of_run(
                home, Path(view.path), view.name, message.changes, message.reason, message.skip
            )
        )


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
